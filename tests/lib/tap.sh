# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# tap.sh: TAP for shell tests (sourced). `ok WHAT COMMAND...`, `finish` at the end.
tap_n=0 tap_failed=0

ok() {   # ok WHAT COMMAND [ARG...]: the command says whether it holds; its output is shown if not
    local what=$1 out
    shift
    tap_n=$((tap_n + 1))
    if out=$("$@" 2>&1); then
        echo "ok $tap_n - $what"
    else
        echo "not ok $tap_n - $what"
        awk '{ print "#   " $0 }' <<<"$out"
        tap_failed=$((tap_failed + 1))
    fi
}
not() { ! "$@"; }
until_ok() {   # until_ok SECONDS COMMAND...: polls; a fixed sleep is either too short or too slow
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}
same() {   # same TEXT TEXT: shows the difference when they are not
    diff <(echo "$1") <(echo "$2")
}
# A test that reboots its guest (vm/guest/vm-task) and is run once more then goes on counting; FILE is on the disk.
reboot_guest() {   # reboot_guest FILE
    echo "$tap_n $tap_failed" >"$1"
    touch /run/vm/task/again
    exit
}
resume() { read -r tap_n tap_failed <"$1"; }   # resume FILE
finish() {
    echo "1..$tap_n"
    [ $tap_failed = 0 ]
    exit
}
