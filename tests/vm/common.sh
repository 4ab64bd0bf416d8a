# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034
# common.sh: settings and file names shared by prepare and run (sourced).
#
# Environment:
#   SIXGATE_VM_CACHE      where the kernel and the images are kept (default: below
#                         XDG_CACHE_HOME where that is set, else /var/cache/sixgate-vm)
#   SIXGATE_VM_KERNEL_XZ  a kernel that was built before (xz), instead of building one
#   SIXGATE_VM_SUITE      the guest's Debian release (default: that of this machine, because
#                         the guest runs the programs that are built here; those of Debian 12
#                         run on 13, too)
#   SIXGATE_VM_SOURCE     the suite whose linux-source is built (default trixie-backports: from
#                         6.16 on User Mode Linux has a seccomp mode, which halves every time)
vm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SIXGATE_VM_CACHE:-${XDG_CACHE_HOME:+$XDG_CACHE_HOME/sixgate-vm}}
cache=${cache:-/var/cache/sixgate-vm}
# shellcheck source=/dev/null
suite=${SIXGATE_VM_SUITE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
source_suite=${SIXGATE_VM_SOURCE:-trixie-backports}

# Libraries come with what needs them (glib with network-manager, libmnl and libnftnl with
# nftables), so that no name here belongs to one release only.
packages="systemd systemd-sysv systemd-resolved libpam-systemd dbus polkitd network-manager nftables
  wireguard-tools iproute2 iputils-ping procps kmod udev tcpdump libcap2-bin netcat-openbsd
  conntrack radvd dnsmasq-base strace less socat jq python3-minimal libjson-glib-1.0-0 ifupdown"

die() { echo "${0##*/}: $*" >&2; exit 125; }
digest() { sha256sum | cut -c1-12; }

# Names that change when what they are made of changes, so a stale cache is never used.
packages=$(tr -s ' \n' '\n' <<<"$packages" | sort -u | paste -sd,)
tree_tar=$cache/tree-$suite-$(digest <<<"$packages").tar
image=${tree_tar%.tar}-$(cat "$vm"/guest/* | digest).ext4
if [ -n "${SIXGATE_VM_KERNEL_XZ:-}" ]; then
    kernel=$cache/$(basename "$SIXGATE_VM_KERNEL_XZ" .xz)
else
    kernel=$cache/linux-uml-$source_suite-$(digest <"$vm/uml.config")
fi
