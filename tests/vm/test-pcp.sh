#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Pinholes of a home host behind the tunnel, by hand and by PCP, with real WireGuard and systemd: a far
# client tries the ports. The topology is that of test-tunnel.sh.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"

tunnel() { /usr/libexec/sixgate-tunnel "$@"; }
ONE=2001:db8:1::a3b:2 TWO=2001:db8:1::a3b:3 SERVER=2001:db8:1::a3b:1
ANYCAST=2001:1::1
UNIT='sixgate-pcp@wg\x2dsixgate'

listen_on() {   # listen_on NS PORT: greets with the port
    in_ns "$1" socat "TCP6-LISTEN:$2,fork,reuseaddr" "SYSTEM:echo port $2; cat" &
}
reads() { in_ns "${FROM:-far}" timeout 4 socat -T 2 -u "TCP6:[$1]:$2,connect-timeout=1" - 2>/dev/null | head -1; }
open_as() { same "$(reads "$1" "$2")" "port ${3:-$2}"; }   # open_as ADDRESS PORT [INTERNAL]
closed() { same "$(reads "$1" "$2")" ''; }
pcp() { in_ns "${NS:-one}" python3 "$here/pcp.py" "${AT:-$SERVER}" "$@"; }
gets() {   # gets PATTERN PCP...
    local pattern=$1 out
    shift
    out=$(pcp "$@")
    grep -qE "^$pattern" <<<"$out" || { echo "it got: $out"; return 1; }
}
refuses() {   # refuses PATTERN COMMAND...
    local pattern=$1 out
    shift
    if out=$("$@" 2>&1); then echo "it was done"; return 1; fi
    grep -q "$pattern" <<<"$out" || { echo "$out"; return 1; }
}
epoch_of() { sed -n 's/.*epoch=\([0-9]*\).*/\1/p'; }

systemctl start sixgate-reconcile.service sixgate-reconcile.socket sixgate-nftables.socket
server_up
wan 2001:db8:1::10/64 2001:db8:1::/64
tunnel subnet add 10.59.0.0/24 home
tunnel device add home one --kind server >/dev/null
tunnel device add home two >/dev/null
until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/24 >/dev/null
tunnel subnet set-ipv6 home 2001:db8:1::/64
device_up one; device_up two
device_address one $ONE; device_address two $TWO
for port in 443 8443 9000 9001 9002 9003; do listen_on one $port; done
listen_on two 443
ok "the far client reaches the home host" until_ok 10 far_pings $ONE

# --- by hand
ok "before a pinhole the port is closed" closed $ONE 443
tunnel pinhole add home one tcp 443 --label web
ok "opened by hand it is open at once" open_as $ONE 443
ok "no other device's port is" closed $TWO 443
tunnel pinhole add home one tcp 80:8443
ok "80 leads to 8443" open_as $ONE 80 8443
ok "and does not open 8443" closed $ONE 8443
tunnel pinhole add home one tcp 7000-7002:9000
ok "a range, its last port" open_as $ONE 7002 9002
ok "removed as a range" tunnel pinhole remove home one tcp 7000-7002
tunnel pinhole add home one udp 53:5353
ok "an ICMPv6 error comes back as from the port that was asked" \
    in_ns far python3 -c "
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(3); s.connect(('$ONE', 53)); s.send(b'x')
try: s.recv(9)
except ConnectionRefusedError: pass"
# A flow that is there: it answers until its pinhole is closed, and not after.
flow() {   # flow PORT INTERNAL VERB...: two lines through it, the verb between them
    local port=$1 internal=$2 answer
    shift 2
    coproc FLOW { ip netns exec far socat - "TCP6:[$ONE]:$port"; }
    # shellcheck disable=SC2154
    { read -r -t 5 -u "${FLOW[0]}" answer && [ "$answer" = "port $internal" ] && echo one >&"${FLOW[1]}" &&
        read -r -t 5 -u "${FLOW[0]}" answer && [ "$answer" = one ]; } || { echo "it did not work before"; return 1; }
    "$@"
    echo two >&"${FLOW[1]}"
    ! read -r -t 3 -u "${FLOW[0]}" answer || { echo "still answered: $answer"; return 1; }
    kill "$FLOW_PID"; wait "$FLOW_PID" 2>/dev/null
    true
}
ok "disabling ends the flows through it" flow 443 443 tunnel pinhole disable home one tcp 443
ok "disabled it is closed" closed $ONE 443
tunnel pinhole enable home one tcp 443
ok "enabled it is open" open_as $ONE 443
ok "removing ends the flows through it, translated ones too" flow 80 8443 tunnel pinhole remove home one tcp 80
ok "nothing more to do" sh -c "$SIXGATE_RECONCILE -v | grep -qE '(^|[^0-9])0 writes'"

# --- by hand, over the bus
ctl() { sixgatectl "$@"; }
ok "sixgatectl opens a port" ctl pinhole add home one tcp 9003 --label bus
ok "it is open at once" open_as $ONE 9003
ok "it is listed as open, with its label" sh -c "sixgatectl pinhole list home one | grep -qE '^one .* $ONE +tcp 9003 +9003 +open +bus$'"
ok "sixgatectl opens a port that leads to another" ctl pinhole add home one tcp 90:9002
ok "it leads there" open_as $ONE 90 9002
ok "and does not open that" closed $ONE 9002
ok "disabled by sixgatectl, the flows through it end" flow 9003 9003 ctl pinhole disable home one tcp 9003
ok "and it is closed" closed $ONE 9003
ctl pinhole enable home one tcp 9003
ok "removed by sixgatectl, the flows through it end" flow 9003 9003 ctl pinhole remove home one tcp 9003
ok "translated ones too" flow 90 9002 ctl pinhole remove home one tcp 90
ok "the one is closed" closed $ONE 9003
ok "and the other" closed $ONE 90

# --- by PCP
ok "systemd holds the socket" until_ok 5 systemctl -q is-active "$UNIT.socket"
ok "a device opens a port" gets 'SUCCESS lifetime=3600 external=9000 ' map 9000
ok "it is open at once" open_as $ONE 9000
ok "sixgatectl shows who opened it, and for how long" sh -c "sixgatectl pinhole list home one | grep -qE ' tcp 9000 +9000 +open +by the device itself, for 3[56][0-9][0-9] s$'"
ok "and does not change it" refuses "it ends by itself" sixgatectl pinhole disable home one tcp 9000
ok "renewed" gets 'SUCCESS lifetime=7200 external=9000 ' map 9000 lifetime=7200
ok "at the anycast address, which answers itself" env AT=$ANYCAST bash -c "$(declare -f pcp gets in_ns same); here=$here SERVER=$SERVER; gets 'SUCCESS lifetime=120 external=9001 ' map 9001 lifetime=1"
ok "it is deprecated, so never a source" sh -c "ip -6 addr show dev wg-sixgate to $ANYCAST | grep -q deprecated"
ok "a suggested port, led to another" gets 'SUCCESS .*external=8080 ' map 9002 external=8080
ok "it leads there" open_as $ONE 8080 9002
ok "and does not open that" closed $ONE 9002
ok "taken: another port" gets 'SUCCESS .*external=9003 ' map 9003 external=8080
ok "taken, with PREFER_FAILURE" gets CANNOT_PROVIDE_EXTERNAL map 443 protocol=udp external=53 prefer-failure
ok "a wrong nonce" gets NOT_AUTHORIZED map 9000 nonce=other
ok "another's address" gets ADDRESS_MISMATCH map 9000 client=$TWO
ok "THIRD_PARTY" gets UNSUPP_OPTION map 9000 third-party=$TWO
ok "version 0" gets UNSUPP_VERSION map 9000 version=0
ok "a port opened by hand is told, not changed" gets 'SUCCESS lifetime=86400 external=443 ' map 443
ok "a device without the right" env NS=two bash -c "$(declare -f pcp gets in_ns); here=$here SERVER=$SERVER; gets NOT_AUTHORIZED map 443"
ok "deletion" gets 'SUCCESS lifetime=0' map 9000 lifetime=0
ok "closed then" closed $ONE 9000
ok "a filter" gets 'SUCCESS' map 9000 filter=2001:db8:3::/64
ok "lets those in" open_as $ONE 9000
ok "and no others" gets 'SUCCESS' map 9001 filter=2001:db8:77::/48
ok "who are not in it" closed $ONE 9001
ok "all ports at once" gets 'SUCCESS lifetime=0' map 0 lifetime=0
ok "are closed" closed $ONE 9000
ok "those by hand are not" open_as $ONE 443
ok "a range" gets 'SUCCESS .*external=9000 .*size=3' map 9000 set=3
ok "its last port" open_as $ONE 9002

# --- renewals without end
ok "900 renewals are answered" gets 'SUCCESS .*external=9000 .*size=3' map 9000 set=3 times=900
ok "and leave no longer file behind" test "$(stat -c %s /run/sixgate/pcp)" -lt 100000
ok "whose mapping is what was renewed" gets NOT_AUTHORIZED map 9000 nonce=other

# --- nobody of ours runs
quiet() { ! systemctl -q is-active "$UNIT.service"; }
ok "the server ends when it is idle" until_ok 20 quiet
ok "what is open stays open" open_as $ONE 9001
epoch=$(pcp announce | epoch_of)
ok "the epoch goes on over the server's ends" test "${epoch:-0}" -ge 5
# The kernel closes it: as after the lifetime, without waiting for its two minutes.
nft "add element ip6 startos pcp_pinholes { $ONE . tcp . 9999 timeout 1s }"
sleep 1.5
ok "a timeout needs nobody" sh -c "! nft list set ip6 startos pcp_pinholes | grep -q 9999"

# --- rights, losses
tunnel device allow-pinholes home one no
ok "the right taken away: closed at once" closed $ONE 9001
ok "those by hand stay" open_as $ONE 443
ok "and it may not ask" gets NOT_AUTHORIZED map 9000
tunnel device allow-pinholes home one yes
ok "with the right it may again" gets 'SUCCESS' map 9000
pcp announce >/run/before
in_ns one python3 "$here/pcp.py" "$SERVER" listen 15 >/run/heard &
listener=$!
sleep 0.5
nft flush ruleset
by_hand_back() { nft list chain ip6 startos tunnel_forward >/dev/null 2>&1 && open_as "$ONE" 443; }
ok "the ruleset flushed: pinholes by hand come back" until_ok 5 by_hand_back
wait $listener
ok "the device is told by an announcement" grep -q '^SUCCESS' /run/heard
ok "whose epoch began anew" test "$(epoch_of </run/heard)" -lt 3
ok "what it had opened is closed" closed $ONE 9000
ok "it gets it back" gets 'SUCCESS .*external=9000 ' map 9000
ok "open again" open_as $ONE 9000

# --- a change over the bus that makes nftables anew starts the server as well
systemctl stop sixgate-reconcile.socket sixgate-nftables.socket sixgate-reconcile.service "$UNIT.socket" "$UNIT.service"
nft flush ruleset
ok "the service makes it anew" busctl --timeout=30 call org.sixgate.Sixgate1 /org/sixgate/Sixgate1 org.sixgate.Sixgate1.Manager Reconcile
ok "and the server listens again" until_ok 10 systemctl -q is-active "$UNIT.socket"
ok "it answers" gets 'SUCCESS .*external=9000 ' map 9000
systemctl start sixgate-reconcile.socket sixgate-nftables.socket

# --- from elsewhere
ok "the server does not answer on its WAN" env NS=far bash -c "$(declare -f pcp gets in_ns); here=$here; AT=2001:db8:1::10 gets silence map 9000 wait=2"
ok "nor at the tunnel's address from there" env NS=far bash -c "$(declare -f pcp gets in_ns); here=$here; AT=$SERVER gets silence map 9000 wait=2"
ok "nor this machine itself, which has it on another interface" env -u NS python3 -c "
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(2); s.connect(('$SERVER', 5351)); s.send(b'\\2\\0' + b'\\0' * 22)
try: raise SystemExit('it answered: %r' % s.recv(99))
except (ConnectionRefusedError, socket.timeout): pass"
ip -n one addr add $TWO/128 dev wg0 nodad
ok "a device that takes another's address is not answered" gets silence map 9001 source=$TWO wait=2
ok "and opens nothing by it" closed $TWO 9001
ip -n one addr del $TWO/128 dev wg0
ok "a port that was not asked for is closed" closed $ONE 9002
ip -n far addr add $ONE/128 dev wan nodad
ip -n isp -6 route replace $ONE/128 via 2001:db8:3::2 dev far
ok "nor is who takes a device's address outside" env NS=far bash -c "$(declare -f pcp gets in_ns); here=$here; AT=$SERVER gets silence map 9002 source=$ONE wait=2"
ip -n isp -6 route del $ONE/128
ip -n far addr del $ONE/128 dev wan
ok "and opens nothing by it" closed $ONE 9002
ok "the socket is bound to the tunnel's interface" sh -c "ss -uln6 'sport = :5351' | grep -q '%wg-sixgate:5351'"

# --- the next boot: of the kernel's part, and of /run, nothing is left
older() { [ "$(pcp announce | epoch_of)" -ge 6 ]; }
until_ok 15 older
epoch=$(pcp announce | epoch_of) asked=$SECONDS
# As a client finds out (RFC 6887, section 8.5): the epoch did not go on as the time did.
epoch_began_anew() { [ "$(pcp announce | epoch_of)" -lt $((epoch + SECONDS - asked - 3)) ]; }
systemctl stop sixgate-reconcile.socket sixgate-nftables.socket sixgate-reconcile.service "$UNIT.socket" "$UNIT.service" sixgate.service NetworkManager
nft flush ruleset
ip -6 rule flush; ip -6 rule add pref 32766 lookup main; ip -6 rule add pref 0 lookup local 2>/dev/null
ip link del wg-sixgate
find /run/sixgate -mindepth 1 -delete
systemctl start sixgate-boot.service sixgate-reconcile.socket sixgate-nftables.socket NetworkManager
nmcli device set eth0 managed no
ok "after a boot: the tunnel is up" until_ok 30 ip -o addr show dev wg-sixgate to $SERVER
ok "after a boot: the home host finds its server again, as its next handshake does" until_ok 40 device_pings one 10.59.0.1
ok "after a boot: pinholes by hand are back by themselves" until_ok 20 open_as $ONE 443
ok "after a boot: what devices had opened is closed" closed $ONE 9000
ok "after a boot: the server answers" until_ok 10 gets 'SUCCESS' announce
ok "after a boot: devices learn by the epoch that theirs are lost" epoch_began_anew
ok "after a boot: they get theirs back" gets 'SUCCESS .*external=9000 ' map 9000
ok "after a boot: open again" open_as $ONE 9000
jobs -p | xargs -r kill 2>/dev/null
finish
