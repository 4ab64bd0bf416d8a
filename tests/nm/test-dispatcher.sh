#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# NetworkManager's own events lead to the right rules, tables and marks: a LAN by router
# advertisement, a second gateway by hand, down, restart of NetworkManager, unmanaged links.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
nm_enter "$@"
. "$here/../lib/tap.sh"

rule() { ip -6 rule show | grep -qE "$1" || { ip -6 rule show; return 1; }; }
table() { echo $((1000 + $(cat "/sys/class/net/$1/ifindex"))); }
route() { ip -6 route show table "$(table "$1")" | grep -qE "$2" || { ip -6 route show table "$(table "$1")"; return 1; }; }
element() { nft list set ip6 startos "$1" | grep -qw "$2" || { nft list set ip6 startos "$1"; return 1; }; }
address() { ip -6 -o addr show dev "$1" scope global | sed -n 's/.*inet6 \([^/]*\).*/\1/p' | head -1; }
ours() { ip -6 rule; ip -6 route show table all proto 106; }

nm_mounts
nm_bus
ip netns add router
for n in 0 1; do
    ip link add nm$n type veth peer name p$n netns router
    ip -n router link set p$n up
    ip -n router addr add fe80::1/64 dev p$n nodad
done
ip -n router addr add 2001:db8:2::1/64 dev p1 nodad
ip netns exec router sysctl -qw net.ipv6.conf.all.forwarding=1
cat >/run/t/radvd.conf <<'C'
interface p0 {
    AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
    prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; };
};
C
chmod 644 /run/t/radvd.conf
ip netns exec router radvd -n -C /run/t/radvd.conf -p /run/t/radvd.pid -m stderr >/run/t/radvd.log 2>&1 &
nm_start

# --- a LAN by router advertisement
nmcli connection add type ethernet con-name lan ifname nm0 autoconnect no ipv4.method disabled \
    ipv6.method auto ipv6.addr-gen-mode eui64 >/dev/null
nmcli connection up lan >/dev/null
ok "the dispatcher has made rule 1000" until_ok 5 rule '^1000:.*lookup main'
ok "rule 50 of the LAN" rule "^50:.*fwmark $(printf 0x%x "$(table nm0)") lookup $(table nm0)"
ok "rule 60 of the advertised address" until_ok 5 rule "^60:.*from $(address nm0) lookup $(table nm0)"
ok "its table: the advertised default" until_ok 5 route nm0 '^default via fe80::[^ ]* dev nm0'
ok "its table: a blackhole behind it" route nm0 '^blackhole default'
ok "the mark map knows it" until_ok 2 sh -c "nft list map ip6 startos gateway_mark | grep -q nm0"

# --- a second gateway
nmcli connection add type ethernet con-name two ifname nm1 autoconnect no ipv4.method disabled \
    ipv6.method manual ipv6.addresses 2001:db8:2::2/64 ipv6.gateway 2001:db8:2::1 >/dev/null
nmcli connection up two >/dev/null
ok "rule 50 of the second" until_ok 5 rule "^50:.*lookup $(table nm1)"
ok "rule 60 of the second" until_ok 5 rule "^60:.*from 2001:db8:2::2 lookup $(table nm1)"
ok "its table has not the LAN of the first" not route nm1 '^2001:db8:1::/64'
ok "a second run plans nothing" test -z "$(/usr/libexec/sixgate-reconcile --dry-run)"

# --- selected, and it goes
/usr/libexec/sixgate-reconcile --outbound nm1
two=$(table nm1)
ok "rule 75 to the second" rule "^75:.*lookup $two"
nmcli connection down two >/dev/null
ok "down: rule 75 is gone" until_ok 5 not rule '^75:'
ok "down: rule 76 stays, fail closed" rule '^76:.*unreachable'
ok "down: rules 50 and 60 of it are gone" until_ok 5 not rule "lookup $two"
ok "down: its table is empty" test -z "$(ip -6 route show table "$two")"
ok "down: its mark is not forgotten" element gateway_marks "$(printf 0x%08x "$two")"
nmcli connection up two >/dev/null
ok "up: rule 75 is back" until_ok 5 rule "^75:.*lookup $two"

# --- NetworkManager absent, restarting
before=$(ours)
nm_stop
ok "NetworkManager absent: a run succeeds" /usr/libexec/sixgate-reconcile
ok "NetworkManager absent: nothing is torn down" same "$before" "$(ours)"
nm_start
ok "NetworkManager restarted: the same" until_ok 5 same "$before" "$(ours)"
ip link del nm1
ok "link deleted: its rules are gone" until_ok 5 not rule "lookup $two"
ok "link deleted: fail closed" rule '^76:.*unreachable'

# --- what the dispatcher runs
ok "a run by the dispatcher says nothing on a good day" not grep -E '50-sixgate.*(failed|error)' /run/t/nm.log
finish
