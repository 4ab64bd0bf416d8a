#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Healing where nothing happens but router advertisements and a link event a minute: what it costs.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
. "$here/../lib/healing.sh"

idle=600
if [ -z "${SIXGATE_LONG:-}" ]; then
    idle=120
    echo "# reduced: idle: $idle of 600 seconds; --long does them all"
fi
RA_MIN=3 RA_MAX=10 healing_up ''
at_most() { [ "$1" -le "$2" ] || { echo "$1, at most $2"; return 1; }; }
until_ok 10 inactive

ip link add idle0 type dummy
ip link set idle0 up
sleep 35   # an address is new for half a minute, and its first refreshes are heard
until_ok 10 inactive
begin=$(busy_ms) ran=$(starts) manager=$(systemd_ms) events=0
end=$((SECONDS + idle)) next=$((SECONDS + 30))
while [ $SECONDS -lt $end ]; do
    if [ $SECONDS -ge $next ]; then
        ip link set idle0 alias "at $SECONDS"
        events=$((events + 1)) next=$((next + 60))
    fi
    sleep 1
done
used=$(($(busy_ms) - begin)) times=$(($(starts) - ran)) manager=$(($(systemd_ms) - manager))
echo "# idle: $idle s, $events link events: $times starts, $used ms of processor time ($(awk -v u=$used -v i=$idle 'BEGIN { printf "%.3f", u / i / 10 }') %), systemd $manager ms"
ok "idle: at most 0.1 % of a processor" at_most $used $idle
ok "idle: started for link events only" test "$times" = $events
ok "idle: router advertisements did come" test "$(grep -c "other address+ $HOST_LAN" $changes)" -ge $((idle / 12))
ok "idle: no timer of ours is faster than a minute" bash -c \
    "! systemctl cat 'sixgate-*.timer' | grep -E '^On[A-Za-z]*Sec=' | grep -vE '=[0-9]+(min|h)'"
finish
