#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# demo-story.sh: what tests/demo tells. Runs where NetworkManager runs, the kernel has WireGuard
# and Sixgate is installed: in the guest, or in private namespaces (demo-story.sh namespaces).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"
. "$here/wireguard-net.sh"
if [ "${1:-}" = namespaces ]; then
    . "$here/../nm/lib.sh"
    HOST_IF=nm0 nm_enter "$@"
fi
lan=${HOST_IF:=eth0}
dispatcher=/usr/lib/NetworkManager/dispatcher.d
links="50-sixgate pre-up.d/50-sixgate pre-down.d/50-sixgate"

say() { printf '\n%s\n' "$*"; }
show() { printf '    $ %s\n' "$*"; "$@" 2>&1 | awk '{ print "      " $0 }'; }
claim() {   # claim WHAT COMMAND...: says whether it was seen to hold; one that was not ends in 1
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then
        echo "  SEEN: $what"
    else
        echo "  NOT SEEN: $what"
        awk '{ print "        " $0 }' <<<"$out"
        tap_failed=$((tap_failed + 1))
    fi
}
active() { nmcli -t -f NAME,STATE connection show --active | grep -qx "$1:activated"; }
without_sixgate() {
    local l
    mkdir -p /run/sixgate-away/pre-up.d /run/sixgate-away/pre-down.d
    for l in $links; do mv "$dispatcher/$l" "/run/sixgate-away/$l"; done
}
with_sixgate() {
    local l
    for l in $links; do mv "/run/sixgate-away/$l" "$dispatcher/$l"; done
}
soon() {   # soon COMMAND...: within 10 s; what is promised to hold may take its time to come up
    local end=$((SECONDS + 10)) out
    until out=$("$@" 2>&1); do
        [ $SECONDS -lt $end ] || { echo "$out"; return 1; }
        sleep 0.2
    done
}
nobody_answers() { not answers "$@"; }
leaves() {   # leaves COMMAND...: packets for the far client that the home router saw meanwhile
    local before
    before=$(counted home)
    "$@" >/dev/null 2>&1
    sleep 0.3
    echo $(($(counted home) - before))
}

if [ "${1:-}" = namespaces ]; then
    nm_mounts
    nm_bus
    nm_start
fi
without_sixgate
# An event of the boot may have run it before.
systemctl stop NetworkManager-dispatcher.service 2>/dev/null
ip -6 rule flush protocol 106
nft delete table ip6 startos 2>/dev/null
rm -rf /run/sixgate
net_up
nmcli device set "$lan" managed yes 2>/dev/null
host_profile "$lan"
nmcli connection up lan >/dev/null
for n in host far lan; do serve $n; done
count_at home port0 $FAR

say "A host on a home LAN has the address $HOST_LAN from its Internet provider. A server
elsewhere owns 2001:db8:a::/48 and has sent its owner a WireGuard file, which gives the host a
second address, $HOST_TUNNEL. Somebody far away, $FAR, wants to reach the host."
show grep -v PrivateKey "$work/wg0.conf"

say "=== 1. Without Sixgate"
say "The file is imported as NetworkManager does it:"
show nmcli connection import type wireguard file "$work/wg0.conf"
until_ok 20 active wg0
until_ok 10 answers far $HOST_TUNNEL
show ip -6 rule
claim "the tunnel has taken over: the far client sees the host as $HOST_TUNNEL" \
    soon seen_as $HOST_TUNNEL host $FAR
claim "who asks the host's LAN address from outside gets no answer any more" \
    nobody_answers far $HOST_LAN
say "The tunnel goes down, and the host goes on under the address that it wanted to hide:"
nmcli connection down wg0 >/dev/null
soon answers host $FAR
leak=$(leaves ask host $FAR)
claim "a leak: the far client sees the host as $HOST_LAN" soon seen_as $HOST_LAN host $FAR
claim "a leak: $leak packets passed the home router" test "$leak" -gt 0
say "And when the tunnel is told to leave the host's own traffic alone:"
nmcli connection modify wg0 wireguard.ip4-auto-default-route no \
    wireguard.ip6-auto-default-route no wireguard.peer-routes no
nmcli connection up wg0 >/dev/null
claim "who asks the tunnel's address gets no answer: it leaves by the wrong way" \
    nobody_answers far $HOST_TUNNEL
nmcli connection delete wg0 >/dev/null

say "=== 2. With Sixgate"
say "The same file, the same command; NetworkManager's dispatcher starts Sixgate, which runs for
some milliseconds and ends:"
with_sixgate
show nmcli connection import type wireguard file "$work/wg0.conf"
until_ok 20 active wg0
until_ok 10 answers far $HOST_TUNNEL
table=$((1000 + $(cat /sys/class/net/wg0/ifindex)))
show ip -6 rule
show ip -6 route show table $table
show nft list map ip6 startos gateway_mark
claim "the host is not hijacked: it still goes out as $HOST_LAN" soon seen_as $HOST_LAN host $FAR
claim "the far client gets its answer through the tunnel" soon answers far $HOST_TUNNEL
claim "and through the LAN, by the way that it came" soon answers far $HOST_LAN
claim "a neighbour on the LAN that asks the tunnel's address gets its answer too" \
    soon answers lan $HOST_TUNNEL

say "=== 3. The tunnel is chosen for the host's own traffic"
show /usr/libexec/sixgate-reconcile --outbound wg0
show ip -6 rule
show wg show wg0 fwmark
claim "the far client sees the host as $HOST_TUNNEL" soon seen_as $HOST_TUNNEL host $FAR
claim "the LAN is reached directly" soon seen_as $HOST_LAN host $LAN_CLIENT
claim "who comes in by the LAN still gets an answer by the LAN" soon answers far $HOST_LAN

say "=== 4. The tunnel goes, and nothing leaks"
show ip link del wg0
leak=$(leaves ask host $FAR)
claim "the host does not reach the far client" nobody_answers host $FAR
claim "no packet passed the home router: $leak" test "$leak" = 0
leak=$(leaves ping -c 2 -i 0.2 -W 1 -I $HOST_LAN $FAR)
claim "nor from a socket bound to the LAN's address: $leak" test "$leak" = 0
claim "the LAN still works" soon seen_as $HOST_LAN host $LAN_CLIENT
claim "who comes in by the LAN still gets an answer" soon answers far $HOST_LAN
nmcli connection up wg0 >/dev/null
claim "the tunnel is back, and the host with it" soon seen_as $HOST_TUNNEL host $FAR

say "$([ $tap_failed = 0 ] && echo "All of it was seen to hold." || echo "$tap_failed claims were not seen to hold.")"
[ $tap_failed = 0 ]
