# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034
# wireguard-net.sh (after tap.sh): a host with a LAN, and a server behind it that owns a prefix (sourced). The
# host is the namespace of the caller; real WireGuard, so it needs a kernel that has it.
#
#   far ---- vps ===== wg0 (imported by nmcli)
#    |        |
#   inet ----home ---- eth0 host, and a client on the same LAN
#
# After net_up: $work/wg0.conf is what the server's owner handed out.
FAR=2001:db8:3::2 LAN_CLIENT=2001:db8:1::c HOST_LAN=2001:db8:1::2 HOST_TUNNEL=2001:db8:a::2
work=${work:-/run/sixgate-test}

in_ns() { ip netns exec "$@"; }

net_link() {   # net_link NS PREFIX: joins NS to the Internet; it is ::2 there
    ip link add wan type veth peer name "$1" netns inet
    ip link set wan netns "$1" up
    ip -n "$1" addr add "$2::2/64" dev wan nodad
    ip -n inet addr add "$2::1/64" dev "$1" nodad
    ip -n inet link set "$1" up
    ip -n "$1" -6 route add default via "$2::1"
}

net_up() {
    local n
    mkdir -p "$work"
    for n in inet far home vps lan; do
        ip netns add "$n"
        ip -n "$n" link set lo up
        in_ns "$n" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.forwarding=1
    done
    net_link far 2001:db8:3
    net_link home 2001:db8:e1
    net_link vps 2001:db8:e2
    ip -n inet -6 route add 2001:db8:1::/48 via 2001:db8:e1::2
    ip -n inet -6 route add 2001:db8:a::/48 via 2001:db8:e2::2

    # the LAN: a bridge in the home router, the host and a client on it
    ip -n home link add lan type bridge
    ip -n home addr add 2001:db8:1::1/64 dev lan nodad
    ip -n home addr add fe80::1/64 dev lan nodad
    ip -n home link set lan up
    ip link add "${HOST_IF:-eth0}" type veth peer name port0 netns home
    ip -n home link set port0 master lan up
    ip -n home link add port1 type veth peer name eth0 netns lan
    ip -n home link set port1 master lan up
    ip -n lan addr add $LAN_CLIENT/64 dev eth0 nodad
    ip -n lan link set eth0 up
    ip -n lan -6 route add default via fe80::1 dev eth0

    net_server
}

net_server() {   # the WireGuard server, and the file that its owner hands out
    umask 077
    wg genkey >"$work/server.key"
    wg genkey >"$work/host.key"
    ip -n vps link add wg type wireguard
    in_ns vps wg set wg listen-port 51820 private-key "$work/server.key" \
        peer "$(wg pubkey <"$work/host.key")" allowed-ips $HOST_TUNNEL/128,10.66.0.2/32
    ip -n vps addr add 2001:db8:a::1/64 dev wg nodad
    ip -n vps addr add 10.66.0.1/24 dev wg
    ip -n vps link set wg up
    # A server's firewall wants to see a connection from its beginning, and nobody forwards a
    # source that is not his.
    in_ns vps nft -f - <<'N'
table ip6 fw {
    chain forward {
        type filter hook forward priority filter; policy accept;
        iifname "wg" ip6 saddr != 2001:db8:a::/48 drop
        ct state new tcp flags & (syn | ack) != syn drop
        ct state invalid drop
    }
}
N
    cat >"$work/wg0.conf" <<C
[Interface]
PrivateKey = $(cat "$work/host.key")
Address = $HOST_TUNNEL/128, 10.66.0.2/32
${WG_FWMARK:+FwMark = $WG_FWMARK}

[Peer]
PublicKey = $(wg pubkey <"$work/server.key")
Endpoint = [2001:db8:e2::2]:51820
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 25
C
}

host_profile() {   # host_profile IF: the host's own LAN, as NetworkManager would have it by hand
    nmcli connection add type ethernet con-name lan ifname "$1" ipv4.method disabled \
        ipv6.method manual ipv6.addresses $HOST_LAN/64 ipv6.gateway fe80::1 ipv6.addr-gen-mode eui64 \
        >/dev/null
}

count_at() {   # count_at NS DEVICE TO [FROM]: a counter on what arrives by DEVICE in NS
    in_ns "$1" nft -f - <<N
table netdev count {
    chain c {
        type filter hook ingress device "$2" priority 0; policy accept;
        ip6 daddr $3 ${4:+ip6 saddr $4} counter
    }
}
N
}
counted() {   # counted NS: its packets so far
    in_ns "$1" nft list chain netdev count c | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'
}
net_down() {
    local n
    for n in inet far home vps lan; do ip netns del "$n" 2>/dev/null; done
    rm -rf "$work"
}

# ---- probes; each prints what it saw

serve() {   # serve NS: answers a TCP connection to port 7 with the address that it came from
    local prefix=()
    [ "$1" = host ] || prefix=(ip netns exec "$1")
    # shellcheck disable=SC2016 # socat's own variable
    "${prefix[@]}" socat TCP6-LISTEN:7,fork,reuseaddr SYSTEM:'echo $SOCAT_PEERADDR' >/dev/null 2>&1 &
    until_ok 5 listens "${prefix[@]}"
}
listens() { "$@" ss -ltnH 'sport = :7' | grep -q .; }
ask() {   # ask NS ADDRESS: the address under which the other end saw us, or nothing
    local prefix=()
    [ "$1" = host ] || prefix=(ip netns exec "$1")
    timeout 3 "${prefix[@]}" socat -t 2 - "TCP6:[$2]:7,connect-timeout=2" </dev/null 2>/dev/null |
        tr -d '[]' | python3 -c 'import ipaddress, sys
t = sys.stdin.read().strip()
print(ipaddress.ip_address(t) if t else "nothing")'
}
seen_as() {   # seen_as EXPECTED NS ADDRESS: whether the other end sees us as EXPECTED
    local got
    got=$(ask "$2" "$3")
    [ "$got" = "$1" ] || { echo "expected $1, got $got"; return 1; }
}
answers() {   # answers NS ADDRESS: whether anything comes back
    local got
    got=$(ask "$1" "$2")
    [ "$got" != nothing ] || { echo "no answer"; return 1; }
}
no_new_packet() {   # no_new_packet NS COMMAND...: the counter in NS stands still meanwhile
    local before=$1 ns=$1
    shift
    before=$(counted "$ns")
    "$@" >/dev/null 2>&1
    sleep 0.2
    [ "$(counted "$ns")" = "$before" ] || { echo "$(($(counted "$ns") - before)) packets left"; return 1; }
}
