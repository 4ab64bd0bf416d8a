#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tunnel role on a server whose WAN somebody else configured (`ip`, as ifupdown would): an on-link
# prefix, with real WireGuard, and a far client that pings each device.
#
#   far ---- isp ---- eth0 server wg-sixgate ==== device namespaces, which reach it through the isp
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/tunnel-net.sh"

tunnel() { /usr/libexec/sixgate-tunnel "$@"; }
refused() {   # refused PATTERN COMMAND...: and nothing changed
    local pattern=$1 before after out
    before=$(sha256sum /var/lib/sixgate/tunnel.state 2>/dev/null)
    shift
    if out=$("$@" 2>&1); then echo "it was done: $out"; return 1; fi
    after=$(sha256sum /var/lib/sixgate/tunnel.state 2>/dev/null)
    [ "$before" = "$after" ] || { echo "the state changed"; return 1; }
    grep -qE "$pattern" <<<"$out" || { echo "$out"; return 1; }
}
says() {
    local pattern=$1 out
    shift
    if out=$("$@" 2>&1) && grep -qE "$pattern" <<<"$out"; then return; fi
    echo "$out"
    return 1
}
no_writes() { "$SIXGATE_RECONCILE" -v | grep -qE '(^|[^0-9])0 writes'; }

server_up
wan 2001:db8:1::10/64 2001:db8:1::/64

# --- from nothing
ok "a prefix for a subnet that is not there" refused 'no subnet' tunnel subnet set-ipv6 home 2001:db8:1::/64
ok "the first subnet" tunnel subnet add 10.59.0.0/24 home
ok "NetworkManager has the interface up" until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/24
ok "its profile holds no peer" profile_has_no_peer
ok "a device" says '^10.59.0.2 none$' tunnel device add home one --kind server
ok "another, of its own key" says '^10.59.0.3 none$' tunnel device add home two --public-key "$(own_key two)"
ok "a second subnet" tunnel subnet add 10.60.0.0/24 office
ok "with a device" says '^10.60.0.2 none$' tunnel device add office three
ok "the kernel has three peers" until_ok 5 has_peers 3
ok "its addresses follow without a Reapply" ip -o addr show dev wg-sixgate to 10.60.0.1/24
for d in one two three; do device_up $d; done
ok "IPv4 goes through the tunnel" until_ok 10 device_pings one 10.59.0.1
ok "the state is readable for root only" test "$(stat -c %a /var/lib/sixgate/tunnel.state)" = 600

# --- refusals, each with its sentence
ok "link-local is refused" refused 'fe80::/64 is link-local' tunnel subnet set-ipv6 home fe80::/64
ok "multicast is refused" refused 'is multicast' tunnel subnet set-ipv6 home ff05::/64
ok "host bits are refused, and the network named" refused 'the network is 2001:db8:1::/64' tunnel subnet set-ipv6 home 2001:db8:1::5/64
ok "unique local is refused" refused 'is unique local' tunnel subnet set-ipv6 home fd00:1::/64
ok "a single address is refused, with what to do" refused 'single address.*ask the provider' tunnel subnet set-ipv6 home 2001:db8:1::10/128
ip -6 route del default
ok "without an IPv6 default route it is refused" refused 'no IPv6 default route' tunnel subnet set-ipv6 home 2001:db8:1::/64
ip -6 route add default via fe80::1 dev eth0

# --- the provider table
row() {   # row WHAT ADDRESS...: the devices' addresses, in order
    local what=$1 d
    shift
    for d in one two three; do
        [ $# -gt 0 ] || break
        device_address $d "$1"
        ok "$what: the far client reaches $d" until_ok 10 far_pings "$1"
        ok "$what: $d reaches the far client, as $1" until_ok 5 far_sees $d "$1"
        shift
    done
    ok "$what: nothing more to do" no_writes
}
tunnel subnet set-ipv6 home 2001:db8:1::/64
tunnel subnet set-ipv6 office 2001:db8:1::/64
row "/64 on-link" 2001:db8:1::a3b:2 2001:db8:1::a3b:3 2001:db8:1::a3c:2
finish
