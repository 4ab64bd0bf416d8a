#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# IPv4 behind Families=: the socket that systemd holds hears of it where it is routed, and only there; our units
# may write what it takes, the reverse path filter too.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
. "$here/../lib/healing.sh"

rule4() { ip -4 rule show | grep -qE "$1" || { ip -4 rule show; return 1; }; }
route4() { ip -4 route show table "$1" | grep -qE "$2" || { ip -4 route show table "$1"; return 1; }; }
filter_of() { cat "/proc/sys/net/ipv4/conf/$1/rp_filter"; }
filter_is() { same "$(filter_of "$1")" "$2"; }
families() {   # what sixgate.conf says, and the listener's next start
    mkdir -p /etc/sixgate
    printf '[sixgate]\nFamilies=%s\n' "$1" >/etc/sixgate/sixgate.conf
    systemctl start sixgate-reconcile.service
    until_ok 20 inactive
}
# Three times, because a router advertisement may come between; what is heard starts it each time.
starts_nothing() {
    local before try
    for try in 1 2 3; do
        settled
        before=$(starts)
        ip -4 addr add 192.0.2.7/24 dev eth0
        ip -4 route add 198.51.100.0/24 via 192.0.2.1
        ip -4 route del 198.51.100.0/24
        ip -4 addr del 192.0.2.7/24 dev eth0
        settled
        [ "$(starts)" != "$before" ] || return 0
        echo "try $try: $(($(starts) - before)) starts"
    done
    return 1
}
back() {   # back WHAT EVENT CHECK...: by itself
    local what=$1 event=$2 since took
    shift 2
    eval "$event"
    since=$(uptime_s)
    ok "$what: $* again, by itself" until_ok 10 "$@"
    took=$(awk -v a="$since" -v b="$(uptime_s)" 'BEGIN { printf "%.2f", b - a }')
    echo "# heal: $what: seen after $took s"
    until_ok 20 inactive
}

healing_up ''
nmcli connection modify lan ipv4.method manual ipv4.addresses 192.0.2.2/24 ipv4.gateway 192.0.2.1
nmcli connection up lan >/dev/null
until_ok 10 inactive
echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter

# --- off, as it is by default
ok "off: a change of IPv4 starts nothing" starts_nothing
ok "off: no rule of ours is IPv4" not rule4 'proto (sixgate|106)'

# --- on
families "ipv6 ipv4"
t_lan=$(table_of eth0)
ok "on: main comes first" rule4 '^1000:.*lookup main'
ok "on: the selected outbound has no IPv4: refused" rule4 '^76:.*unreachable'
ok "on: the table of the LAN" route4 "$t_lan" '^default via 192.0.2.1'
ok "on: the guard" nft list chain ip startos guard_post
ok "on: the strict reverse path filter is loose" filter_is eth0 2
back "a rule deleted" "ip -4 rule del pref 76" rule4 '^76:.*unreachable'
back "a table flushed" "ip -4 route flush table $t_lan" route4 "$t_lan" '^blackhole default'
back "a new address" "ip -4 addr add 192.0.2.8/24 dev eth0" rule4 "^60:.*from 192.0.2.8 lookup $t_lan"
back "the table of nftables deleted" "nft delete table ip startos" nft list chain ip startos guard_post
back "the filter strict again" "echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter" filter_is eth0 2

# --- and off again
families ipv6
ok "off again: no rule of ours is IPv4" not rule4 'proto (sixgate|106)'
ok "off again: nor a chain" not nft list chain ip startos guard_post
ok "off again: the filter is what it was" filter_is eth0 1
ok "off again: IPv6 is as it was" nothing_to_do
ok "off again: a change of IPv4 starts nothing" starts_nothing
finish
