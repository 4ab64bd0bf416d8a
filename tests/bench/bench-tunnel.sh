#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tunnel role costs with 100, 1,000 and 10,000 devices, in a guest with real WireGuard: loading them,
# adding and removing one, listing, a device's config; and a packet with 64 against 4,096 devices and pinholes, by
# turns. Prints only. A system call costs 11 us there, many times what it costs elsewhere, and all time is counted as
# the system's: ratios and messages count, not times.
#
#     bench-tunnel.sh BUILD
here=$(cd "$(dirname "$0")" && pwd)
if [ "${SIXGATE_IN_GUEST:-}" != 1 ]; then
    SIXGATE_LONG=1 exec "$here/../vm/suite" "$1" "$here/bench-tunnel.sh"
fi
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"
state=/var/lib/sixgate/tunnel.state
tunnel() { /usr/libexec/sixgate-tunnel "$@"; }

devices() {   # devices N: N device lines, each with a pinhole
    python3 - "$1" <<'P'
import base64, os, sys
for i in range(int(sys.argv[1])):
    key = base64.b64encode(os.urandom(32)).decode()
    psk = base64.b64encode(os.urandom(32)).decode()
    at = i + 256
    print(f"device address=10.59.{at >> 8}.{at & 255} kind=client pinholes=no public={key} private= preshared={psk} name=d{i}")
    print("pinhole protocol=udp external=9 internal=9 enabled=yes label=")
P
}
with() { sed "/^subnet /r $work/lines.$1" "$work/empty.state" >"$state.new"; chmod 600 "$state.new"; mv "$state.new" "$state"; }
cost() {   # cost WHAT COMMAND...: wall, user and system seconds
    local TIMEFORMAT="# %R s wall, %U s user, %S s system: $1"
    shift
    time "$@" >"$work/said" 2>&1 || { cat "$work/said"; return 1; }
}
sends() {   # sends COMMAND...: messages to the kernel
    strace -f -yy -s 0 -e trace=sendto,sendmsg -o "$work/strace" "$@" >/dev/null 2>&1
    for kind in ROUTE GENERIC NETFILTER; do printf '%s %s, ' "$kind" "$(grep -c "NETLINK:\[$kind" "$work/strace")"; done
}

server_up
wan 2001:db8:1::10/64 2001:db8:1::/64
tunnel subnet add 10.59.0.0/16 home
ok "NetworkManager has the interface up" until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/16
tunnel subnet set-ipv6 home 2001:db8:1::/64
cp -p "$state" "$work/empty.state"
# --- a packet from outside to a device, as far as the drop at the end of the chain
flood() {   # flood DEVICES: ns per packet
    with "$1"
    "$SIXGATE_RECONCILE"
    ip netns exec far python3 - <<'P'
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.connect(("2001:db8:1::a3b:120", 10))
def send(n):
    for _ in range(n):
        try:
            s.send(b"x")
        except OSError:
            pass
send(500)
start = time.process_time_ns()
send(10000)
print((time.process_time_ns() - start) // 10000)
P
}
for n in 64 4096; do devices $n >"$work/lines.$n"; done
for _ in 1 2 3 4 5; do
    few=$(flood 64)
    many=$(flood 4096)
    echo "# a packet to a device: $few ns with 64, $many ns with 4,096, ratio $(awk "BEGIN { printf \"%.3f\", $many / $few }")"
done

# --- many devices
{
    for n in 100 1000 10000; do
        devices $n >"$work/lines.$n"
        with $n
        cost "$n devices: from nothing to complete" "$SIXGATE_RECONCILE"
        cost "$n devices: nothing to do" "$SIXGATE_RECONCILE"
        cost "$n devices: one is added" /usr/libexec/sixgate-tunnel device add home new
        cost "$n devices: listed" /usr/libexec/sixgate-tunnel device list home
        cost "$n devices: a config is shown" /usr/libexec/sixgate-tunnel device show-config home new --endpoint 2001:db8:f0::10
        cost "$n devices: one is removed" /usr/libexec/sixgate-tunnel device remove home new
        echo "# $n devices: adding one sends $(sends /usr/libexec/sixgate-tunnel device add home new)"
        tunnel device remove home new
        peers=$(wg show wg-sixgate peers | wc -l)
    done
} 2>&1
ok "all of them are in the kernel" test "$peers" = 10000

finish
