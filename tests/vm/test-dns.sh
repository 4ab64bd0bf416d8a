#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Name servers of an outbound-only gateway, with the real systemd-resolved: nobody asks them before the
# gateway is chosen, everybody while it is, nobody after; and never does a question for them leave by
# the LAN, whose router counts.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
reconcile=$SIXGATE_RECONCILE
LAN_SERVER=2001:db8:1::1 SERVER4=10.64.0.1 SERVER6=fd00:c::1
LAN_SAYS=192.0.2.1 TUNNEL_SAYS=192.0.2.2

active() { nmcli -t -f NAME,STATE connection show --active | grep -qx "$1:activated"; }
# What systemd-resolved has for a link
has_servers() { [ "$(resolvectl dns "$1" | sed 's/^[^:]*: *//')" = "$2" ] || { resolvectl dns; return 1; }; }
has_domains() { [ "$(resolvectl domain "$1" | sed 's/^[^:]*: *//')" = "$2" ] || { resolvectl domain; return 1; }; }
ours() { has_servers home "$SERVER4 $SERVER6" && has_domains home 'corp.example ~.' && [ "$(resolvectl default-route home | sed 's/.*: *//')" = yes ]; }
nothing_of_ours() { has_servers home '' && has_domains home '' && same '' "$(ip -4 route show proto sixgate)"; }
lan_domain() { resolvectl domain eth0 | grep -q lan.example; }
choose() { busctl call org.sixgate.Sixgate1 /org/sixgate/Sixgate1 org.sixgate.Sixgate1.Manager SetDefaultOutbound s "$1"; }
# A new name each time, as what was answered once is not asked again
names=$work/names
looked_up() { echo >>"$names"; getent ahostsv4 "n$(wc -l <"$names").example.net" | awk 'NR == 1 { print $1 }'; }
says() { local got; got=$(looked_up); [ "$got" = "$1" ] || { echo "expected $1, got $got"; return 1; }; }
asked() { python3 "$here/dns.py" ask "$1" direct.example.net; }
leaked() { in_ns home nft -j list counter netdev questions "$1" | jq '.nftables[1].counter.packets'; }
none_leaked() { [ "$(leaked tunnel)" = 0 ] || { echo "$(leaked tunnel) questions for the tunnel's servers left by the LAN"; return 1; }; }
lan_not_asked() { local n; n=$(leaked lan); "$@" || return 1; [ "$(leaked lan)" = "$n" ] || { echo "$(($(leaked lan) - n)) questions to the LAN's server"; return 1; }; }

net_up
ip -n home addr add 192.168.1.1/24 dev lan
ip -n vps addr add $SERVER4/32 dev lo
ip -n vps addr add $SERVER6/128 dev lo nodad
in_ns home python3 "$here/dns.py" serve $LAN_SERVER $LAN_SAYS &
in_ns vps python3 "$here/dns.py" serve $SERVER4 $TUNNEL_SAYS &
in_ns vps python3 "$here/dns.py" serve $SERVER6 $TUNNEL_SAYS &
in_ns home nft -f - <<N
table netdev questions {
    counter tunnel { }
    counter lan { }
    chain c {
        type filter hook ingress device port0 priority 0; policy accept;
        ip daddr $SERVER4 counter name tunnel
        ip6 daddr $SERVER6 counter name tunnel
        ip6 daddr $LAN_SERVER meta l4proto { tcp, udp } th dport 53 counter name lan
    }
}
N
sed 's/^Address.*/&\nDNS = '"$SERVER4, $SERVER6"', corp.example/' "$work/wg0.conf" >"$work/home.conf"

for s in "home $LAN_SERVER" "vps $SERVER4" "vps $SERVER6"; do
    # shellcheck disable=SC2086 # two words
    until_ok 10 in_ns ${s% *} python3 "$here/dns.py" ask ${s#* } ready.example.net
done

rm /etc/systemd/system/systemd-resolved.service
systemctl daemon-reload
systemctl start systemd-resolved
ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
systemctl restart NetworkManager
nmcli device set eth0 managed yes
host_profile eth0
nmcli connection modify lan ipv6.dns $LAN_SERVER ipv4.method manual ipv4.addresses 192.168.1.2/24 ipv4.gateway 192.168.1.1
nmcli connection up lan >/dev/null
# Asked while its address is tentative, systemd-resolved would keep to a socket with ::1 as its source.
until_ok 20 asked $LAN_SERVER
ok "the LAN's server is asked" until_ok 20 says $LAN_SAYS
ok "the router sees a question for the tunnel's server that takes the LAN" not asked $SERVER4
ok "and counts it" test "$(leaked tunnel)" = 1
in_ns home nft reset counters >/dev/null
before=$(resolvectl dns eth0; resolvectl domain eth0)

# --- imported, not selected
ok "imported" nmcli connection import type sixgate file "$work/home.conf"
ok "it comes up by itself" until_ok 20 active home
ok "not selected: what systemd-resolved has is as before" same "$before" "$(resolvectl dns eth0; resolvectl domain eth0)"
ok "not selected: nothing of it on its link" until_ok 5 nothing_of_ours
ok "not selected: the LAN's server is asked" says $LAN_SAYS

# --- selected by hand
ok "selected" "$reconcile" --outbound home
ok "selected: systemd-resolved has its servers" ours
ok "selected: they are asked, and the LAN's is not" lan_not_asked says $TUNNEL_SAYS
ok "selected: who asks the IPv4 one directly gets its answer" same $TUNNEL_SAYS "$(asked $SERVER4)"
ok "selected: and the IPv6 one" same $TUNNEL_SAYS "$(asked $SERVER6)"
ok "selected: there is nothing left to do" same "" "$("$reconcile" --dry-run)"

# --- what others do
if [ -n "${SIXGATE_LONG:-}" ]; then
    nmcli connection modify lan ipv6.dns-search lan.example
    nmcli connection up lan >/dev/null
    ok "the LAN activated anew: its domain is there" until_ok 10 lan_domain
    ok "the LAN activated anew: our servers are there" until_ok 10 ours
    ok "the LAN activated anew: they are asked" lan_not_asked says $TUNNEL_SAYS
    systemctl restart NetworkManager
    ok "NetworkManager restarted: our servers are there" until_ok 20 ours
    ok "NetworkManager restarted: they are asked" until_ok 20 lan_not_asked says $TUNNEL_SAYS
else
    echo "# reduced: name servers after the LAN is activated anew and NetworkManager restarts: with --long"
fi

# --- the gateway goes and comes
nmcli connection down home >/dev/null
ok "down: the LAN's server is asked" until_ok 10 says $LAN_SAYS
nmcli connection up home >/dev/null
ok "up again: our servers are there" until_ok 10 ours
ok "up again: they are asked" until_ok 10 lan_not_asked says $TUNNEL_SAYS

# --- what somebody took away is in the plan of the bus, too
resolvectl revert home
plan=$(sixgatectl plan)
ok "reverted by somebody: sixgatectl plan shows it" grep -q '^resolvectl dns home .*' <<<"$plan"
ok "reverted by somebody: reconcile puts it back" sixgatectl reconcile
ok "reverted by somebody: our servers are there" ours
ok "and the plan is empty" same "" "$(sixgatectl plan)"

# --- back, and forth, over the bus
ok "auto" choose ""
ok "auto: nothing of ours is left" nothing_of_ours
ok "auto: the LAN's server is asked" says $LAN_SAYS
ok "chosen over the bus" choose home
ok "chosen over the bus: they are asked" lan_not_asked says $TUNNEL_SAYS
ok "auto by hand" "$reconcile" --outbound auto
ok "auto by hand: nothing of ours is left" nothing_of_ours
ok "auto by hand: the LAN's server is asked" says $LAN_SAYS
ok "never did a question for the tunnel's servers leave by the LAN" none_leaked

# --- without systemd-resolved nobody asks them, and that is said
systemctl stop systemd-resolved
ok "without systemd-resolved: a warning names them" grep -q "home: its name servers ($SERVER4, $SERVER6) are not asked" <("$reconcile" --outbound home 2>&1)
ok "without systemd-resolved: they can be reached all the same" same $TUNNEL_SAYS "$(asked $SERVER4)"
ok "without systemd-resolved: nothing left by the LAN" none_leaked
finish
