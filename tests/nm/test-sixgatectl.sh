#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# sixgatectl against the real service on a private bus, with a real NetworkManager and two gateways nm0
# and nm1; sixgatectl.py does the calling.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
nm_enter "$@"
python3 -c 'import jsonschema' 2>/dev/null || { echo "1..0 # SKIP no python3-jsonschema"; exit 0; }
nm_mounts
nm_service
install -m 755 "$SIXGATE_DOCTOR" /usr/libexec/sixgate-doctor
nm_bus
ip netns add router
for n in 0 1; do
    ip link add nm$n type veth peer name p$n netns router
    ip -n router link set p$n up
    ip -n router addr add 2001:db8:$((n + 1))::1/64 dev p$n nodad
done
nm_start
for n in 0 1; do
    nmcli connection add type ethernet con-name nm$n ifname nm$n autoconnect no ipv4.method disabled \
        ipv6.method manual ipv6.addresses 2001:db8:$((n + 1))::2/64 ipv6.gateway 2001:db8:$((n + 1))::1 >/dev/null
    nmcli connection up nm$n >/dev/null
done
/usr/libexec/sixgate-reconcile
PYTHONDONTWRITEBYTECODE=1 SIXGATECTL_SCHEMA=$here/../../docs/sixgatectl.schema.json python3 "$here/sixgatectl.py"
