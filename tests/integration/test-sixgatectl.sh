#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# sixgatectl without a service: every command stands in the help, the completion, the man page and, if it
# reads, in the schema; without a bus each fails with one sentence.
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../lib/tap.sh"
ctl=$SIXGATECTL
mapfile -t commands < <("$ctl" --help | sed -nE 's/^  ([a-z]+( [a-z0-9-]+)?)  .*/\1/p')
ok "there are commands" test "${#commands[@]}" -ge 31

# shellcheck source=/dev/null # what is tested
. "$top/data/completions/sixgatectl"
completes() {   # completes WORD WORDS...: the completion of the next word behind WORDS offers WORD
    local word=$1
    shift
    COMP_WORDS=(sixgatectl "$@" '') COMP_CWORD=$(($# + 1)) COMPREPLY=()
    _sixgatectl
    printf '%s\n' "${COMPREPLY[@]}" | grep -qx -- "$word"
}
says() { grep -qF -- "$2" "$1"; }
one_line() {   # one_line STATUS COMMAND...: fails so, with one line that begins with the name
    local status=$1 got out
    shift
    out=$("$@" 2>&1 >/dev/null)
    got=$?
    echo "$got: $out"
    [ "$got" = "$status" ] && [ "$(wc -l <<<"$out")" = 1 ] && [[ $out == sixgatectl:\ * ]]
}
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere PATH=${ctl%/*}:$PATH
for command in "${commands[@]}"; do
    # shellcheck disable=SC2206 # words
    words=($command)
    if [ ${#words[@]} = 2 ]; then
        ok "the completion knows $command" completes "${words[1]}" "${words[0]}"
    else
        ok "the completion knows $command" completes "${words[0]}"
    fi
    ok "the man page tells of $command" says "$top/docs/man/sixgatectl.8.scd" "*${words[-1]}*"
    if "$ctl" "${words[@]}" --help | head -1 | grep -qF -- --json; then
        ok "the schema has $command" says "$top/docs/sixgatectl.schema.json" "\"$command\": {"
    fi
done
ok "no bus: status" one_line 1 "$ctl" status
ok "no bus: outbound" one_line 1 "$ctl" outbound wg0
ok "no bus: gateway import" one_line 1 "$ctl" gateway import - </dev/null
ok "a full disk is not silence" one_line 1 sh -c "'$ctl' --help >/dev/full"
finish
