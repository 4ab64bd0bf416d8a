#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A change of one device is one message about one peer: 1,000 others with real sessions keep their endpoints,
# handshakes and counters, whatever is changed, modified, reapplied or restarted.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"
state=/var/lib/sixgate/tunnel.state
tunnel() { /usr/libexec/sixgate-tunnel "$@"; }
n=1000
[ -n "${SIXGATE_LONG:-}" ] || { n=25; echo "# reduced: $n devices with sessions instead of 1,000"; }

server_up
wan 2001:db8:1::10/64 2001:db8:1::/64
tunnel subnet add 10.59.0.0/16 home
ok "NetworkManager has the interface up" until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/16
tunnel subnet set-ipv6 home 2001:db8:1::/64
tunnel subnet add 10.60.0.0/24 office
tunnel subnet set-ipv6 office 2001:db8:1::/64
tunnel device add office three >/dev/null
device_up three
device_address three 2001:db8:1::a3c:2

# --- devices with keys of their own, in the file as the command writes it; each connects from a link of its own
many_devices() {
    local i key
    mkdir -p "$work/many"
    umask 077
    for ((i = 1; i <= n; i++)); do
        wg genkey >"$work/many/$i.key"
        key=$(wg pubkey <"$work/many/$i.key")
        echo "device address=10.59.$(((i + 9) / 250 + 1)).$(((i + 9) % 250 + 1)) kind=client pinholes=no public=$key private= preshared= name=d$i"
    done >"$work/many/lines"
    sed -i "/^subnet network=10.59/r $work/many/lines" "$state"
}
connect_many() {
    local i server
    server=$(wg show wg-sixgate public-key)
    for ((i = 1; i <= n; i++)); do echo "link add c$i type wireguard"; done | ip -n two -batch -
    for ((i = 1; i <= n; i++)); do
        in_ns two wg set "c$i" private-key "$work/many/$i.key" peer "$server" endpoint '[2001:db8:f0::10]:51820' \
            allowed-ips ::/0 persistent-keepalive 65535
    done
    # A keepalive goes out as the link comes up, and with it a handshake.
    for ((i = 1; i <= n; i++)); do echo "link set c$i up"; done | ip -n two -batch -
}
sessions() { wg show wg-sixgate latest-handshakes | grep -cv '	0$'; }
have_sessions() { [ "$(sessions)" -ge "$1" ] || { echo "$(sessions) sessions"; return 1; }; }
others() {   # all of every peer but the keepalive and who is named: NAME's key is given
    wg show wg-sixgate dump | tail -n +2 | grep -vF "${1:-no such key}" | sort
}
many_devices
ok "a run brings them all" "$SIXGATE_RECONCILE"
ok "they are there" has_peers $((n + 1))
connect_many
ok "each has a session" until_ok 120 have_sessions $n
sleep 2   # the keepalives that follow the handshakes

# --- what goes to the kernel: writes to WireGuard, as strace names them
wg_writes() {   # wg_writes COMMAND...: generic netlink messages that ask for an acknowledgement
    strace -f -yy -e trace=sendto,sendmsg -o "$work/strace" "$@" >"$work/said" 2>&1 || { cat "$work/said"; return 1; }
    grep -E 'NETLINK:\[GENERIC' "$work/strace" | grep -v nlctrl | grep -c 'NLM_F_ACK'
}
reapplies() { journalctl -u NetworkManager --no-pager | grep -c 'op="device-reapply"'; }
three_key=$(wg show wg-sixgate peers | grep -vFf <(cut -d' ' -f5 "$work/many/lines" | sed 's/public=//'))
reapplied=$(reapplies)
before=$(others "$three_key")
ok "control: the sessions are in what is compared" test "$(awk '$5 > 0 && $6 > 0 && $7 > 0' <<<"$before" | wc -l)" -ge $n
start_pinging three $FAR
writes() {   # writes N COMMAND...
    local want=$1 k
    shift
    k=$(wg_writes "$@")
    [ "$k" = "$want" ] || { echo "$k writes"; grep GENERIC "$work/strace" | tail -20; return 1; }
}
ok "a device comes: one message to WireGuard" writes 1 /usr/libexec/sixgate-tunnel device add home new
ok "a device is renamed: none" writes 0 /usr/libexec/sixgate-tunnel device set-name home new newer
ok "a device goes: one" writes 1 /usr/libexec/sixgate-tunnel device remove home newer
ok "a subnet comes" tunnel subnet add 10.61.0.0/24 third
ok "a subnet goes" tunnel subnet remove third
ok "no Reapply for any of it" test "$(reapplies)" = "$reapplied"
ok "endpoints, handshakes and counters of the others are what they were" same "$before" "$(others "$three_key")"
ok "no ping of a device was lost to our changes" no_ping_lost
# NetworkManager switches IPv6 off and on again on the link. What leads to devices stays, and what is sent to the
# server's own address arrives.
start_pinging three $FAR
start_pinging three 2001:db8:1::a3c:1
start_pinging three 10.60.0.1
start_pinging far 2001:db8:1::a3c:2
ok "a foreign modify and reapply" foreign_reapply
sleep 3
ok "no ping was lost to it, of the device, to it, or to the server" no_ping_lost
# Pings may miss the gap. What the kernel tells of routes does not: those beside the addresses go, ours stay.
route_goes() {   # one of lo: whether the monitor that is running has told it
    ip -6 route add 2001:db8:fe::1 dev lo && ip -6 route del 2001:db8:fe::1 dev lo
    grep '^Deleted 2001:db8:fe::1' "$work/routes"
}
routes_stay() {
    local watcher
    ip -6 monitor route >"$work/routes" &
    watcher=$!
    until_ok 5 route_goes && foreign_reapply 76 && until_ok 5 grep '^Deleted local 2001:db8:1::a3c:1 dev wg-sixgate' "$work/routes" || return
    sleep 1
    kill "$watcher"
    not grep -E '^Deleted.*proto (sixgate|106)' "$work/routes" &&
        ip -6 route show table local proto 106 | grep '^local 2001:db8:1::a3c:1 dev lo'
}
ok "IPv6 is switched off meanwhile, and no route of ours goes" routes_stay
start_pinging three $FAR 0.002
start_pinging three 2001:db8:1::a3c:1 0.002
for metric in 78 79 80 81 82; do foreign_reapply $metric; sleep 1; done
echo "# five Reapplies, pings 2 ms apart, to the far client and to the server:"
stop_pinging | sed -n 's/.*packets transmitted.*/#   &/p'
start_pinging three $FAR
ok "control: that Reapply is seen" test "$(reapplies)" -gt "$reapplied"
ok "the others are what they were" same "$before" "$(others "$three_key")"
systemctl restart NetworkManager
until_ok 30 nmcli -t general status
ok "NetworkManager restarted: the others are what they were" same "$before" "$(others "$three_key")"
ok "no ping was lost to that" no_ping_lost
finish
