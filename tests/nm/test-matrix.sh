#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The matrix of packets (../packets/test-matrix.py) where NetworkManager is real and the kernel has no
# WireGuard; the test starts NetworkManager itself.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
nm_enter "$@"
nm_mounts
nm_bus
SIXGATE_RECONCILE=/usr/libexec/sixgate-reconcile python3 "$here/../packets/test-matrix.py" "$@"
exit
