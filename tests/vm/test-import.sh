#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A native full-tunnel profile, imported by nmcli, with a real NetworkManager, dispatcher and
# WireGuard: it does not hijack the host, then it is the selected outbound, then it goes.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
reconcile=$SIXGATE_RECONCILE

rule() { ip -6 rule show | grep -qE "$1" || { ip -6 rule show; return 1; }; }
has_route() { ip -6 route show table "$1" | grep -qE "$2" || { ip -6 route show table "$1"; return 1; }; }
table_of() { echo $((1000 + $(cat "/sys/class/net/$1/ifindex"))); }
mark_of() { printf '0x%x' "$(table_of "$1")"; }
active() { nmcli -t -f NAME,STATE connection show --active | grep -qx "$1:activated"; }
no_writes() { "$reconcile" -v | grep -qE '(^|[^0-9])0 writes'; }
fwmark_is() { [ "$(wg show wg0 fwmark)" = "$1" ] || { wg show wg0 fwmark; return 1; }; }

net_up
nmcli device set eth0 managed yes
host_profile eth0
nmcli connection up lan >/dev/null
serve host
serve far
serve lan
count_at home port0 $FAR

# --- imported, nothing selected
nmcli connection import type wireguard file "$work/wg0.conf" >/dev/null
ok "NetworkManager activates the imported profile" until_ok 20 active wg0
ok "the dispatcher has run: rule 1000" until_ok 10 rule '^1000:.*lookup main'
ok "rule 1100" rule '^1100:.*lookup default'
for g in eth0 wg0; do
    ok "rule 50 of $g" until_ok 5 rule "^50:.*fwmark $(mark_of $g) lookup $(table_of $g)"
    ok "table of $g ends in a blackhole" has_route "$(table_of $g)" '^blackhole default.* metric 4294967295'
done
ok "rule 60 of the tunnel's address" rule "^60:.*from $HOST_TUNNEL lookup $(table_of wg0)"
ok "rule 60 of the LAN's address" rule "^60:.*from $HOST_LAN lookup $(table_of eth0)"
ok "table of wg0 has its default" has_route "$(table_of wg0)" '^default dev wg0 '
ok "NetworkManager's own rules for ::/0 are still there" rule '^3[0-9]{4}:.*not.* fwmark'
ok "auto: the host still goes out by the LAN, not hijacked" seen_as $HOST_LAN host $FAR
ok "the counter on the LAN counts that" test "$(counted home)" -gt 0
ok "a far client gets its answer through the tunnel" until_ok 5 answers far $HOST_TUNNEL
ok "and through the LAN" answers far $HOST_LAN
ok "the program writes nothing more" no_writes

# --- selected
"$reconcile" --outbound wg0
ok "rule 75 leads to the tunnel" rule "^75:.*lookup $(table_of wg0)"
ok "rule 76 closes" rule '^76:.*unreachable'
ok "rule 74 keeps the tunnel's own packets out of it" rule "^74:.*fwmark $(wg show wg0 fwmark) "
ok "selected: the host goes out by the tunnel" seen_as $HOST_TUNNEL host $FAR
ok "selected: nothing leaves by the LAN" no_new_packet home seen_as $HOST_TUNNEL host $FAR
ok "selected: the LAN is reached directly" seen_as $HOST_LAN host $LAN_CLIENT
ok "selected: a far client still gets its answer through the LAN" answers far $HOST_LAN
ok "selected: and through the tunnel" answers far $HOST_TUNNEL
ok "a client on the LAN gets answers of the tunnel's address" answers lan $HOST_TUNNEL
ok "selected: the program writes nothing more" no_writes

# --- down, up, deleted
nmcli connection down wg0 >/dev/null
ok "down: nothing leaves by the LAN" no_new_packet home ask host $FAR
ok "down: nor bound to the LAN's address" no_new_packet home ping -c 1 -W 1 -I $HOST_LAN $FAR
ok "down: the LAN still works" seen_as $HOST_LAN host $LAN_CLIENT
ok "down: a far client still gets its answer through the LAN" answers far $HOST_LAN
nmcli connection up wg0 >/dev/null
ok "up again: out by the tunnel" until_ok 10 seen_as $HOST_TUNNEL host $FAR
ok "up again: nothing leaves by the LAN" no_new_packet home seen_as $HOST_TUNNEL host $FAR
ip link del wg0
ok "deleted: nothing leaves by the LAN" no_new_packet home ask host $FAR
ok "deleted: the LAN still works" seen_as $HOST_LAN host $LAN_CLIENT

# --- a profile without a mark, and without NetworkManager's rules
nmcli connection modify wg0 wireguard.ip4-auto-default-route no \
    wireguard.ip6-auto-default-route no wireguard.peer-routes no wireguard.fwmark 0
nmcli connection up wg0 >/dev/null
ok "without a mark: it gets ours" until_ok 10 fwmark_is 0x73697867
ok "without a mark: it handshakes and carries the host" until_ok 10 seen_as $HOST_TUNNEL host $FAR
ok "without a mark: nothing leaves by the LAN" no_new_packet home seen_as $HOST_TUNNEL host $FAR

# --- NetworkManager away
before=$(ip -6 rule; ip -6 route show table all proto sixgate)
systemctl stop NetworkManager
"$reconcile"
ok "NetworkManager stopped: rules and routes stay" \
    same "$before" "$(ip -6 rule; ip -6 route show table all proto sixgate)"
ok "NetworkManager stopped: out by the tunnel" seen_as $HOST_TUNNEL host $FAR
systemctl start NetworkManager
ok "NetworkManager back: out by the tunnel" until_ok 20 seen_as $HOST_TUNNEL host $FAR

# --- back to auto
"$reconcile" --outbound auto
ok "auto again: the host goes out by the LAN" until_ok 5 seen_as $HOST_LAN host $FAR
ok "auto again: no rule 75 or 76" not rule '^7[56]:'
finish
