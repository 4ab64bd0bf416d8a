#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The state of the tunnel role through the program: killed at any system call it is the old or the new
# one; a disk that is full, read-only or holds something else is a refusal. In namespaces of its own,
# without NetworkManager; TAP.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../nm/lib.sh"
nm_enter "$@"
. "$here/../lib/tap.sh"
nm_mounts   # a private /run, /etc and /var/lib
program=$(dirname "$SIXGATE_RECONCILE")/sixgate-tunnel
state=/var/lib/sixgate/tunnel.state
export ASAN_OPTIONS=detect_leaks=0   # strace and LeakSanitizer exclude each other

tunnel() { "$program" "$@" 2>/run/t/err; }
sum() { sha256sum <"$state"; }
refused() {   # refused PATTERN COMMAND...: with one sentence, and nothing changed
    local pattern=$1 before
    before=$(sum)
    shift
    if "$@" >/run/t/out 2>/run/t/err; then echo "it was done"; return 1; fi
    [ "$before" = "$(sum)" ] || { echo "the state changed"; return 1; }
    grep -qE "$pattern" /run/t/err || { cat /run/t/err; return 1; }
}
faulty() { strace -f -qq -o /dev/null -e "inject=$1" "$program" device set-name home "$2" "$3"; }

ok "without NetworkManager the subnet is kept, and it is said" not tunnel subnet add 10.59.0.0/24 home
ok "it says how to try again" grep -q 'profile restore' /run/t/err
ok "the subnet is there" grep -q '^subnet network=10.59.0.0/24 prefix=none name=home$' $state
ok "for root only" test "$(stat -c %a $state)" = 600
ok "a device" tunnel device add home one
ok "no key is in what is said" not grep -rqE '[A-Za-z0-9+/]{43}=' /run/t/err /run/t/out

# --- pinholes
pinholes() { "$program" pinhole list home one | tr '\t' ' ' | paste -sd,; }
ok "a pinhole to another port" tunnel pinhole add home one tcp 80:8080 --label 'the web'
ok "a range of ports" tunnel pinhole add home 10.59.0.2 udp 6000-6002:7000
ok "each is one of its own" same "$(pinholes)" "tcp 80 8080 open the web,udp 6000 7000 open ,udp 6001 7001 open ,udp 6002 7002 open "
ok "a range that meets one that is there is refused as a whole" \
    refused 'has a pinhole at port 6002 already' "$program" pinhole add home one udp 6002-6005
for ports in 0 65536 80-79 80: :80 80:0 80:70000 x 80-80x ''; do
    ok "'$ports' is no port" refused 'write it like 443' "$program" pinhole add home one tcp "$ports"
done
ok "a range beyond the last port is refused" refused 'ends with 65535' "$program" pinhole add home one tcp 100-110:65530
ok "neither tcp nor udp is refused" refused 'say tcp or udp' "$program" pinhole add home one sctp 80
ok "one that is not there cannot be disabled" refused 'has no pinhole tcp 81 that was made by hand' "$program" pinhole disable home one tcp 81
ok "disabled" tunnel pinhole disable home one tcp 80
ok "another label" tunnel pinhole label home one tcp 80 web
ok "it stays, with its label" same "$(pinholes | cut -d, -f1)" "tcp 80 8080 disabled web"
ok "enabled" tunnel pinhole enable home one tcp 80
ok "removed" tunnel pinhole remove home one udp 6000-6001
ok "what was not named stays" same "$(pinholes)" "tcp 80 8080 open web,udp 6002 7002 open "
ok "a range of which one is not there is not removed" \
    refused 'no pinhole at port 6001' "$program" pinhole remove home one udp 6001-6002
generation=$(sed -n '1s/.*generation=//p' $state)

# --- several at the same time
for n in 1 2 3 4 5 6; do tunnel device add home "d$n" >"/run/t/add$n" & done
wait
ok "six at the same time: each has its own address" \
    test "$(cat /run/t/add? | sort -u | wc -l)" = 6
ok "and the generation counts them" grep -q "^sixgate-tunnel version=1 generation=$((generation + 6))$" $state

# --- killed at every call that could matter, each kind counted by itself
missed='' kills=0
for call in openat read write fsync rename close flock; do
    n=0 status=137
    while [ $status = 137 ] && [ $n -lt 200 ]; do
        n=$((n + 1))
        old=$(sum)
        bash -c 'strace -f -qq -o /dev/null -e "inject=$1:signal=KILL:when=$2" "$3" device set-name home 10.59.0.2 "$4" >/dev/null 2>&1; exit $?' \
            - $call $n "$program" "$call$n" 2>/dev/null
        status=$?
        [ "$(sum)" = "$old" ] || grep -q " name=$call$n\$" $state || missed+=" $call $n: neither"
    done
    kills=$((kills + n - 1))
    "$program" subnet list >/dev/null 2>&1 || missed+=" $call: unreadable"
done
echo "# killed at each of $kills system calls"
ok "killed anywhere: the old state or the new one" same "$missed" ""
ok "there were enough of them" test $kills -gt 50
(faulty rename:signal=KILL:when=1 10.59.0.2 other) >/dev/null 2>&1
ok "control: who is killed before the rename leaves a file with the keys" ls $state.new-??????
"$program" device set-name home 10.59.0.2 one
left() { find /var/lib/sixgate -type f -printf '%f\n' | sort | paste -sd' '; }
ok "the next change removes it, and NetworkManager's profile is still due" same "$(left)" "tunnel.profile-due tunnel.state"

# --- the disk
for fault in 'write:error=ENOSPC:when=1' 'fsync:error=ENOSPC:when=1' 'rename:error=EROFS:when=1' 'fsync:error=EIO:when=1'; do
    ok "$fault: refused" refused 'tunnel.state' faulty "$fault" 10.59.0.2 other
done
ok "nothing else is left beside it" same "$(left)" "tunnel.profile-due tunnel.state"
mount --bind /var/lib/sixgate /var/lib/sixgate
mount -o remount,bind,ro /var/lib/sixgate
ok "read-only: refused" refused 'Read-only file system' "$program" device set-name home 10.59.0.2 other
ok "read-only: what is read works" "$program" device list home
umount /var/lib/sixgate

# --- something else in its place
cp $state /run/t/good
damaged() {   # damaged WHAT PATTERN: also a run leaves it, and the kernel, alone
    ok "$1: a command is refused" refused "$2" "$program" device add home more
    ok "$1: a run is refused" refused "$2" "$SIXGATE_RECONCILE"
    cp /run/t/good $state
}
head -c 300 /run/t/good >$state
damaged "a truncated file" 'tunnel.state:[0-9]+: .*put the file back from a backup'
sed -i '1s/version=1/version=2/' $state
damaged "a file from the future" 'written by a newer version'
: >$state
damaged "an empty file" 'the end of the file is missing'
echo '[outbound]' >$state
damaged "a file of another kind" 'no state file of the tunnel role'
ok "put back, all is as it was" "$program" device list home
finish
