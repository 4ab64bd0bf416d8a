#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Healing where nothing happens but router advertisements and a link event a minute: what it costs. On the
# machine's own kernel (own-kernel): in User Mode Linux even an empty program costs ten times as much.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/own-kernel.sh"

idle=600
if [ -z "${SIXGATE_LONG:-}" ]; then
    idle=120
    echo "# reduced: idle: $idle of 600 seconds; --long does them all"
fi
starts() { journalctl -b -q -o cat --no-pager UNIT=sixgate-reconcile.service | grep -c '^Started'; }
systemd_ms() { awk '{ print ($14 + $15) * 10 }' /proc/1/stat; }
advertisements() { ip netns exec home nft list counters | awk '$1 == "packets" { print $2 }'; }
at_most() { [ "$1" -le "$2" ] || { echo "$1, at most $2"; return 1; }; }

# idle_for SECONDS: sets used (us of our processor time), times (starts) and events
idle_for() {
    local end=$((SECONDS + $1)) next=$((SECONDS + 30)) begin ran manager
    begin=$(used_us ours.slice) ran=$(starts) manager=$(systemd_ms) events=0
    while [ $SECONDS -lt $end ]; do
        if [ $SECONDS -ge $next ]; then
            ip link set idle0 alias "at $SECONDS"
            events=$((events + 1)) next=$((next + 60))
        fi
        sleep 1
    done
    used=$(($(used_us ours.slice) - begin)) times=$(($(starts) - ran))
    echo "# idle: $1 s, $events link events: $times starts, $((used / 1000)) ms of processor time" \
        "($(awk -v u=$used -v i="$1" 'BEGIN { printf "%.3f", u / i / 1e4 }') %), systemd $(($(systemd_ms) - manager)) ms"
}

host_up
ok "the outbound carries IPv6" grep -q unreachable <(ip -6 rule)
ip netns exec home nft -f - <<'N'
table ip6 count {
    counter advertised { }
    chain c { type filter hook output priority 0; icmpv6 type nd-router-advert counter name advertised; }
}
N
for _ in 1 2 3; do   # what other programs of the machine do can only make it more
    idle_for $idle
    [ "$used" -gt $((idle * 1000)) ] || break
done
ok "idle: at most 0.1 % of a processor" at_most "$used" $((idle * 1000))
ok "idle: started for link events only" test "$times" = "$events"
ok "idle: router advertisements did come" test "$(advertisements)" -ge $((idle / 12))
ok "idle: no process of ours is there" not pgrep -f '/usr/libexec/sixgate'
ok "idle: no timer of ours is faster than a minute" bash -c \
    "! systemctl cat 'sixgate-*.timer' | grep -E '^On[A-Za-z]*Sec=' | grep -vE '=[0-9]+(min|h)'"
finish
