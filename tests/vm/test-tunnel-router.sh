#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tunnel role where a router announces the WAN's address and default: forwarding makes the kernel deaf to it,
# unless it is told to listen first. Also where the router is heard after the tunnel is up, as at a boot, and where
# NetworkManager listens itself.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"
tunnel() { /usr/libexec/sixgate-tunnel "$@"; }
setting() { sysctl -n "net.ipv6.conf.$1"; }
learned() { ip -6 route show default dev "$1" | grep -q 'proto ra'; }
as_it_was() { same "$1" "$(ip -6 -o addr show dev eth0 scope global | awk '{ print $4 }'; ip -6 route show default)"; }
subnet_with_prefix() {
    tunnel subnet add 10.59.0.0/24 home
    until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/24
    tunnel subnet set-ipv6 home 2001:db8:1::/64
}

server_up
in_ns isp sysctl -qw net.ipv6.conf.port0.accept_ra=0
ip netns exec isp python3 "$here/../lib/router.py" port0 2001:db8:1:: &
router=$!

# --- the kernel listens
sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.eth0.accept_ra=1
ip link set eth0 addrgenmode eui64 up
ok "the kernel learns its default route" until_ok 15 learned eth0
subnet_with_prefix
tunnel device add home one
ok "the server forwards" test "$(setting all.forwarding)" = 1
ok "and has its default route still" learned eth0
ip link set eth0 down
ip link set eth0 up
ok "after a flap it learns it again" until_ok 15 learned eth0

# --- as at a boot: the settings are the kernel's own, and the tunnel is up before the router is heard
nmcli connection down wg-sixgate >/dev/null
ip link set eth0 down
sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.default.forwarding=0 net.ipv6.conf.eth0.accept_ra=1
nmcli connection up wg-sixgate >/dev/null
ok "the tunnel is up first, and the server forwards" until_ok 10 test "$(setting all.forwarding)" = 1
ok "control: nothing is learned yet" not learned eth0
ip link set eth0 up
ok "then the router is heard" until_ok 15 learned eth0
"$SIXGATE_RECONCILE"
ok "and neighbours are answered for devices" until_ok 5 sh -c 'ip -6 neigh show proxy dev eth0 | grep -q 2001:db8:1::a3b:2'
# a link that comes later, as one of networkd's or a card's whose driver is slow
ip link add late type veth peer name port9 netns isp
in_ns isp sysctl -qw net.ipv6.conf.port9.accept_ra=0
ip -n isp link set port9 up
ip netns exec isp python3 "$here/../lib/router.py" port9 2001:db8:9:: &
late_router=$!
sysctl -qw net.ipv6.conf.late.accept_ra=1
ip link set late addrgenmode eui64 up
ok "a link that comes later learns, too" until_ok 15 learned late
"$SIXGATE_RECONCILE"
ok "and it forwards, and listens" same "1 2" "$(setting late.forwarding) $(setting late.accept_ra)"
ok "both defaults are still there" eval 'learned late && learned eth0'
kill $late_router
ip link del late

# --- NetworkManager listens
tunnel device remove home one
tunnel subnet remove home
ip link set eth0 down
ip -6 addr flush dev eth0
sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.default.forwarding=0 net.ipv6.conf.eth0.accept_ra=1
nmcli device set eth0 managed yes
nmcli connection add type ethernet con-name wan ifname eth0 ipv4.method disabled ipv6.method auto >/dev/null
nmcli connection up wan >/dev/null
ok "NetworkManager learns its default route" until_ok 20 learned eth0
before=$(ip -6 -o addr show dev eth0 scope global | awk '{ print $4 }'; ip -6 route show default)
ok "control: the kernel is not to listen" test "$(setting eth0.accept_ra)" = 0
subnet_with_prefix
sleep 2   # some advertisements more
ok "the server forwards; the kernel is still not to listen" same "1 0" "$(setting all.forwarding) $(setting eth0.accept_ra)"
ok "one address and one default route, as before" as_it_was "$before"
kill $router
finish
