#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What systemd's starts of our programs cost, confinement and all, beside a unit that runs /bin/true without any:
# processor time of a start of sixgate-reconcile.service for a link event that changes nothing, and how long after
# its activation sixgate.service answers. Run by tests/vm/own-kernel; prints only.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/own-kernel.sh"
rounds=10

usec() { systemctl show -P "$1" sixgate.service; }   # a moment of its last start, in us since boot
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

starts() {
    local i begin ours
    begin=$(used_us ours.slice)
    for i in $(seq $rounds); do
        ip link set idle0 alias "event $i"
        sleep 2.5   # it lingers for a second
    done
    ours=$((($(used_us ours.slice) - begin) / rounds))
    systemctl start bare.slice
    begin=$(used_us bare.slice)
    for i in $(seq $rounds); do systemd-run --quiet --wait --slice=bare.slice /bin/true; done
    echo "a start of sixgate-reconcile.service, nothing to do: $ours us of processor time," \
        "of a unit that runs /bin/true: $((($(used_us bare.slice) - begin) / rounds)) us"
    echo "a link event a minute: $(awk -v u=$ours 'BEGIN { printf "%.3f", u / 6e5 }') % of a processor (promise: at most 0.1)"
}

activations() {
    local ready=()
    for _ in $(seq $rounds); do
        systemctl stop sixgate.service
        busctl get-property org.sixgate.Sixgate1 /org/sixgate/Sixgate1 org.sixgate.Sixgate1.Manager Version >/dev/null
        ready+=($(($(usec ActiveEnterTimestampMonotonic) - $(usec InactiveExitTimestampMonotonic))))
    done
    echo "sixgate.service is ready $(printf '%s\n' "${ready[@]}" | median) us after its activation, median of $rounds (promise: 50000)"
}

host_up
starts
activations
