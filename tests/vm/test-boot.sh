#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Boot: with an outbound selected, everything is closed before the network is up, without bus
# and NetworkManager; once they are there, the tunnel carries the host.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"

rule() { ip -6 rule show | grep -qE "$1" || { ip -6 rule show; return 1; }; }
unit() { systemctl show -p "$1" --value sixgate-boot.service; }
chain() { nft list chain ip6 startos "$1"; }

net_up
serve far
serve lan
serve host
count_at home port0 $FAR
systemctl stop NetworkManager
"$SIXGATE_RECONCILE" --outbound wg0   # as somebody chose before the last boot
ip -6 rule flush
ip -6 rule add pref 32766 lookup main
ip -6 rule add pref 0 lookup local 2>/dev/null
nft flush ruleset

# What the kernel has after router advertisements, before any of our events:
ip addr add $HOST_LAN/64 dev eth0 nodad
ip link set eth0 up
ip -6 route add default via fe80::1 dev eth0
until_ok 5 ping -c 1 -W 1 2001:db8:1::1
ok "positive control: without us the host goes out by the LAN" seen_as $HOST_LAN host $FAR
ok "and the counter counts it" test "$(counted home)" -gt 0

complaints() { systemd-analyze verify /lib/systemd/system/sixgate*.{service,socket,timer,path} 'sixgate-pcp@wg\x2dsixgate.socket' 2>&1 | grep -E '/sixgate[^ ]*:[0-9]+:'; }
ok "systemd takes every line of our units" same "$(complaints)" ""

systemctl enable --quiet sixgate-boot.service
ok "the unit starts" systemctl start sixgate-boot.service
ok "before network-pre.target" grep -qw network-pre.target <<<"$(unit Before)"
ok "after nftables.service, which flushes" grep -qw nftables.service <<<"$(unit After)"
ok "it needs neither bus nor NetworkManager" not grep -qE 'dbus|NetworkManager' <<<"$(unit After) $(unit Requires) $(unit Wants)"
for r in '^65:.*lookup main suppress_prefixlength 31' '^76:.*unreachable' '^1000:.*lookup main' \
         '^1100:.*lookup default'; do
    ok "rule $r" rule "$r"
done
ok "the guard is there" chain guard_post
ok "nothing leaves by the LAN" no_new_packet home ask host $FAR
ok "nor bound to the LAN's address" no_new_packet home ping -c 1 -W 1 -I $HOST_LAN $FAR

systemctl start NetworkManager
nmcli device set eth0 managed yes
host_profile eth0
nmcli connection up lan >/dev/null
ok "NetworkManager brings the LAN up: nothing leaves by it" no_new_packet home ask host $FAR
ok "the LAN is reached" until_ok 5 seen_as $HOST_LAN host $LAN_CLIENT
nmcli connection import type wireguard file "$work/wg0.conf" >/dev/null
ok "the tunnel comes up and carries the host" until_ok 15 seen_as $HOST_TUNNEL host $FAR
ok "nothing leaves by the LAN" no_new_packet home seen_as $HOST_TUNNEL host $FAR
finish
