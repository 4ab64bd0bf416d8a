#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tunnel role's state under faults: a kill and an error at each system call of a change, a disk that is
# full or read-only, a file that is truncated or newer. The file is the old or the new one, the next run makes
# the kernel and the profile agree with it, and the running tunnel is not touched by a refusal.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"
tool=/usr/libexec/sixgate-tunnel
state=/var/lib/sixgate/tunnel.state
saved=/etc/NetworkManager/system-connections

tunnel() { $tool "$@"; }
digest() { sha256sum <"$state"; }
generation() { sed -n '1s/.*generation=//p' "$state"; }
says() { local pattern=$1 out; shift; out=$("$@" 2>&1); grep -qE "$pattern" <<<"$out" || { echo "$out"; return 1; }; }
# What the state says, beside what the kernel and the profile have.
# Addresses as docs/tunnel.md has them; no host here has more than one digit.
kernel_agrees() {
    local addresses='s/^device address=10\.59\.0\.\([0-9]\) .*/2001:db8:1::a3b:\1/p'
    same "$(sed -n 's/^device address=10\.59\.0\.\([0-9]\) .*public=\([^ ]*\) .*preshared=\([^ ]*\) .*/\2 10.59.0.\1\/32 2001:db8:1::a3b:\1\/128 \3/p' "$state" | sort)" \
        "$(wg show wg-sixgate dump | awk 'NR > 1 { split($4, ip, ","); print $1, (ip[1] ~ /:/ ? ip[2] " " ip[1] : ip[1] " " ip[2]), $2 }' | sort)" &&
        same "$(sed -n "$addresses" "$state" | sort)" "$(ip -6 route show table main proto sixgate | awk '/nhid/ { print $1 }' | sort)" &&
        same "$(sed -n "$addresses" "$state" | sort)" "$(nft -j list set ip6 startos tunnel_devices | jq -r '.nftables[].set.elem[]?' | sort)"
}
profile_agrees() {
    local want have
    want=$(sed -n 's/^subnet network=\([0-9.]*\)0\/24 .*/\11\/24/p' "$state" | sort)
    have=$(sed -n 's/^address[0-9]*=\(10\.[0-9.]*\/24\).*/\1/p' "$saved"/wg-sixgate.nmconnection | sort)
    same "$want" "$have"
}
addresses_agree() {
    same "$(sed -n 's/^subnet network=\([0-9.]*\)0\/24 .*/\11\/24/p' "$state" | sort)" \
        "$(ip -4 -o addr show dev wg-sixgate | awk '{ print $4 }' | sort)"
}
next_run() { "$SIXGATE_RECONCILE" && kernel_agrees && addresses_agree && profile_agrees; }

server_up
wan 2001:db8:1::10/64 2001:db8:1::/64
tunnel subnet add 10.59.0.0/24 home
ok "NetworkManager has the interface up" until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/24
tunnel subnet set-ipv6 home 2001:db8:1::/64
tunnel device add home one >/dev/null
ok "the kernel has the device" until_ok 5 has_peers 1
device_up one
ok "and it is heard" until_ok 10 device_pings one 10.59.0.1

# --- a kill, and an error, at each system call of a change
follows=''   # the change is one that the profile follows
put_back() { cp -p "$work/old.state" "$state"; [ -z "$follows" ] || tunnel profile restore; }
# The calls of SERIES before the command opens the state: its start, like that of any other program.
calls_of_start() {
    local series=$1
    shift
    strace -o "$work/strace" -e "trace=openat,$series" $tool "$@" >>"$work/said" 2>&1
    put_back
    sed '/tunnel\.state/,$d' "$work/strace" | grep -c "^$series("
}
# befalls WHAT SERIES COMMAND...: every call of SERIES from the opening of the state on, until none is left
befalls() {
    local what=$1 series=$2 step status now already=$changed
    shift 2
    step=$(($(calls_of_start "$series" "$@") + 1))
    while [ $step -lt 2000 ]; do
        put_back
        (strace -o "$work/strace" -e "trace=$series" -e "inject=$series:$what:when=$step" \
            $tool "$@" >>"$work/said" 2>&1; exit $?) 2>/dev/null
        status=$?
        grep -qE 'INJECTED|killed by SIGKILL' "$work/strace" || break
        now=$(generation)
        case $now in
        "$old_generation") [ "$(digest)" = "$old" ] && unchanged=$((unchanged + 1)) || bad=$((bad + 1)) ;;
        $((old_generation + 1))) tunnel device list home >/dev/null && changed=$((changed + 1)) || bad=$((bad + 1)) ;;
        *) bad=$((bad + 1)) ;;
        esac
        # a call of which the program says that it was done has been done
        [ $status != 0 ] || [ "$now" != "$old_generation" ] || { bad=$((bad + 1)); echo "# $what, $series $step: it said that it was done"; }
        next_run >"$work/agrees" 2>&1 || { disagree=$((disagree + 1)); sed 's/^/# /' "$work/agrees"; }
        # What follows is a run like any other, whose kills test-healing-kills has.
        [ $((changed - already)) -lt 2 ] || [ -n "${SIXGATE_LONG:-}" ] || return
        step=$((step + stride))
    done
}
at_each() {   # at_each WHAT SERIES... -- COMMAND...
    local what=$1 series=()
    shift
    while [ "$1" != -- ]; do series+=("$1"); shift; done
    shift
    unchanged=0 changed=0 bad=0 disagree=0
    cp -p "$state" "$work/old.state"
    old=$(digest) old_generation=$(generation)
    for s in "${series[@]}"; do befalls "$what" "$s" "$@"; done
    put_back
    "$SIXGATE_RECONCILE"
    echo "# $what of ${series[*]}: the old state after $unchanged steps, the new one after $changed, anything else after $bad"
}
holds() { [ "$bad" = 0 ] && [ "$disagree" = 0 ] && [ "$unchanged" -ge "$1" ] && [ "$changed" -ge "$2" ]; }
stride=1
calls="openat read write fsync rename close sendto sendmsg recvmsg"
[ -n "${SIXGATE_LONG:-}" ] || { stride=2 calls="write fsync rename sendto"; echo "# reduced: kills at every second call, of $calls only, until the new state is in force"; }
# shellcheck disable=SC2086 # lists of words
at_each signal=KILL $calls -- device add home two
ok "a device comes, killed at each call: old or new, and the kernel agrees" holds 2 1
# shellcheck disable=SC2086
at_each error=ENOSPC write fsync rename -- device add home two
ok "an error at each: the same" holds 1 0
# shellcheck disable=SC2086
at_each signal=KILL $calls -- device remove home one
ok "a device goes, killed at each call: old or new, and the kernel agrees" holds 2 1
# shellcheck disable=SC2086
follows=1
at_each signal=KILL rename unlink sendmsg -- subnet add 10.60.0.0/24 office
ok "a subnet comes, killed at each call: old or new, and kernel and profile agree" holds 1 1
# Nor does it matter who runs next: the service that heals is confined.
killed_before_the_profile() {
    put_back
    # Its way to the bus is the first connection that it makes.
    (strace -o "$work/strace" -e trace=connect -e inject=connect:signal=KILL:when=1 "$tool" subnet add 10.60.0.0/24 office; exit $?) >/dev/null 2>&1
    [ -e /var/lib/sixgate/tunnel.profile-due ] && ! profile_agrees
}
healed() { [ ! -e /var/lib/sixgate/tunnel.profile-due ] && profile_agrees && kernel_agrees && addresses_agree; }
cp -p "$state" "$work/old.state"
ok "control: killed before the profile follows, it is due" killed_before_the_profile
systemctl start sixgate-reconcile.service
ok "the service that heals makes it follow" until_ok 5 healed
systemctl stop sixgate-reconcile.socket sixgate-nftables.socket sixgate-reconcile.service
put_back
"$SIXGATE_RECONCILE"
ok "nothing is left lying about" same "$(find /var/lib/sixgate -name '*tunnel*')" "$state"

# --- a state of before, put back: the same device with another preshared key
key=$(own_key two)
tunnel device add home two --public-key "$key" >/dev/null
cp -p "$state" "$work/backup"
tunnel device remove home two
tunnel device add home two --public-key "$key" >/dev/null
ok "control: the kernel has the state's keys" kernel_agrees
cp -p "$work/backup" "$state"
ok "control: and not those of the backup" not kernel_agrees
ok "a backup put back: the next run gives the kernel its keys" next_run
ok "control: sixgatectl makes a backup" sixgatectl backup "$work/all.backup"
tunnel device remove home two
tunnel device add home two --public-key "$key" >/dev/null
ok "restored over D-Bus: the kernel has the backup's keys" eval 'sixgatectl restore "$work/all.backup" && kernel_agrees'
ok "and has nothing to do then" says '(^|[^0-9])0 writes' "$SIXGATE_RECONCILE" -v
tunnel device remove home two

# Its peer went and came: the device finds out by its own timers.
ok "the tunnel works on" until_ok 60 device_pings one 10.59.0.1

# --- what cannot be written, or read: refused, the running tunnel untouched
untouched() {   # untouched RE COMMAND...
    local re=$1 before after out
    before=$(wg show wg-sixgate allowed-ips; ip -6 route show dev wg-sixgate; digest)
    shift
    if out=$("$@" 2>&1); then echo "it was done: $out"; return 1; fi
    after=$(wg show wg-sixgate allowed-ips; ip -6 route show dev wg-sixgate; digest)
    same "$before" "$after" || return 1
    grep -qE "$re" <<<"$out" || { echo "$out"; return 1; }
    device_pings one 10.59.0.1
}
cp -a /var/lib/sixgate "$work/kept"
mount -t tmpfs -o size=64k,mode=700 none /var/lib/sixgate && cp -p "$work/kept/"* /var/lib/sixgate/
dd if=/dev/zero of=/var/lib/sixgate/filler bs=1k >/dev/null 2>&1
ok "a full disk: refused, and it says so" untouched 'No space left' tunnel device add home three
rm /var/lib/sixgate/filler
mount -o remount,ro /var/lib/sixgate
ok "a read-only /var: refused, and it says so" untouched 'Read-only' tunnel device add home three
mount -o remount,rw /var/lib/sixgate
ok "control: with room, it is done" tunnel device add home three
umount /var/lib/sixgate
broken() {   # broken WHAT RE SED...: the file as SED makes it
    local what=$1 re=$2
    shift 2
    cp -p "$state" "$work/good.state"
    "$@" "$state"
    ok "$what: refused, with what to do" untouched "$re" tunnel device add home four
    ok "$what: a run refuses it, too, and leaves the tunnel" untouched "$re" "$SIXGATE_RECONCILE"
    cp -p "$work/good.state" "$state"
}
broken "a newer version" 'newer' sed -i '1s/version=1/version=2/'
broken "a truncated file" 'end of the file is missing' truncate -s -5
broken "an empty file" 'end of the file is missing' truncate -s 0
ok "the file put back: a run has nothing to do" next_run
finish
