#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A server and those who connect to it, from the first command to the first connection: a home host with a
# NetworkManager of its own imports what `show-config` printed, selects it and is reached; a phone that knows
# wg-quick only; two subnets with different prefixes; and at last a server that is a host, too.
#
#   far ---- isp ---- eth0 server wg-sixgate ==== home (nm0, wg0), phone (wg-quick), three
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"
tunnel() { /usr/libexec/sixgate-tunnel "$@"; }

# --- the home host: a NetworkManager, bus and dispatcher of its own
if [ "${1:-}" = home-host ]; then
    . "$here/../nm/lib.sh"
    nm_mounts 2>/dev/null
    # The namespace has its sysfs already; read-only for this NetworkManager.
    mount -o remount,bind,ro /sys
    nm_bus
    nm_start
    nmcli connection add type ethernet con-name lan ifname nm0 ipv4.method disabled ipv6.method manual \
        ipv6.addresses 2001:db8:e4::2/64 ipv6.gateway 2001:db8:e4::1 >/dev/null
    nmcli connection up lan >/dev/null
    touch /run/ready
    wait
fi
home_up() {
    net_link home 2001:db8:e4
    ip -n home link set wan down
    ip -n home link set wan name nm0
    ip netns exec home unshare -m -u -i -p -f --kill-child --mount-proc --propagation private \
        env SIXGATE_PRIVATE=1 bash "$0" home-host >"$work/home.log" 2>&1 &
    home_parent=$!
    until_ok 30 at_home test -e /run/ready
}
at_home() { nsenter -t "$(pgrep -P "$home_parent")" -m -n -u -i -p "$@"; }
seen_as() {   # seen_as EXPECTED COMMAND...: the far client answers with the address that it saw
    local want=$1 got
    shift
    got=$("$@" timeout 4 socat -t 2 - "TCP6:[$FAR]:7,connect-timeout=3" </dev/null 2>/dev/null | tr -d '[]' |
        python3 -c 'import ipaddress, sys; t = sys.stdin.read().strip(); print(ipaddress.ip_address(t) if t else "nothing")')
    [ "$got" = "$want" ] || { echo "expected $want, got $got"; return 1; }
}

server_up
wan 2001:db8:1::10/64 2001:db8:1::/64
ip netns add home; ip netns add phone; ip netns add vps
for n in home phone vps; do ip -n $n link set lo up; in_ns $n sysctl -qw net.ipv6.conf.default.accept_dad=0; done
serve_on far
home_up
home_has_lan() {
    at_home ping -6 -c 1 -W 1 "$FAR" && return
    at_home sh -c 'ip -br addr; ip -6 route; ip -6 rule; nft list ruleset | head -80; nmcli device; nmcli connection; tail -30 /run/t/nm.log'
    cat "$work/home.log"
    return 1
}
until_ok 20 home_has_lan
ok "the home host has its LAN" home_has_lan

# --- the server
tunnel subnet add 10.59.0.0/24 home
ok "the server has its interface" until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/24
tunnel subnet set-ipv6 home 2001:db8:1::/64
tunnel device add home box --kind server >/dev/null
tunnel device add home phone >/dev/null

# --- the home host imports what the server printed
(umask 077; tunnel device show-config home box --endpoint 2001:db8:f0::10 >"$work/wg0.conf")
ok "the file says what it is" grep -q '^# StartTunnel config for box' "$work/wg0.conf"
at_home sh -c 'cat >/run/wg0.conf' <"$work/wg0.conf"
ok "nmcli imports it" at_home nmcli connection import type sixgate file /run/wg0.conf
ok "NetworkManager activates it" until_ok 20 at_home ip -o addr show dev wg0 to 2001:db8:1::a3b:2
ok "it is a gateway of both directions" at_home grep -rqs 'sixgate.type=inbound-outbound' /etc/NetworkManager/system-connections
ok "not selected: the host goes by its LAN" until_ok 10 seen_as 2001:db8:e4::2 at_home
ok "not selected: the far client reaches it by the tunnel all the same" until_ok 20 far_pings 2001:db8:1::a3b:2
ok "it is selected" at_home /usr/libexec/sixgate-reconcile --outbound wg0
ok "the far client is reached with the global address" until_ok 10 seen_as 2001:db8:1::a3b:2 at_home
ok "and what it asks is answered" far_pings 2001:db8:1::a3b:2

# --- a phone that knows wg-quick only
net_link phone 2001:db8:e5
(umask 077; tunnel device show-config home phone --endpoint 2001:db8:f0::10 >"$work/wgp.conf")
ok "wg-quick takes the file as it is" in_ns phone wg-quick up "$work/wgp.conf"
ok "the phone is seen with its global address" until_ok 10 seen_as 2001:db8:1::a3b:3 in_ns phone
ok "and reached" far_pings 2001:db8:1::a3b:3
ok "the two reach each other" in_ns phone ping -c 1 -W 2 2001:db8:1::a3b:2
ok "also by IPv4" in_ns phone ping -c 1 -W 2 10.59.0.1

# --- another subnet, with another prefix
tunnel subnet add 10.60.0.0/24 office
route_to_server 2001:db8:5600::/56
tunnel subnet set-ipv6 office 2001:db8:5600::/56 2>/dev/null
tunnel device add office three >/dev/null
device_up three
device_address three 2001:db8:5600::a3c:2
ok "two prefixes: the other's device is seen with its own" until_ok 10 seen_as 2001:db8:5600::a3c:2 in_ns three
ok "and reached" far_pings 2001:db8:5600::a3c:2
ok "the first is as before" seen_as 2001:db8:1::a3b:2 at_home
ok "they do not reach each other" not in_ns three ping -c 1 -W 2 2001:db8:1::a3b:2

# --- the server is a host, too: it goes by a gateway that it imported, its devices by its own way out
net_link vps 2001:db8:e6
(umask 077; wg genkey >"$work/vps.key"; wg genkey >"$work/gw.key")
ip -n vps link add wg type wireguard
in_ns vps wg set wg listen-port 51820 private-key "$work/vps.key" peer "$(wg pubkey <"$work/gw.key")" allowed-ips 2001:db8:a::2/128
in_ns vps sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n vps addr add 2001:db8:a::1/64 dev wg nodad
ip -n vps link set wg up
ip -n isp -6 route add 2001:db8:a::/48 via 2001:db8:e6::2
cat >"$work/gw0.conf" <<C
# StartTunnel config
[Interface]
PrivateKey = $(cat "$work/gw.key")
Address = 2001:db8:a::2/128
[Peer]
PublicKey = $(wg pubkey <"$work/vps.key")
Endpoint = [2001:db8:e6::2]:51820
AllowedIPs = ::/0
PersistentKeepalive = 25
C
ok "both roles: the server imports a gateway" nmcli connection import type sixgate file "$work/gw0.conf"
ok "both roles: it comes up" until_ok 20 ip -o addr show dev gw0 to 2001:db8:a::2
ok "both roles: it is selected" "$SIXGATE_RECONCILE" --outbound gw0
ok "both roles: the server's own connections go by it" until_ok 10 seen_as 2001:db8:a::2 env
ok "both roles: the home host's go by the server's own way out" seen_as 2001:db8:1::a3b:2 at_home
ok "both roles: it is reached" far_pings 2001:db8:1::a3b:2
ok "both roles: the phone, too" far_pings 2001:db8:1::a3b:3
ok "both roles: the gateway's address is reached" far_pings 2001:db8:a::2
kill "$home_parent"
finish
