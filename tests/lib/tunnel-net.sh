# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034
# tunnel-net.sh (after tap.sh): a server at a provider, a far client, and devices with real WireGuard
# (sourced). The server is the namespace of the caller; nobody but `ip` configures its WAN.
FAR=2001:db8:3::2
work=/run/sixgate-test

in_ns() { ip netns exec "$@"; }

server_up() {   # as where ifupdown or networkd has the WAN: NetworkManager leaves it alone
    links_up
    plug_in
    until_ok 10 nmcli device set eth0 managed no
}
links_up() {   # the provider and the far client; the server has a link, nothing on it, and no cable in it
    local n
    mkdir -p "$work"
    for n in isp far one two three; do
        ip netns add "$n"
        ip -n "$n" link set lo up
        in_ns "$n" sysctl -qw net.ipv6.conf.default.accept_dad=0
    done
    in_ns isp sysctl -qw net.ipv6.conf.all.forwarding=1
    sysctl -qw net.ipv6.conf.default.accept_dad=0
    ip link add eth0 type veth peer name port0 netns isp
    net_link far 2001:db8:3
    net_link one 2001:db8:e1
    net_link two 2001:db8:e2
    net_link three 2001:db8:e3
}
plug_in() {
    ip -n isp addr add fe80::1/64 dev port0 nodad
    ip -n isp link set port0 up
}
net_link() {   # net_link NS PREFIX: joins NS to the provider; it is ::2 there
    ip link add wan type veth peer name "$1" netns isp
    ip link set wan netns "$1" up
    ip -n "$1" addr add "$2::2/64" dev wan nodad
    ip -n isp addr add "$2::1/64" dev "$1" nodad
    ip -n isp link set "$1" up
    ip -n "$1" -6 route add default via "$2::1"
}
wan() {   # wan ADDRESS PREFIX: the WAN as the provider wants it; PREFIX is on the link for the provider
    ip link set eth0 up
    ip -6 addr flush dev eth0 scope global
    ip addr add "$1" dev eth0 nodad
    ip addr add fe80::10/64 dev eth0 nodad 2>/dev/null
    ip -6 route replace default via fe80::1 dev eth0
    ip -n isp -6 route replace "$2" dev port0
    server=${1%/*}
    # The underlay of the devices: always there, whatever the prefix.
    ip addr replace 2001:db8:f0::10/64 dev eth0 nodad
    ip -n isp -6 route replace 2001:db8:f0::/64 dev port0
}
route_to_server() { ip -n isp -6 route replace "$1" via fe80::10 dev port0; }

# ---- devices

own_key() {   # own_key NS: the public key of a device that made its own
    [ -e "$work/$1.key" ] || (umask 077; wg genkey >"$work/$1.key")
    wg pubkey <"$work/$1.key"
}
subnet_of() { case $1 in three) echo office ;; *) echo home ;; esac; }
device_up() {   # device_up NS: with the config that the server shows
    (umask 077; tunnel device show-config "$(subnet_of "$1")" "$1" --endpoint 2001:db8:f0::10 >"$work/$1.conf")
    device_connects "$1"
}
device_connects() {   # device_connects NS: with the config that it got once, as wg-quick would
    local file=$work/$1.conf
    ip -n "$1" link del wg0 2>/dev/null
    ip -n "$1" link add wg0 type wireguard
    [ ! -e "$work/$1.key" ] || sed -i "s|^\[Interface\]|&\nPrivateKey = $(cat "$work/$1.key")|" "$file"
    in_ns "$1" wg setconf wg0 <(sed '/^Address/d' "$file")
    in_ns "$1" wg set wg0 peer "$(sed -n 's/^PublicKey = //p' "$file")" allowed-ips 0.0.0.0/0,::/0
    ip -n "$1" addr add "$(sed -n 's/^Address = \([^,]*\).*/\1/p' "$file")" dev wg0
    ip -n "$1" link set wg0 up
    ip -n "$1" -6 route replace 2001:db8:f0::10 via "$(ip -n "$1" -6 route show default | grep -o '2001[^ ]*' | head -1)" dev wan
}
config_says() {   # config_says NS IPV6: the address that a device's config has now; '' = none
    same "$2" "$(tunnel device show-config "$(subnet_of "$1")" "$1" --endpoint 2001:db8:f0::10 | sed -n 's/^Address = .*, \(.*\)\/128$/\1/p')"
}
device_address() {   # device_address NS IPV6: what its config says now; everything through the tunnel
    ok "the config of $1 says $2" config_says "$1" "$2"
    ip -n "$1" -6 addr flush dev wg0 scope global
    ip -n "$1" addr add "$2/128" dev wg0 nodad
    ip -n "$1" -6 route replace default dev wg0 metric 10
}

# ---- probes

has_peers() { [ "$(wg show wg-sixgate peers | wc -l)" = "$1" ] || { wg show wg-sixgate; return 1; }; }
profile_has_no_peer() { local uuid; uuid=$(nmcli -g GENERAL.CON-UUID device show wg-sixgate) && ! grep -rh wireguard-peer /etc/NetworkManager/system-connections/; }
device_pings() { in_ns "$1" ping -c 1 -W 2 "$2" >/dev/null; }
far_pings() { in_ns far ping -c 1 -W 2 "$1" >/dev/null; }
serve_on() {
    # shellcheck disable=SC2016 # socat's own variable
    in_ns "$1" socat TCP6-LISTEN:7,fork,reuseaddr SYSTEM:'echo $SOCAT_PEERADDR' >/dev/null 2>&1 &
    until_ok 5 listens "$1"
}
listens() { in_ns "$1" ss -ltnH 'sport = :7' | grep -q .; }
asks() { timeout 3 ip netns exec "$1" socat -t 2 - "TCP6:[$2]:7,connect-timeout=2" </dev/null 2>/dev/null | grep -q .; }
device_asks() { asks "$@"; }
sniff() {   # sniff FILE NS ARGUMENT...: tcpdump, that has begun when this returns; it is the last job
    local file=$1 ns=$2
    shift 2
    rm -f "$file.log"   # the last one's says that it has begun
    timeout 10 ip netns exec "$ns" tcpdump "$@" >"$file" 2>"$file.log" &
    until_ok 5 grep -q 'listening on' "$file.log"
}
far_sees() {   # far_sees NS ADDRESS: the source of a ping from NS, as the far client gets it
    sniff "$work/seen" far -lnc 1 -i wan "icmp6 and ip6[40] == 128 and src $2"
    in_ns "$1" ping -c 3 -i 0.3 -W 1 $FAR >/dev/null
    wait $!
    grep -q "IP6 $2 > " "$work/seen" || { cat "$work/seen"; return 1; }
}
# The time from a solicitation on the provider's link to its answer; the best of five, since the machine
# may be busy.
answered_fast() {
    local us=''
    for _ in 1 2 3 4 5; do
        ip -n isp -6 neigh flush dev port0
        sniff "$work/nd" isp -lnttc 2 -i port0 "icmp6 and (ip6[40] == 135 or ip6[40] == 136)"
        far_pings "$1"
        wait $!
        us=$(awk '/neighbor solicitation, who has '"$1"'/ { s = $1 } /neighbor advertisement, tgt is '"$1"'/ && s { printf "%d", ($1 - s) * 1e6 }' "$work/nd")
        if [ -n "$us" ] && [ "$us" -lt 10000 ]; then
            echo "# answered after $us us" >&3
            return
        fi
    done
    echo "after ${us:-never} us"
    cat "$work/nd"
    return 1
}
mss_is_clamped() {   # mss_is_clamped NS: of the answer that the far client gives to its connection
    local seen
    sniff "$work/mss" "$1" -lnvc 1 -i wg0 "ip6 proto 6 and ip6[53] & 0x12 == 0x12"
    asks "$1" $FAR
    wait $!
    seen=$(sed -n 's/.*mss \([0-9]*\).*/\1/p' "$work/mss")
    [ "${seen:-0}" = 1360 ] || { echo "mss $seen"; cat "$work/mss"; return 1; }
}
foreign_reapply() {   # foreign_reapply [METRIC]
    local con
    con=$(nmcli -g GENERAL.CONNECTION device show wg-sixgate)
    nmcli connection modify "$con" ipv6.route-metric "${1:-77}" && nmcli device reapply wg-sixgate >/dev/null
}
# Any number at the same time. All is kept in files: a probe may run in a shell of its own.
start_pinging() {   # start_pinging NS ADDRESS [INTERVAL]
    local to
    to=$(mktemp "$work/pings.XXXXXX")
    ip netns exec "$1" ping -i "${3:-0.3}" -W 2 "$2" >"$to" &
    echo $! >"$to.pid"
    sleep 1
}
stop_pinging() {   # prints the head and the sums of each
    local pid to
    for pid in "$work"/pings.*.pid; do
        to=${pid%.pid}
        kill -INT "$(cat "$pid")"
        until_ok 5 grep -q 'packet loss' "$to"
        sed -n '1p; /packets transmitted/p' "$to"
        rm "$pid" "$to"
    done
}
no_ping_lost() {   # of all that are going on, which end
    local sums n
    n=$(find "$work" -name 'pings.*.pid' | wc -l)
    sums=$(stop_pinging)
    if [ "$n" -gt 0 ] && [ "$(grep -c ' 0% packet loss' <<<"$sums")" = "$n" ]; then return; fi
    echo "$sums"
    return 1
}
nothing_left() {
    local left
    left=$(ip -6 route show dev wg-sixgate | grep -v '^fe80::'; ip -6 route show table all proto sixgate | grep -E 'nhid|local'; ip -6 neigh show proxy; ip -6 -o addr show dev wg-sixgate scope global
        nft list set ip6 startos tunnel_devices | grep elements)
    [ -z "$left" ] || { echo "$left"; return 1; }
}
