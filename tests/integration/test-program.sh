#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The built program from outside: its rights, the lock, exit status, what it says, what it leaves
# behind when it cannot do its work. In a network namespace of its own; TAP.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../nm/lib.sh"
nm_enter "$@"
. "$here/../lib/tap.sh"
nm_mounts   # a private /run, /etc and /var/lib; neither bus nor NetworkManager runs
program=/usr/libexec/sixgate-reconcile
mkdir -p /run/sixgate

status_is() {   # status_is N COMMAND...: and it says one sentence on standard error, no more
    local want=$1 got
    shift
    "$@" >/run/t/out 2>/run/t/err
    got=$?
    [ "$got" = "$want" ] || { echo "status $got"; cat /run/t/err; return 1; }
}
said() { grep -qE "$1" /run/t/err || { cat /run/t/err; return 1; }; }
said_once() { [ "$(grep -cE "$1" /run/t/err)" = 1 ] || { cat /run/t/err; return 1; }; }
field() { awk -v f="$1:" '$1 == f { print $2 }' "/proc/$pid/status"; }
nothing_of_ours() { ! ip -N -6 rule | grep -q 'proto 106' && ! nft list table ip6 startos 2>/dev/null; }

# --- rights: a run that waits for the lock can be looked at
exec 8>/run/sixgate/lock
flock 8
"$program" 2>/run/t/err &
pid=$!
until_ok 3 grep -q . "/proc/$pid/wchan"
sleep 0.1
ok "it waits while another writes" kill -0 $pid
ok "only CAP_NET_ADMIN is effective" test "$(field CapEff)" = 0000000000001000
ok "only CAP_NET_ADMIN is permitted" test "$(field CapPrm)" = 0000000000001000
ok "nothing is inherited" test "$(field CapInh)" = 0000000000000000
ok "nothing is ambient" test "$(field CapAmb)" = 0000000000000000
ok "nothing comes back: the bounding set" test "$(field CapBnd)" = 0000000000001000
ok "no_new_privs" test "$(field NoNewPrivs)" = 1
ok "it has changed nothing yet" nothing_of_ours
flock -u 8
wait $pid
ok "then it runs to its end" test $? = 0
ok "it drops its rights before it opens a file of ours" env ASAN_OPTIONS=detect_leaks=0 sh -c "strace -f -o /run/t/trace $program &&
    awk '/capset\(/ { dropped = 1 } /open.*sixgate\.conf/ { exit !dropped }' /run/t/trace"

# --- one writer at a time, bounded
printf '[sixgate]\nLockTimeoutMSec=200\n' >/etc/sixgate.conf.t
mkdir -p /etc/sixgate
mv /etc/sixgate.conf.t /etc/sixgate/sixgate.conf
flock 8
ok "the lock is not waited for without end: exit 1" status_is 1 timeout 5 "$program"
ok "and it says who holds it" said_once 'lock'
flock -u 8
rm /etc/sixgate/sixgate.conf

# --- what it says
ok "a good run ends with 0" status_is 0 "$program"
ok "usage: exit 2" status_is 2 "$program" --no-such-option
ok "too many words: exit 2" status_is 2 "$program" eth0 up more
ok "--version" status_is 0 "$program" --version
ok "an event by the dispatcher" status_is 0 "$program" nm0 up
ok "an event that means nothing to us" status_is 0 "$program" nm0 hostname
printf '[sixgate]\nNoSuchKey=1\n' >/etc/sixgate/sixgate.conf
ok "an unknown key is no failure" status_is 0 "$program"
ok "but a warning" said 'NoSuchKey'
printf 'nonsense\n' >/etc/sixgate/sixgate.conf
ok "a malformed configuration is a failure" not "$program"
rm /etc/sixgate/sixgate.conf

# --- the choice
ok "an impossible name is refused: exit 2" status_is 2 "$program" --outbound 'a/b'
ok "a gateway that is not there may be chosen" status_is 0 "$program" --outbound wg9
ok "and it fails closed" sh -c "ip -6 rule | grep -q '^76:.*unreachable'"
ok "the choice is kept, root only" test "$(stat -c %a /var/lib/sixgate/host.conf)" = 600
head -c 20 /var/lib/sixgate/host.conf >/run/t/cut && cat /run/t/cut >/var/lib/sixgate/host.conf
before=$(ip -6 rule; nft list table ip6 startos)
ok "a truncated choice is an error" status_is 1 "$program"
ok "that is said once" said_once 'host\.conf'
ok "and nothing is torn down for it" same "$before" "$(ip -6 rule; nft list table ip6 startos)"
rm /var/lib/sixgate/host.conf
ok "back to auto" status_is 0 "$program" --outbound auto
ok "--dry-run after it prints nothing" sh -c "test -z \"\$($program --dry-run 2>/dev/null)\""
nft flush ruleset
ok "--dry-run prints what is missing" sh -c "$program --dry-run 2>/dev/null | grep -q 'gateway_mark'"
ok "and changes nothing" not nft list table ip6 startos

# --- what it is made of
ok "it links neither libnm nor a GLib main loop" not grep -qE 'libnm\.|libgio' <(ldd $program)
ok "without root it says so and changes nothing" not setpriv --reuid 65534 --clear-groups $program
finish
