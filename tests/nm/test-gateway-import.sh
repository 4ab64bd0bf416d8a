#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `nmcli connection import type sixgate`, with a real nmcli and NetworkManager: what is saved, what
# is on the disk, what is refused. The kernel here may have no WireGuard: nothing is activated.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
nm_enter "$@"
. "$here/../lib/tap.sh"
makers=$here/../unit/wg
saved=/etc/NetworkManager/system-connections

import() { timeout 10 nmcli connection import type sixgate file "$1"; }
value() { nmcli -s -g "$2" connection show "$1" | sed 's/\\:/:/g'; }
has() { [ "$(value "$1" "$2")" = "$3" ] || { echo "$2 is <$(value "$1" "$2")>, not <$3>"; return 1; }; }
in_file() { grep -qxF -- "$2" "$saved/$1.nmconnection" || { grep -v key "$saved/$1.nmconnection"; return 1; }; }
says() {   # says RE COMMAND...: the command fails, and its message has RE
    local re=$1 out
    shift
    ! out=$("$@" 2>&1) || { echo "it did not fail"; return 1; }
    grep -qE -- "$re" <<<"$out" || { echo "$out"; return 1; }
}
in_a_second() {   # of three times once: the machine has other things to do, too
    local begin
    for _ in 1 2 3; do
        begin=$(date +%s%N)
        "$@" >/dev/null 2>&1
        [ $(($(date +%s%N) - begin)) -ge 1000000000 ] || return 0
    done
    echo "$((($(date +%s%N) - begin) / 1000000)) ms"
    return 1
}
profiles() { find $saved /run/NetworkManager/system-connections -name '*.nmconnection' 2>/dev/null | sort; }

nm_mounts
install -D -m 644 "$SIXGATE_NM_PLUGIN" "$SIXGATE_NM_PLUGINDIR/libnm-vpn-plugin-sixgate.so"
install -D -m 644 "$here/../../data/nm-sixgate-service.name" /usr/lib/NetworkManager/VPN/nm-sixgate-service.name
nm_bus
nm_start

# --- the files of the makers
for f in "$makers"/*.conf; do
    m=$(basename "$f" .conf) i=$(basename "$f" .conf)
    [ ${#m} -le 15 ] || i=wg0
    ok "$m: imported as $i" import "$f"
    ok "$m: a native wireguard profile, saved, that comes up by itself" test \
        "$(value "$i" connection.type,connection.interface-name,connection.autoconnect | paste -sd' ')" = "wireguard $i yes"
    ok "$m: the private key is on the disk" in_file "$i" "private-key=$(tr -d '\r' <"$f" | sed -nE 's/^privatekey *= *//Ip')"
    psk=$(tr -d '\r' <"$f" | sed -nE 's/^presharedkey *= *//Ip')
    if [ -n "$psk" ]; then
        ok "$m: the preshared key is on the disk" in_file "$i" "preshared-key=$psk"
        ok "$m: with flags 0" in_file "$i" preshared-key-flags=0
    fi
    for p in ip4-auto-default-route=0 ip6-auto-default-route=0 peer-routes=false; do
        ok "$m: $p" in_file "$i" "$p"
    done
    ok "$m: never-default, both" test "$(grep -cx never-default=true "$saved/$i.nmconnection")" = 2
    ok "$m: nobody but root reads the file" test "$(stat -c %a:%u "$saved/$i.nmconnection")" = 600:0
done
ok "all of them are there" test "$(profiles | wc -l)" = "$(find "$makers" -name '*.conf' | wc -l)"

# --- what 1.7 of the profile says, where a maker's file shows it
ok "inbound-outbound: the tunnel's own resolver is used" has starttunnel ipv4.dns 10.59.0.1
ok "inbound-outbound: for everything" has starttunnel ipv4.dns-search '~'
ok "inbound-outbound: before others" has starttunnel ipv4.dns-priority 10
ok "inbound-outbound: noted" in_file starttunnel sixgate.type=inbound-outbound
ok "outbound-only: its resolver is not used" has mullvad ipv4.dns ''
ok "outbound-only: but kept" in_file mullvad sixgate.dns=10.64.0.1
ok "outbound-only: noted" in_file mullvad sixgate.type=outbound-only
ok "our mark where the file has none" has mullvad wireguard.fwmark 0x73697867
ok "its own where it has one" has wg-quick wireguard.fwmark 0xca6c
ok "the MTU is kept" has wg-quick wireguard.mtu 1412
ok "no IPv6 address: disabled" has wg-easy ipv6.method disabled
ok "no IPv4 address: disabled" has ipv6-only ipv4.method disabled
ok "stable-privacy" has ipv6-only ipv6.addr-gen-mode stable-privacy
ok "100 addresses" test "$(value wg0 ipv4.addresses,ipv6.addresses | tr ',' '\n' | grep -c /)" = 100
ok "the only peer gets everything" grep -q '^allowed-ips=0.0.0.0/0;::/0;$' $saved/unifi.nmconnection
ok "several peers keep theirs" grep -q '^allowed-ips=10.192.122.0/24;fd42:192:122::/64;$' $saved/wg-quick.nmconnection

# --- written out again, and imported by the command: an equal profile
settings() { grep -vE '^(id|uuid|interface-name|timestamp)=' "$saved/$1.nmconnection"; }
for f in "$makers"/*.conf; do
    i=$(basename "$f" .conf)
    [ ${#i} -le 15 ] || i=wg0
    "$SIXGATE_GATEWAY" export "$i" >/run/t/exported.conf
    "$SIXGATE_GATEWAY" import /run/t/exported.conf --name copy >/dev/null 2>&1
    ok "$i: exported and imported again, it is equal" same "$(settings "$i")" "$(settings copy)"
    "$SIXGATE_GATEWAY" remove copy 2>/dev/null
done

# --- another file for a profile that is not up
sed 's/10.59.0.2/10.59.0.7/' "$makers/starttunnel.conf" >/run/t/reissued.conf
nmcli connection modify starttunnel ipv4.routes '10.9.0.0/16' connection.autoconnect-priority 2
uuid=$(value starttunnel connection.uuid)
ok "updated: the command says nothing" same "" "$("$SIXGATE_GATEWAY" update starttunnel /run/t/reissued.conf 2>&1)"
ok "updated: the new address" has starttunnel ipv4.addresses 10.59.0.7/24
ok "updated: same uuid, and what others set" test \
    "$(value starttunnel connection.uuid,connection.autoconnect-priority,ipv4.routes | paste -sd' ')" = "$uuid 2 10.9.0.0/16"
"$SIXGATE_GATEWAY" set-type starttunnel outbound-only
ok "another type: noted" in_file starttunnel sixgate.type=outbound-only
ok "another type: the resolver is kept, not used" in_file starttunnel sixgate.dns=10.59.0.1
"$SIXGATE_GATEWAY" update starttunnel /run/t/reissued.conf 2>/dev/null
ok "a type that was set outlives an update" in_file starttunnel sixgate.type=outbound-only
before=$(settings starttunnel)
ok "a file that is none is refused" says 'no WireGuard configuration' "$SIXGATE_GATEWAY" update starttunnel /etc/passwd
ok "a name that is taken is refused" says 'is taken' "$SIXGATE_GATEWAY" import /run/t/reissued.conf --name starttunnel
ok "nobody's gateway" says 'no gateway nope' "$SIXGATE_GATEWAY" update nope /run/t/reissued.conf
ok "nothing of that changed anything" same "$before" "$(settings starttunnel)"
"$SIXGATE_GATEWAY" set-type starttunnel inbound-outbound
nmcli connection modify starttunnel ipv4.routes '' ipv4.addresses 10.59.0.2/24 connection.autoconnect-priority 0

# --- warnings, names
cp "$makers/wg-quick.conf" /run/t/again.conf
out=$(import /run/t/again.conf 2>&1 >/dev/null)
for key in PreUp PostUp PreDown PostDown Table SaveConfig DNS; do
    ok "a warning names $key" grep -q "^Warning: .*again.*$key" <<<"$out"
done
ok "no warning shows a key" not grep -qE '[A-Za-z0-9+/]{40}' <<<"$out"
ok "a second file of a name that is taken" import "$makers/mullvad.conf"
ok "gets the first free one, though no link has it" has wg1 connection.interface-name wg1
ip link add home type veth peer name home-peer
cp "$makers/mullvad.conf" /run/t/home.conf
import /run/t/home.conf >/dev/null 2>&1
ok "nor is the name of a link taken" has wg2 connection.interface-name wg2
ok "by the service's name, too" timeout 10 nmcli connection import type org.freedesktop.NetworkManager.sixgate file /run/t/home.conf

# --- NetworkManager restarted: it reads the files again
before=$(value starttunnel wireguard,ipv4,ipv6)
ok "the profile is shown with its key" grep -q "$(sed -n 's/^PrivateKey = //p' "$makers/starttunnel.conf")" <<<"$before"
nm_stop
nm_start
for _ in $(seq 50); do   # it answers before it hands out secrets
    after=$(value starttunnel wireguard,ipv4,ipv6)
    [ "$after" != "$before" ] || break
    sleep 0.1
done
ok "restarted: the same, keys included" same "$before" "$after"
nmcli connection modify starttunnel connection.autoconnect-priority 3
ok "modified by others: the preshared key stays on the disk" in_file starttunnel \
    "preshared-key=$(sed -n 's/^PresharedKey = //p' "$makers/starttunnel.conf")"
ok "and what it is for" in_file starttunnel sixgate.type=inbound-outbound

# --- refused: within a second, nothing saved
before=$(profiles)
mkfifo /run/t/fifo.conf
head -c 100000 /dev/urandom >/run/t/random.conf
head -c 1048576 /dev/zero | tr '\0' '#' >/run/t/mebibyte.conf
head -c 1048577 /dev/zero | tr '\0' '#' >/run/t/large.conf
{ cat "$makers/mullvad.conf"; head -c 1048577 /dev/zero | tr '\0' '\n'; } >/run/t/large-wg.conf
{ sed 's/^Address/MyAddress/' "$makers/mullvad.conf"; } >/run/t/unknown.conf
sed 's/^PrivateKey = ./PrivateKey = /' "$makers/mullvad.conf" >/run/t/short.conf
printf 'client\nremote vpn.example.com\n' >/run/t/other.conf
while read -r file message; do
    ok "$file: refused" says "$message" import "$file"
    ok "$file: at once" in_a_second import "$file"
    ok "$file: by the command, too" says "$message" timeout 10 "$SIXGATE_GATEWAY" import "$file"
    ok "$file: at once" in_a_second "$SIXGATE_GATEWAY" import "$file"
done <<'T'
/run/t/fifo.conf not a regular file
/run/t not a regular file
/run/t/random.conf no WireGuard configuration
/run/t/mebibyte.conf no WireGuard configuration
/run/t/large.conf larger than
/run/t/large-wg.conf larger than
/run/t/other.conf no WireGuard configuration
/run/t/nowhere.conf not there
/run/t/unknown.conf unknown.conf:4: the key .MyAddress. is unknown
/run/t/short.conf short.conf:3: PrivateKey: this is not a key
T
ok "nothing of all that was saved" same "$before" "$(profiles)"
ok "NetworkManager's log holds no key" not grep -qE '[A-Za-z0-9+/]{43}=' /run/t/nm.log
finish
