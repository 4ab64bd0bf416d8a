#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every way in which a provider hands out a prefix, on a server whose WAN is in /etc/network/interfaces. ifupdown
# has it; NetworkManager reads the file, and leaves such links alone.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"
. "$here/../lib/tunnel-wan.sh"

manager=ifupdown unit=networking.service
manager_installed() {   # as Debian's package leaves it (guest/customize)
    rm /etc/udev/rules.d/80-ifupdown.rules /etc/systemd/system/networking.service
    find /etc/network/if-*.d -type f -exec chmod +x {} +
    systemctl daemon-reload
    systemctl enable --quiet networking.service
}
wan_config() {   # wan_config ADDRESS
    cat >/etc/network/interfaces <<I
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet6 static
    address $1
    gateway fe80::1
    dad-attempts 0
iface eth0 inet6 static
    address $UNDERLAY
    dad-attempts 0
    up ip addr add $LINK_LOCAL dev \$IFACE nodad
    down ip addr del $LINK_LOCAL dev \$IFACE
I
}
wan_changes() {   # wan_changes ADDRESS: ifdown takes away what the file still says
    ifdown eth0 && wan_config "$1" && ifup eth0
}
manager_has_it() { ifquery --state eth0 && systemctl is-active "$unit"; }

provider_table
