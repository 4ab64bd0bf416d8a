#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Healing against others that are at it too: bounded processor time, one message, the guard stays,
# all is right at the end.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
. "$here/../lib/healing.sh"

healing_up ''
until_ok 10 inactive
t_wg=$(table_of wg0)
messages() { journalctl -b -q -o cat --no-pager -p warning _COMM=sixgate-reconci | grep -c "$1"; }
at_most() { [ "$1" -le "$2" ] || { echo "$1, at most $2"; return 1; }; }

# rival NAME SECONDS COMMAND: does COMMAND as fast as it can, under a name of its own
rival() {
    printf '#!/bin/bash\nend=$((SECONDS + %d))\nwhile [ $SECONDS -lt $end ]; do %s; done\n' "$2" "$3" >"$work/$1"
    chmod +x "$work/$1"
    "$work/$1" >/dev/null 2>&1
}
# fight WHAT OBJECT COMMAND CHECK...: 20 seconds of it
fight() {
    local what=$1 object=$2 command=$3 before ran said
    shift 3
    before=$(busy_ms) ran=$(starts) said=$(messages "$object")
    flood_start
    rival rival 20 "$command"
    flood_stop
    local used=$(($(busy_ms) - before)) times=$(($(starts) - ran)) news=$(($(messages "$object") - said))
    echo "# fight: $what: $used ms of processor time in 20 s, $times starts, $news messages, $leaked packets of the flood ($(cat "$work/flood")) by another gateway"
    ok "$what: at most a tenth of a processor" at_most $used 2000
    ok "$what: one message" test $news = 1
    "$@"
    ok "$what: nothing leaves by another gateway, or the window is known" test "$leaked" -le "${leak_limit:-0}"
}

# --- two managers
fight "rule 75 deleted as fast as possible" 'pref 75' 'ip -6 rule del pref 75' \
    ok "the guard stands" nft list chain ip6 startos guard_post
ip -6 rule del pref 74
ok "another rule is put back in the midst of the back-off" until_ok 1 rule "^74:"
ok "rule 75 is back once the other has given up" until_ok 45 rule "^75:.*lookup $t_wg"
leak_limit=100000 fight "the ruleset flushed as fast as possible" 'nftables startos' 'nft flush ruleset' true
ok "the guard is back within a second of the last flush" until_ok 2 nft list chain ip6 startos guard_post
settled
ok "and all is as it should be" nothing_to_do

finish
