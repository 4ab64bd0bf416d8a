#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What systemd's starts of our programs cost, confinement and all, on this machine's own kernel, beside
# a unit that runs /bin/true without any: processor time of a start of sixgate-reconcile.service for a link
# event that changes nothing, and how long after its activation sixgate.service answers. Prints only.
#
#     bench-units.sh BUILD
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
rounds=10

outside() {
    tmp=$(mktemp -d)   # not local: the trap needs it
    trap 'rm -rf "$tmp"' EXIT
    DESTDIR=$tmp meson install -C "$1" --no-rebuild --quiet
    "$top/tests/vm/container" -s "$top" -s "$tmp" -t 150 -- bash "$here/bench-units.sh" --inside "$tmp"
}

used_us() { awk '/^usage_usec/ { print $2 }' "/sys/fs/cgroup/$1/cpu.stat"; }
# usec PROPERTY: of sixgate.service's last start, in us since boot
usec() { systemctl show -P "$1" sixgate.service; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

set_up() {   # a LAN, selected; and slices that outlive what runs in them, and add it up
    cp -a --no-preserve=ownership "$1"/* /
    ip link add eth0 type veth peer name far0
    ip addr add 2001:db8:1::1/64 dev far0 nodad
    ip link set far0 up
    mkdir -p /etc/systemd/system/sixgate-reconcile.service.d
    printf '[Service]\nSlice=ours.slice\n' >/etc/systemd/system/sixgate-reconcile.service.d/slice.conf
    systemctl daemon-reload
    systemctl start ours.slice bare.slice
    nmcli device set eth0 managed yes
    nmcli connection add type ethernet con-name lan ifname eth0 ipv4.method disabled ipv6.method manual \
        ipv6.addresses 2001:db8:1::2/64 ipv6.gateway 2001:db8:1::1 >/dev/null
    nmcli connection up lan >/dev/null
    systemctl enable --quiet --now sixgate-boot.service sixgate-reconcile.service
    /usr/libexec/sixgate-reconcile --outbound eth0
    ip link add idle0 type bridge
    ip link set idle0 up
    sleep 5
}

starts() {   # processor time of a start, in us: ours, and of /bin/true alone
    local i begin ours
    begin=$(used_us ours.slice)
    for i in $(seq $rounds); do
        ip link set idle0 alias "event $i"
        sleep 2.5   # it lingers for a second
    done
    ours=$((($(used_us ours.slice) - begin) / rounds))
    begin=$(used_us bare.slice)
    for i in $(seq $rounds); do systemd-run --quiet --wait --slice=bare.slice /bin/true; done
    echo "a start of sixgate-reconcile.service, nothing to do: $ours us of processor time," \
        "of a unit that runs /bin/true: $((($(used_us bare.slice) - begin) / rounds)) us"
    echo "a link event a minute: $(awk -v u=$ours 'BEGIN { printf "%.3f", u / 6e5 }') % of a processor (promise: at most 0.1)"
}

activations() {
    local i ready=()
    for i in $(seq $rounds); do
        systemctl stop sixgate.service
        busctl get-property org.sixgate.Sixgate1 /org/sixgate/Sixgate1 org.sixgate.Sixgate1.Manager Version >/dev/null
        ready+=($(($(usec ActiveEnterTimestampMonotonic) - $(usec InactiveExitTimestampMonotonic))))
    done
    echo "sixgate.service is ready $(printf '%s\n' "${ready[@]}" | median) us after its activation, median of $rounds (promise: 50000)"
}

if [ "${1:-}" = --inside ]; then
    set_up "$2"
    starts
    activations
else
    outside "$(realpath "$1")"
fi
