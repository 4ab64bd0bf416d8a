#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every way in which a provider hands out a prefix, on a server whose WAN systemd-networkd has. Nothing of
# NetworkManager's own tells it so.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"
. "$here/../lib/tunnel-wan.sh"

manager=networkd unit=systemd-networkd.service
manager_installed() {   # as somebody has it who uses it (guest/customize masks it)
    rm -f /etc/systemd/system/systemd-networkd.{service,socket}
    systemctl daemon-reload
    systemctl enable --quiet systemd-networkd.service
}
wan_config() {   # wan_config ADDRESS
    mkdir -p /etc/systemd/network
    cat >/etc/systemd/network/10-wan.network <<N
[Match]
Name=eth0
[Network]
Address=$1
Address=$UNDERLAY
Address=$LINK_LOCAL
Gateway=fe80::1
IPv6AcceptRA=no
LinkLocalAddressing=no
IPv6DuplicateAddressDetection=0
N
}
wan_changes() { wan_config "$1" && networkctl reload; }   # wan_changes ADDRESS
manager_has_it() { networkctl --json=short status eth0 | jq -e '.AdministrativeState == "configured"' && systemctl is-active "$unit"; }

provider_table
