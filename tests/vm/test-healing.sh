#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Healing with nobody resident: whatever takes our things away or changes the ground under them,
# they are back within a second, and nothing leaves by another gateway meanwhile.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
. "$here/../lib/healing.sh"

PRIVACY=2 healing_up ''
serve far
serve host
ok "both sockets listen" listening
ok "after its first run nothing of ours runs" until_ok 10 inactive
ok "the host goes out by the tunnel" until_ok 10 seen_as $HOST_TUNNEL host $FAR
t_lan=$(table_of eth0) t_wg=$(table_of wg0)

# --- somebody takes things away
heal "one rule deleted" first:. 0 "ip -6 rule del pref 75" rule "^75:.*lookup $t_wg"
heal "all rules flushed" first:. 0 \
    "ip -6 rule flush; ip -6 rule add pref 32766 lookup main; ip -6 rule add pref 0 lookup local" \
    rule "^76:.*unreachable"
heal "a table flushed" first:. 0 "ip -6 route flush table $t_wg" has_route "$t_wg" '^default dev wg0'
heal "the table of the LAN flushed" first:. 0 "ip -6 route flush table $t_lan" has_route "$t_lan" '^default via'
heal "a blackhole deleted" first:. 0 "ip -6 route del blackhole default table $t_wg metric 4294967295" \
    has_route "$t_wg" '^blackhole default.* metric 4294967295'
heal "the ruleset flushed" first:. measured "nft flush ruleset" nft list chain ip6 startos guard_post
cat >/etc/nftables.conf <<'N'
flush ruleset
table inet filter {
    chain input { type filter hook input priority filter; }
}
N
systemctl start nftables
settled
heal "nftables.service reloaded" first:. measured "systemctl reload nftables" nft list chain ip6 startos guard_post
heal "a chain deleted" first:. 0 \
    "nft 'flush chain ip6 startos guard_post; delete chain ip6 startos guard_post'" nft list chain ip6 startos guard_post
heal "a map emptied" first:. 0 "nft flush map ip6 startos gateway_mark" \
    bash -c 'nft list map ip6 startos gateway_mark | grep -q elements'
heal "the table asleep" first:. measured "nft 'add table ip6 startos { flags dormant; }'" \
    bash -c '! nft list table ip6 startos | grep -q dormant'

# --- the ground changes
heal "an address added by hand" first:. 0 \
    "ip addr del 2001:db8:1::7/64 dev eth0; ip addr add 2001:db8:1::7/64 dev eth0 nodad" rule "^60:.*from 2001:db8:1::7 lookup $t_lan"
heal "an address deleted by hand" "first:address. 2001:db8:1::7" 0 "ip addr del 2001:db8:1::7/64 dev eth0" not rule 'from 2001:db8:1::7'
# Of a WireGuard profile's own address, whoever looks by hand says that it is missing.
leaves="address add $HOST_TUNNEL" heal "the tunnel's address deleted" "first:address. $HOST_TUNNEL" 0 "ip addr del $HOST_TUNNEL/128 dev wg0" not rule "from $HOST_TUNNEL"
heal "and added again" "first:address. $HOST_TUNNEL" 0 "ip addr add $HOST_TUNNEL/128 dev wg0" rule "^60:.*from $HOST_TUNNEL lookup $t_wg"
ip netns add ctr
heal "a new bridge with a container" "last:route\\+ fd00:7::/64" 0 "
    ip link add br7 type bridge; ip addr add fd00:7::1/64 dev br7 nodad; ip link set br7 up
    ip link add vc type veth peer name eth0 netns ctr; ip link set vc master br7 up
    ip -n ctr addr add fd00:7::2/64 dev eth0 nodad; ip -n ctr link set eth0 up
    ip -n ctr -6 route add default via fd00:7::1" has_route "$t_wg" 'fd00:7::/64 dev br7'
serve ctr
ok "the container is reached while an outbound is selected" until_ok 3 answers host fd00:7::2
selected() { rule "^75:.*lookup $(table_of wg0)"; }
heal "the tunnel's link deleted" "first:link- wg0" 0 "ip link del wg0" not rule "^75:"
heal "and made again under its name" "last:address\\+ $HOST_TUNNEL" 0 "nmcli connection up wg0" selected
ok "the host goes out by it again" until_ok 10 seen_as $HOST_TUNNEL host $FAR
t_wg=$(table_of wg0)

# --- router advertisements alone
advertise() {   # advertise WHAT: from now on, and at once
    printf 'interface lan { AdvSendAdvert on; MinRtrAdvInterval 30; MaxRtrAdvInterval 60; %s };\n' "$1" \
        >"$work/radvd.conf"
    kill -HUP "$(cat "$work/radvd.pid")"
}
main_default() { ip -6 route show default dev eth0 | grep -q default; }
in_ns home ip addr add 2001:db8:1:5::1/64 dev lan nodad
heal "a new prefix by a router advertisement" "first:address\\+ 2001:db8:1:5::2" 0 \
    "advertise 'prefix 2001:db8:1::/64 { }; prefix 2001:db8:1:5::/64 { };'; until_ok 8 rule 'from 2001:db8:1:5::2'" \
    rule "^60:.*from 2001:db8:1:5::2 lookup $t_lan"
heal "a router advertisement that withdraws the default" "first:route- default/0 table 254" 0 \
    "advertise 'AdvDefaultLifetime 0; prefix 2001:db8:1::/64 { };'; until_ok 8 not main_default" \
    not has_route "$t_lan" '^default via'
heal "and one that brings it back" "first:route\\+ default/0 table 254" 0 \
    "advertise 'prefix 2001:db8:1::/64 { };'; until_ok 8 main_default" has_route "$t_lan" '^default via'

# --- other managers
untouched "NetworkManager restarted" "systemctl restart NetworkManager; sleep 3" selected
ok "the host goes out by the tunnel" until_ok 10 seen_as $HOST_TUNNEL host $FAR
rm -f /etc/systemd/system/systemd-networkd.service /etc/systemd/system/systemd-networkd.socket
systemctl daemon-reload
# It looks at what is foreign once it has a link to configure.
ip link add dn0 type dummy
mkdir -p /etc/systemd/network
printf '[Match]\nName=dn0\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' >/etc/systemd/network/dn0.network
chmod -R a+rX /etc/systemd/network   # it is no root
settled
dropin=/usr/lib/systemd/networkd.conf.d/10-sixgate.conf
ok "networkd's drop-in is there" test -e $dropin
untouched "networkd started" "systemctl start systemd-networkd; sleep 2" selected
ok "networkd has a link of its own" bash -c 'networkctl --no-pager --no-legend list dn0 | grep -qw configured'
untouched "networkd restarted" "systemctl restart systemd-networkd; sleep 2" selected
mv $dropin "$work/dropin"
heal "networkd restarted without our drop-in" first:rule- 0 "systemctl restart systemd-networkd; sleep 2" selected
systemctl stop systemd-networkd
settled
heal "networkd started without our drop-in" first:rule- 0 "systemctl start systemd-networkd; sleep 2" selected
systemctl stop systemd-networkd
mv "$work/dropin" $dropin

# --- the clock
date -s '+3 hours' >/dev/null
heal "the clock set, and a rule deleted" first:. 0 "ip -6 rule del pref 75" rule "^75:.*lookup $t_wg"
date -s '-5 hours' >/dev/null
heal "the clock set back, and a rule deleted" first:. 0 "ip -6 rule del pref 76" rule "^76:"

# --- privacy addresses
# A temporary address (RFC 8981) near its end: the kernel makes the next one, and speaks of it when it is no
# longer tentative.
temporary() { ip -6 addr show dev eth0 temporary -tentative | sed -n 's/.*inet6 \([^/]*\).*/\1/p' | sort; }
another() { temporary | grep -qvxF "$old"; }
rules_of_temporary() { for a in $(temporary); do rule "^60:.*from $a lookup $t_lan" || return; done; }
until_ok 10 test -n "$(temporary)"
old=$(temporary)
heal "a privacy address rotates" 'last:address\\+ 2001:db8:1:[0-9a-f]+:' 0 \
    "for a in $(tr '\n' ' ' <<<"$old"); do ip addr change \$a/64 dev eth0 preferred_lft 8 valid_lft 60; done
    until_ok 20 another" rules_of_temporary

ok "both sockets listen" listening
ok "nothing of ours runs when all is done" until_ok 15 inactive
finish
