#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Healing, killed at any point, stopped by the watchdog, started twice, after a sleep, deaf until the
# timer comes: converges.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
. "$here/../lib/healing.sh"

healing_up ''
until_ok 10 inactive
t_wg=$(table_of wg0)

# So often within seconds would look like a fight: its ledger is taken away too.
damage() { rm -f /run/sixgate/limits; ip -6 rule del pref 75; ip -6 rule del pref 1100; ip -6 route flush table "$t_wg"; nft delete table ip6 startos; }
missed=''
for ms in 0 5 10 20 30 40 60 80 100 150; do
    systemctl start $service
    damage 2>/dev/null
    sleep "$(printf '0.%03d' $ms)"
    systemctl kill -s KILL $service 2>/dev/null
    until_ok 5 nothing_to_do || missed+=" $ms"
    settled
done
ok "killed at 10 moments of a repair: converges" same "$missed" ""
ok "both sockets listen" listening

# strace kills at the n-th write, until a run has fewer: every point between two messages
missed='' n=0 status=137
while [ $status = 137 ] && [ $n -lt 40 ]; do
    n=$((n + 1))
    systemctl stop $service "${sockets[@]}"
    damage 2>/dev/null
    bash -c 'strace -f -qq -o /dev/null -e "inject=sendmsg,sendto:signal=KILL:when=$1" "$2"; exit $?' \
        - "$n" "$SIXGATE_RECONCILE" >/dev/null 2>&1
    status=$?
    systemctl start "${sockets[@]}" $service
    until_ok 5 nothing_to_do || missed+=" $n"
done
echo "# killed at each of $((n - 1)) messages"
ok "killed at each message to the kernel: the next run converges" same "$missed" ""
ok "there were some, and an end of them" test $n -gt 8 -a $status = 0
until_ok 8 inactive

systemctl start $service
damage 2>/dev/null
"$SIXGATE_RECONCILE" &
one=$!
"$SIXGATE_RECONCILE" &
two=$!
systemctl start $service
wait $one $two
ok "started three times at once: converges" until_ok 5 nothing_to_do
until_ok 8 inactive

mkdir -p "/run/systemd/system/$service.d"
printf '[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s\n' >"/run/systemd/system/$service.d/watchdog.conf"
systemctl daemon-reload
systemctl start $service
kill -STOP "$(systemctl show -p MainPID --value $service)"
damage 2>/dev/null
ok "stopped by the watchdog: started again, converges" until_ok 15 nothing_to_do
ok "it was the watchdog" bash -c "journalctl -b -q -o cat UNIT=$service | grep -qi watchdog"
rm "/run/systemd/system/$service.d/watchdog.conf"
systemctl daemon-reload

# --- sleep: the machine of the test cannot, so its part of the work is replaced
mkdir -p /run/systemd/system/systemd-suspend.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/true\n' >/run/systemd/system/systemd-suspend.service.d/test.conf
systemctl daemon-reload
until_ok 8 inactive
before=$(starts)
systemctl suspend 2>/dev/null || systemctl start suspend.target
looked() { [ "$(starts)" -gt "$before" ]; }
ok "after a sleep it looks" until_ok 8 looked
until_ok 8 inactive

# --- nobody listens any more: the last resort is the timer, here without its 15 minutes
mkdir -p /run/systemd/system/sixgate-reconcile.timer.d
printf '[Timer]\nOnBootSec=\nOnUnitInactiveSec=\nOnActiveSec=2s\nAccuracySec=1s\n' \
    >/run/systemd/system/sixgate-reconcile.timer.d/test.conf
systemctl stop "${sockets[@]}"
systemctl daemon-reload
damage 2>/dev/null
sleep 1
ok "with both sockets stopped nothing is put back" not nothing_to_do
systemctl restart sixgate-reconcile.timer
ok "the timer makes both listen again" until_ok 15 listening
ok "and what went unheard is put right" until_ok 5 nothing_to_do
ip -6 rule del pref 75
ok "from then on changes are heard" until_ok 3 rule "^75:.*lookup $t_wg"
finish
