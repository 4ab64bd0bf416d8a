#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tunnel role on a server whose WAN somebody else configured (`ip`, as ifupdown would): every way in
# which a provider hands out a prefix, with real WireGuard, and a far client that pings each device.
#
#   far ---- isp ---- eth0 server wg-sixgate ==== device namespaces, which reach it through the isp
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"

tunnel() { /usr/libexec/sixgate-tunnel "$@"; }
refused() {   # refused PATTERN COMMAND...: and nothing changed
    local pattern=$1 before after out
    before=$(sha256sum /var/lib/sixgate/tunnel.state 2>/dev/null)
    shift
    if out=$("$@" 2>&1); then echo "it was done: $out"; return 1; fi
    after=$(sha256sum /var/lib/sixgate/tunnel.state 2>/dev/null)
    [ "$before" = "$after" ] || { echo "the state changed"; return 1; }
    grep -qE "$pattern" <<<"$out" || { echo "$out"; return 1; }
}
says() {   # says RE COMMAND...: the command succeeds, and prints RE
    local pattern=$1 out
    shift
    if out=$("$@" 2>&1) && grep -qE "$pattern" <<<"$out"; then return; fi
    echo "$out"
    return 1
}
no_writes() { "$SIXGATE_RECONCILE" -v | grep -qE '(^|[^0-9])0 writes'; }
peers() { wg show wg-sixgate dump | tail -n +2 | cut -f1,2,4 | sort; }

exec 3>&1   # for figures
server_up
wan 2001:db8:1::10/64 2001:db8:1::/64

# --- from nothing
ok "a prefix for a subnet that is not there" refused 'no subnet' tunnel subnet set-ipv6 home 2001:db8:1::/64
ip link add wg-sixgate type wireguard
wg set wg-sixgate private-key <(wg genkey) peer "$(own_key other)" allowed-ips 192.168.9.2/32
ok "an interface of that name that is somebody else's is refused" refused 'there is an interface wg-sixgate already' tunnel subnet add 10.59.0.0/24 home
ok "and left alone" has_peers 1
ip link del wg-sixgate
nmcli connection add type wireguard ifname wg-sixgate con-name mine autoconnect no wireguard.private-key "$(wg genkey)" >/dev/null
ok "so is a profile for it" refused 'nmcli connection delete' tunnel subnet add 10.59.0.0/24 home
nmcli connection delete mine >/dev/null
ok "the first subnet" tunnel subnet add 10.59.0.0/24 home
ok "NetworkManager has the interface up" until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/24
ok "its profile holds no peer" profile_has_no_peer
ok "a device" says '^10.59.0.2 none$' tunnel device add home one --kind server
ok "another, of its own key" says '^10.59.0.3 none$' tunnel device add home two --public-key "$(own_key two)"
ok "a second subnet" tunnel subnet add 10.60.0.0/24 office
ok "with a device" says '^10.60.0.2 none$' tunnel device add office three
ok "the kernel has three peers" until_ok 5 has_peers 3
ok "its addresses follow without a Reapply" ip -o addr show dev wg-sixgate to 10.60.0.1/24
for d in one two three; do device_up $d; done
ok "IPv4 goes through the tunnel" until_ok 10 device_pings one 10.59.0.1
ok "the state is readable for root only" test "$(stat -c %a /var/lib/sixgate/tunnel.state)" = 600

# --- refusals, each with its sentence
ok "link-local is refused" refused 'fe80::/64 is link-local' tunnel subnet set-ipv6 home fe80::/64
ok "multicast is refused" refused 'is multicast' tunnel subnet set-ipv6 home ff05::/64
ok "host bits are refused, and the network named" refused 'the network is 2001:db8:1::/64' tunnel subnet set-ipv6 home 2001:db8:1::5/64
ok "unique local is refused" refused 'is unique local' tunnel subnet set-ipv6 home fd00:1::/64
ok "a single address is refused, with what to do" refused 'single address.*ask the provider' tunnel subnet set-ipv6 home 2001:db8:1::10/128
ip -6 route del default
ok "without an IPv6 default route it is refused" refused 'no IPv6 default route' tunnel subnet set-ipv6 home 2001:db8:1::/64
ip -6 route add default via fe80::1 dev eth0

# --- the provider table
row() {   # row WHAT ADDRESS...: the devices' addresses, in order
    local what=$1 d
    shift
    for d in one two three; do
        [ $# -gt 0 ] || break
        device_address $d "$1"
        ok "$what: the far client reaches $d" until_ok 10 far_pings "$1"
        ok "$what: $d reaches the far client, as $1" until_ok 5 far_sees $d "$1"
        shift
    done
    ok "$what: nothing more to do" no_writes
}
tunnel subnet set-ipv6 home 2001:db8:1::/64
tunnel subnet set-ipv6 office 2001:db8:1::/64
row "/64 on-link" 2001:db8:1::a3b:2 2001:db8:1::a3b:3 2001:db8:1::a3c:2
ok "/64 on-link: a solicitation is answered within 10 ms" answered_fast 2001:db8:1::a3b:2
ip link set eth0 down
wan 2001:db8:1::10/64 2001:db8:1::/64
"$SIXGATE_RECONCILE"
ok "/64 on-link, after a flap: reached again" until_ok 5 far_pings 2001:db8:1::a3b:2
ok "/64 on-link, after a flap: within 10 ms" answered_fast 2001:db8:1::a3b:3
ok "the server's own addresses are reached" until_ok 5 far_pings 2001:db8:1::a3b:1
ok "the WAN's address is reached" far_pings 2001:db8:1::10

# --- what devices may and may not
serve_on one; serve_on two; serve_on three; serve_on far
ok "a device of the same subnet is reached" device_asks one 2001:db8:1::a3b:3
ok "one of another subnet is not" not device_asks one 2001:db8:1::a3c:2
ok "nor by ping" not device_pings one 2001:db8:1::a3c:2
ok "a device opens connections to the far client" device_asks one $FAR
ok "nobody opens one to a device without a pinhole" not asks far 2001:db8:1::a3b:2
ip -n one addr add 2001:db8:1::a3b:3/128 dev wg0 nodad
ok "a device cannot send from another's address" not in_ns one ping -c 2 -W 1 -I 2001:db8:1::a3b:3 $FAR
ip -n one addr del 2001:db8:1::a3b:3/128 dev wg0
ok "the size of segments fits the tunnel" mss_is_clamped one

# --- one change touches one peer
handshakes=$(wg show wg-sixgate latest-handshakes | sort)
start_pinging three $FAR
ok "a fourth device comes" tunnel device add home four
ok "and goes" tunnel device remove home four
ok "no ping of another device was lost" no_ping_lost
start_pinging three $FAR
start_pinging far 2001:db8:1::a3c:2
ok "a foreign modify and reapply" foreign_reapply
sleep 2
ok "no ping was lost to that" no_ping_lost
start_pinging three $FAR
ok "the handshakes of the others are what they were" same "$handshakes" "$(wg show wg-sixgate latest-handshakes | sort)"
ok "the peers, too" has_peers 3
systemctl restart NetworkManager
until_ok 20 nmcli -t general status
ok "NetworkManager restarted: the peers are there" has_peers 3
ok "and no ping was lost" no_ping_lost

# --- what somebody takes away comes back
systemctl start sixgate-reconcile.service
until_ok 5 systemctl is-active sixgate-reconcile.socket
ok "next hops of ours are flushed" says 'Flushed [1-9]' ip nexthop flush proto 106
ok "next hops are flushed, and the routes with them: back" until_ok 10 far_pings 2001:db8:1::a3c:2
sysctl -qw net.ipv4.nexthop_compat_mode=0   # of the routes that go along the kernel says nothing then
ok "the same where it tells of the next hop only: flushed" says 'Flushed [1-9]' ip nexthop flush proto 106
ok "and back" until_ok 10 far_pings 2001:db8:1::a3c:2
sysctl -qw net.ipv4.nexthop_compat_mode=1
ip link set eth0 down
wan 2001:db8:1::10/64 2001:db8:1::/64
ok "the WAN went down and up: devices are reached again, with nobody's help" until_ok 10 far_pings 2001:db8:1::a3b:2
ip -6 route flush table local proto 106
ok "the server's own address is kept again" until_ok 10 says 'local 2001:db8:1::a3b:1 dev lo' ip -6 route show table local proto 106

# --- routed prefixes
start_pinging one 10.59.0.1
if [ -n "${SIXGATE_LONG:-}" ]; then lens='64 56 48'; else lens=56; echo "# reduced: of the routed prefixes only a /56"; fi
for len in $lens; do
    route_to_server "2001:db8:$len::/$len"
    ok "/$len routed: done, with a warning that it cannot be seen" says 'cannot be seen from here' tunnel subnet set-ipv6 home "2001:db8:$len::/$len"
    row "/$len routed" "2001:db8:$len::a3b:2" "2001:db8:$len::a3b:3"
done
ok "two subnets with different prefixes" until_ok 5 far_pings 2001:db8:1::a3c:2
ok "stale answers are gone" not says 2001:db8:1::a3b ip -6 neigh show proxy

# --- cleared
tunnel subnet clear-ipv6 home
tunnel subnet clear-ipv6 office
ok "cleared: no address, route or answer is left" nothing_left
for d in one two three; do ok "cleared: the config of $d has no IPv6" config_says $d ''; done
ok "no ping of IPv4 was lost to any of it" no_ping_lost

# --- a /124 of which the WAN's address is part
wan 2001:db8:7::13/124 2001:db8:7::10/124
ok "/124: the WAN's address is not given away, and named" refused '10.59.0.3 .“two”.*this machine on eth0|this machine on eth0.*10.59.0.3' tunnel subnet set-ipv6 home 2001:db8:7::10/124
tunnel device remove home two
ok "/124: without that device it is done" tunnel subnet set-ipv6 home 2001:db8:7::10/124
ok "/124: an explicit collision is refused" refused 'belongs to this machine on eth0' tunnel device add home two --ip 10.59.0.3
ok "/124: the next one skips it" says '^10.59.0.4 2001:db8:7::14$' tunnel device add home two --public-key "$(own_key two)"
device_up two
row "/124 on-link" 2001:db8:7::12 2001:db8:7::14
ok "the WAN keeps its address" ip -o addr show dev eth0 to 2001:db8:7::13

# --- gone
tunnel subnet remove home
tunnel subnet remove office
ok "everything removed: no peer is left" has_peers 0
ok "everything removed: nothing is left" nothing_left
finish
