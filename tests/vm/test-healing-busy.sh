#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Healing on a busy host: others that change routes without end, bursts that could overflow a socket.
# --long: more of these.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
. "$here/../lib/healing.sh"

if [ -n "${SIXGATE_LONG:-}" ]; then
    bursts=100
else
    bursts=6
    echo "# reduced: bursts: $bursts of 100; --long does them all"
fi
healing_up ''
until_ok 10 inactive

at_most() { [ "$1" -le "$2" ] || { echo "$1, at most $2"; return 1; }; }

# --- a routing daemon. The one that notes changes would be busier than it.
kill "$watcher"
ip link add daemon type dummy
ip link set daemon up
# churn WHAT TABLE STARTS: 100,000 changes in TABLE, in their midst a rule of ours deleted
churn() {
    local what=$1 table=$2 most=$3 before ran manager took daemon
    until_ok 20 inactive
    before=$(busy_ms) ran=$(starts) manager=$(systemd_ms)
    python3 "$here/churn.py" "$table" daemon 100000 >"$work/took" &
    daemon=$!
    sleep 0.5
    ip -6 rule del pref 75
    ok "$what: a rule deleted in its midst comes back" until_ok 5 rule '^75:'
    wait $daemon
    ok "$what: nothing of ours runs afterwards" until_ok 30 inactive
    took=$(cat "$work/took")
    local used=$(($(busy_ms) - before)) times=$(($(starts) - ran))
    echo "# busy: $what: in $took s; $times starts, $used ms of processor time, systemd $(($(systemd_ms) - manager)) ms"
    ok "$what: started at most $most times" at_most $times "$most"
    ok "$what: at most half of a processor" at_most $used "$(awk -v t="$took" 'BEGIN { print int(500 * t) + 1500 }')"
    ok "$what: nothing is left to do" nothing_to_do
}
churn "100,000 changes in a table of others" 100 2
churn "100,000 changes in table main" 254 6
watch_start

# --- bursts
python3 -c '
print("add table ip6 other"); print("add set ip6 other s { type ipv6_addr; }")
print("add element ip6 other s { " + ",".join("2001:db8:%x::%x" % (i >> 12, i) for i in range(1, 60001)) + " }")
' >"$work/elements.nft"
burst_link() {   # a link with 8,000 routes, deleted
    ip link add burst type veth peer name burst1
    ip link set burst up; ip link set burst1 up
    seq -f 'route add fd99:%g::/64 dev burst' 1000 8999 | ip -6 -batch -
    ip link del burst
}
burst_nft() { nft -f "$work/elements.nft"; nft delete table ip6 other; }
burst() { if [ $((RANDOM % 2)) = 0 ]; then burst_link; else burst_nft; fi; }
healed() {   # a rule of ours, deleted, comes back within a second: from the deletion to the write
    local mark
    mark=$(wc -l <$changes)
    ip -6 rule del pref "$1" || return
    until_ok 3 rule "^$1:" || return
    took=$(tail -n +$((mark + 1)) $changes | awk -v p="pref $1" '
        $0 ~ "rule- " p && !gone { gone = $1 } $0 ~ "ours rule\\+ " p && gone { print $1 - gone; exit }')
    within "${took:-never}" 1
}
missed='' slowest=0
note() { awk -v a="$1" -v b="$2" 'BEGIN { print (a > b) ? a : b }'; }

# before the first start after boot: systemd's sockets as they are when nobody has tuned them
systemctl stop $service "${sockets[@]}"
systemctl start "${sockets[@]}"
systemctl mask --quiet --runtime $service
burst_nft; burst_link
systemctl unmask --quiet --runtime $service
systemctl reset-failed $service "${sockets[@]}" 2>/dev/null
until_ok 10 listening || systemctl start $service
ok "after bursts before the first start both listen" until_ok 15 listening
until_ok 20 inactive
settled
ok "and a deleted rule is back within 1 s" healed 75

prefs=(74 75 76 1000 1100)
for i in $(seq "$bursts"); do
    : >"$changes"   # 8,000 lines each time: /run would be full before the end
    burst >/dev/null 2>&1
    sleep "0.$((RANDOM % 10))"
    [ $((RANDOM % 3)) != 0 ] || until_ok 20 inactive
    settled
    listening >/dev/null || missed+=" $i:deaf"
    # Twice: the machine itself may be busy with others.
    healed "${prefs[i % 5]}" >/dev/null || { echo "# burst $i: $took s"; healed "${prefs[i % 5]}" >/dev/null; } ||
        missed+=" $i:$took"
    slowest=$(note "$slowest" "${took:-9}")
done
echo "# bursts: $bursts, the slowest repair afterwards took $slowest s"
ok "after each of $bursts bursts both sockets listen and a deleted rule is back within 1 s" same "$missed" ""
settled
finish
