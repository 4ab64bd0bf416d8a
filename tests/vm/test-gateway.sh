#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A gateway that `nmcli connection import type sixgate` made, with real WireGuard: it comes up with
# its preshared key, NetworkManager makes no rules for it, and it behaves as a native profile does
# (test-import.sh), not selected and selected; its keys outlive NetworkManager and are nobody's.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
reconcile=$SIXGATE_RECONCILE
saved=/etc/NetworkManager/system-connections

rule() { ip -6 rule show | grep -qE "$1" || { ip -6 rule show; return 1; }; }
table_of() { echo $((1000 + $(cat "/sys/class/net/$1/ifindex"))); }
active() { nmcli -t -f NAME,STATE connection show --active | grep -qx "$1:activated"; }
import() { nmcli connection import type sixgate file "$1"; }
kernel_psk() { [ "$(wg show "$1" preshared-keys | cut -f2)" = "$(cat "$work/psk")" ]; }
# What is not the kernel's own and not ours
foreign_rules() { ip rule | grep -vE '^(0|32766|32767):'; ip -6 rule | grep -E '^(30[0-9]{3}|31[0-9]{3}|32[0-6][0-9]{2}):'; }
resolver() { grep -v '^#' /etc/resolv.conf 2>/dev/null; }

net_up
nmcli device set eth0 managed yes
host_profile eth0
nmcli connection modify lan ipv6.dns 2001:db8:1::1
nmcli connection up lan >/dev/null
serve host
serve far
serve lan
count_at home port0 $FAR
wg genpsk >"$work/psk"
in_ns vps wg set wg peer "$(wg pubkey <"$work/host.key")" preshared-key "$work/psk"
sed -e "s,^PublicKey.*,&\nPresharedKey = $(cat "$work/psk")," "$work/wg0.conf" >"$work/plain.conf"
{ echo "# StartTunnel config for home"; sed -e 's,/32$,/24\nDNS = 10.66.0.1,' "$work/plain.conf"; } >"$work/home.conf"
sed -i 's,^Address.*,&\nDNS = 10.64.0.1,' "$work/plain.conf"

# --- the files of the makers, with our server's key for theirs: they come up by themselves and carry
# traffic; what is asked is behind the tunnels only
values() { tr -d '\r' <"$1" | sed -nE "s/^$2 *= *//Ip"; }
hosts() { values "$1" address | tr ', ' '[\n*]' | grep . | cut -d/ -f1; }
ipv4_up() {   # the same internet in IPv4
    local n
    for n in inet home; do in_ns $n sysctl -qw net.ipv4.ip_forward=1; done
    ip -n home addr add 198.18.0.1/24 dev lan
    for n in home vps; do
        if [ $n = home ]; then set -- 198.18.1; else set -- 198.18.2; fi
        ip -n inet addr add "$1.1/30" dev $n
        ip -n $n addr add "$1.2/30" dev wan
        ip -n $n route add default via "$1.1"
    done
    ip -n inet route add 198.18.0.0/24 via 198.18.1.2
    ip -n vps addr add 203.0.113.254/32 dev lo
    ip -n vps addr add 2001:db8:fa::1/128 dev lo nodad
    ip -n vps addr add 10.192.122.1/32 dev lo          # in the split tunnel of wg-quick.conf
    ip -n vps addr add fd42:192:122::1/128 dev lo nodad
    nmcli connection modify lan ipv4.method manual ipv4.addresses 198.18.0.2/24 ipv4.gateway 198.18.0.1
    nmcli connection up lan >/dev/null
}
far_end() {   # far_end FILE: the server is where the file says, and knows who has it
    local endpoint host a
    endpoint=$(values "$1" endpoint | head -1)
    host=$(tr -d '[]' <<<"${endpoint%:*}")
    case $host in
    *:*) ip -n vps addr add "$host/128" dev lo nodad; ip -n inet route add "$host/128" via 2001:db8:e2::2 ;;
    *[!0-9.]*) echo "198.18.2.2 $host" >>/etc/hosts ;;
    *) ip -n vps addr add "$host/32" dev lo; ip -n inet route add "$host/32" via 198.18.2.2 ;;
    esac
    grep -A1 -i "^publickey.*$server" "$1" | values /dev/stdin presharedkey >"$work/maker.psk"
    in_ns vps wg set wg listen-port "${endpoint##*:}" peer "$(values "$1" privatekey | wg pubkey)" \
        preshared-key "$work/maker.psk" allowed-ips "$(hosts "$1" | paste -sd,)"
    for a in $(hosts "$1"); do ip -n vps route replace "$a" dev wg; done
}
carries() {   # carries FILE INTERFACE: the first and the last address of each family that it has
    local v4=203.0.113.254 v6=2001:db8:fa::1 a
    [ "$2" != wg-quick ] || { v4=10.192.122.1 v6=fd42:192:122::1; }
    for a in $(hosts "$1" | sed -n '/\./p' | sed -n '1p;$p'); do   # by the link: only IPv6 has our tables
        ping -c 1 -W 1 -q -I "$2" -I "$a" "$v4" || return
    done
    for a in $(hosts "$1" | sed -n '/:/p' | sed -n '1p;$p'); do
        ping -6 -c 1 -W 1 -q -I "$a" "$v6" || return
    done
}
ipv4_up
server=$(wg pubkey <"$work/server.key")
mkdir -p "$work/makers"
for f in "$here"/../unit/wg/*.conf; do
    m=$(basename "$f" .conf) i=$(basename "$f" .conf)
    [ ${#m} -le 15 ] || i=wg0
    sed -E "0,/^publickey/I s,^(publickey *= *)[^\r]*,\1$server,I" "$f" >"$work/makers/$m.conf"
    f=$work/makers/$m.conf
    far_end "$f"
    import "$f" >/dev/null 2>&1
    ok "$m: it comes up by itself" until_ok 20 active "$i"
    ok "$m: with its keys" same "$(values "$f" '(publickey|presharedkey)' | sort)" \
        "$(wg show "$i" preshared-keys | tr '\t' '\n' | grep -vxF '(none)' | sort)"
    ok "$m: with its addresses" same "$(values "$f" address | tr ', ' '[\n*]' | grep . | sort)" \
        "$(ip -o addr show dev "$i" scope global | awk '{ print $4 }' | sort)"
    ok "$m: it carries traffic" until_ok 10 carries "$f" "$i"
    [ "$m" != hundred-addresses ] ||
        ok "$m: a rule 60 for each" until_ok 20 test "$(ip -6 rule | grep -c "^60:.*lookup $(table_of wg0)")" = 50
    nmcli connection delete "$i" >/dev/null
    in_ns vps wg set wg peer "$(values "$f" privatekey | wg pubkey)" remove
done
ok "all of them are gone again" until_ok 5 not rule '^60:.*from 2001:db8:9:'
in_ns vps wg set wg listen-port 51820

# --- outbound-only: not selected, its resolver is not asked
before=$(resolver)
ok "the LAN's resolver is in use" grep -qx 'nameserver 2001:db8:1::1' <<<"$before"
ok "outbound-only: imported" import "$work/plain.conf"
ok "outbound-only: it comes up by itself" until_ok 20 active plain
ok "outbound-only: resolv.conf is as before" same "$before" "$(resolver)"
nmcli connection delete plain >/dev/null

# --- a host name, and no preshared key
in_ns vps wg set wg peer "$(wg pubkey <"$work/host.key")" preshared-key /dev/null
echo "2001:db8:e2::2 vps.example.net" >>/etc/hosts
sed -e '/^PresharedKey/d' -e 's/^Endpoint.*/Endpoint = vps.example.net:51820/' "$work/plain.conf" >"$work/named.conf"
ok "by a host name: imported" import "$work/named.conf"
ok "by a host name: it comes up by itself" until_ok 20 active named
ok "by a host name: IPv4 of the tunnel" until_ok 10 ping -c 1 -W 3 -q -I named 10.66.0.1
nmcli connection delete named >/dev/null
in_ns vps wg set wg peer "$(wg pubkey <"$work/host.key")" preshared-key "$work/psk"

# --- inbound-outbound, nothing selected
ok "imported" import "$work/home.conf"
ok "it comes up by itself" until_ok 20 active home
ok "the preshared key is in the kernel" kernel_psk home
ok "and our mark" test "$(wg show home fwmark)" = 0x73697867
ok "its allowed IPs are everything" test "$(wg show home allowed-ips | cut -f2)" = "0.0.0.0/0 ::/0"
ok "the tunnel's own resolver is used" grep -qx 'nameserver 10.66.0.1' /etc/resolv.conf
ok "rule 60 of the tunnel's address" until_ok 10 rule "^60:.*from $HOST_TUNNEL lookup $(table_of home)"
ok "NetworkManager made no rules" same "" "$(foreign_rules)"
ok "and no nftables" not grep -q nm- <(nft list tables)
ok "auto: the host goes out by the LAN" seen_as $HOST_LAN host $FAR
ok "auto: a far client gets its answer through the tunnel" until_ok 5 answers far $HOST_TUNNEL
ok "auto: and through the LAN" answers far $HOST_LAN
ok "auto: IPv4 of the tunnel" ping -c 1 -W 3 -q 10.66.0.1

# --- selected
"$reconcile" --outbound home
ok "selected: the host goes out by the tunnel" until_ok 5 seen_as $HOST_TUNNEL host $FAR
ok "selected: nothing leaves by the LAN" no_new_packet home seen_as $HOST_TUNNEL host $FAR
ok "selected: the LAN is reached directly" until_ok 10 seen_as $HOST_LAN host $LAN_CLIENT
ok "selected: a far client still gets its answer through the LAN" until_ok 10 answers far $HOST_LAN
ok "selected: and through the tunnel" until_ok 10 answers far $HOST_TUNNEL
ok "selected: a client on the LAN gets answers of the tunnel's address" until_ok 10 answers lan $HOST_TUNNEL
nmcli connection down home >/dev/null
ok "down: nothing leaves by the LAN" no_new_packet home ask host $FAR
nmcli connection up home >/dev/null
ok "up again: out by the tunnel" until_ok 10 seen_as $HOST_TUNNEL host $FAR

# --- NetworkManager restarted
systemctl restart NetworkManager
ok "restarted: active" until_ok 20 active home
ok "restarted: the preshared key is in the kernel" kernel_psk home
ok "restarted: and on the disk" grep -qxF "preshared-key=$(cat "$work/psk")" $saved/home.nmconnection
ok "restarted: out by the tunnel" until_ok 20 seen_as $HOST_TUNNEL host $FAR

# --- up after down comes from the disk alone
nmcli connection down home >/dev/null
systemctl restart NetworkManager
nmcli connection up home >/dev/null
ok "from the disk: the preshared key" kernel_psk home
ok "from the disk: out by the tunnel" until_ok 20 seen_as $HOST_TUNNEL host $FAR

# --- why name servers of the selected outbound are not lent to the profile where systemd-resolved is
# missing: NetworkManager would go on asking after the choice (docs/import.md)
nmcli connection modify home ipv4.dns '' ipv4.dns-search '' ipv4.dns-priority 0
ok "a name server that was taken out of the profile is asked further" \
    not until_ok 3 not grep -qx 'nameserver 10.66.0.1' /etc/resolv.conf
nmcli connection up home >/dev/null
ok "until the next activation" until_ok 10 not grep -qx 'nameserver 10.66.0.1' /etc/resolv.conf

# --- secrets are root's
keys=$(cat "$work/psk" "$work/host.key")
shows_key() { grep -qF "$keys"; }
# nmcli of a user that is not on the console: polkit says no, and the command fails
ok "another user sees no key" not shows_key < <(setpriv --reuid nobody --clear-groups nmcli -s connection show home 2>&1; setpriv --reuid nobody --clear-groups wg show home dump 2>&1)
ok "root does" shows_key < <(nmcli -s connection show home)
ok "the journal holds no key" not shows_key < <(journalctl --no-pager)
finish
