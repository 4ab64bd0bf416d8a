#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every way in which a provider hands out a prefix, on a server whose WAN systemd-networkd has, and on one where
# /etc/network/interfaces names it (`ip` does what ifupdown would, NetworkManager reads the file). The role
# works, and nothing of it, nor a new start of all managers, costs the WAN its address.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"
tunnel() { /usr/libexec/sixgate-tunnel "$@"; }
no_writes() { "$SIXGATE_RECONCILE" -v | grep -qE '(^|[^0-9])0 writes'; }
wan_has() { ip -6 -o addr show dev eth0 to "$1" | grep -q . && ip -6 route show default | grep -q 'via fe80::1 dev eth0'; }

wan_by_networkd() {   # wan_by_networkd ADDRESS
    mkdir -p /etc/systemd/network
    cat >/etc/systemd/network/10-wan.network <<N
[Match]
Name=eth0
[Network]
Address=$1
Address=2001:db8:f0::10/64
Address=fe80::10/64
Gateway=fe80::1
IPv6AcceptRA=no
LinkLocalAddressing=no
IPv6DuplicateAddressDetection=0
N
    systemctl restart systemd-networkd
}
wan_by_interfaces() {
    printf 'auto eth0\niface eth0 inet6 static\n    address %s\n    gateway fe80::1\n' "$1" >/etc/network/interfaces
    ip link set eth0 up
    ip -6 addr flush dev eth0 scope global
    ip addr add "$1" dev eth0 nodad
    ip addr add 2001:db8:f0::10/64 dev eth0 nodad
    ip addr replace fe80::10/64 dev eth0 nodad
    ip -6 route replace default via fe80::1 dev eth0
}
again() {   # what a new start brings: links without anything, then every manager, as its unit orders it
    ip link set eth0 down
    rm -rf /run/sixgate
    ip -6 rule flush proto sixgate 2>/dev/null
    nft flush ruleset
    systemctl restart sixgate-boot
    "wan_by_$1" "$2"
    systemctl restart NetworkManager
    until_ok 30 nmcli -t general status
}
seen() {   # seen WHAT ADDRESS…: of one and two
    ok "$1: the far client reaches one" until_ok 15 far_pings "$2"
    ok "$1: one reaches it, as $2" far_sees one "$2"
    ok "$1: the far client reaches two" until_ok 5 far_pings "$3"
}
row() {   # row MANAGER WHAT WAN ON-LINK PREFIX ONE TWO
    local manager=$1 what="$1, $2" wan=$3
    ip -n isp -6 route flush dev port0 proto boot
    ip -n isp -6 route replace "$4" dev port0
    ip -n isp -6 route replace 2001:db8:f0::/64 dev port0
    [[ $2 != *routed* ]] || route_to_server "$5"
    "wan_by_$manager" "$wan"
    ok "$what: the WAN is up" until_ok 20 wan_has "${wan%/*}"
    ok "$what: the prefix is taken" tunnel subnet set-ipv6 home "$5"
    device_address one "$6"
    device_address two "$7"
    seen "$what" "$6" "$7"
    ok "$what: the WAN keeps its address" wan_has "${wan%/*}"
    ok "$what: nothing more to do" no_writes
    [ "$2" = "/64 on-link" ] || [ -n "${SIXGATE_LONG:-}" ] || return 0
    again "$manager" "$wan"
    ok "$what, after a new start: the WAN has its address" until_ok 20 wan_has "${wan%/*}"
    seen "$what, after a new start" "$6" "$7"
}

server_up
# Two devices whose low four bits are none of the WAN's: 2 and 4.
wan_by_interfaces 2001:db8:1::10/64
ip -n isp -6 route replace 2001:db8:f0::/64 dev port0
tunnel subnet add 10.59.0.0/24 home
ok "NetworkManager has the interface up" until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/24
tunnel device add home one --ip 10.59.0.2 >/dev/null
tunnel device add home two --ip 10.59.0.4 >/dev/null
device_up one
device_up two
for manager in interfaces networkd; do
    if [ $manager = networkd ]; then
        : >/etc/network/interfaces
        rm -f /etc/systemd/system/systemd-networkd.{service,socket}
        systemctl daemon-reload
    fi
    row $manager "/64 on-link" 2001:db8:1::10/64 2001:db8:1::/64 2001:db8:1::/64 2001:db8:1::a3b:2 2001:db8:1::a3b:4
    row $manager "/64 routed" 2001:db8:1::10/64 2001:db8:1::/64 2001:db8:6400::/64 2001:db8:6400::a3b:2 2001:db8:6400::a3b:4
    row $manager "/56 routed" 2001:db8:1::10/64 2001:db8:1::/64 2001:db8:5600::/56 2001:db8:5600::a3b:2 2001:db8:5600::a3b:4
    row $manager "/48 routed" 2001:db8:1::10/64 2001:db8:1::/64 2001:db8:48::/48 2001:db8:48::a3b:2 2001:db8:48::a3b:4
    row $manager "/124 on-link" 2001:db8:7::13/124 2001:db8:7::10/124 2001:db8:7::10/124 2001:db8:7::12 2001:db8:7::14
    ok "$manager, /128: refused" not tunnel subnet set-ipv6 home 2001:db8:7::13/128
    tunnel subnet clear-ipv6 home
done
finish
