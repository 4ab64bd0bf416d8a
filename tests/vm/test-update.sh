#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A gateway that is up gets another file: keys, peers, addresses, MTU change in place, over the very
# tunnel; what stays is not touched, a failure or a kill at any step leaves all as it was.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
gateway=/usr/libexec/sixgate-gateway
saved=/etc/NetworkManager/system-connections

active() { nmcli -t -f NAME,STATE connection show --active | grep -qx "$1:activated"; }
ifindex() { cat /sys/class/net/wg0/ifindex; }
uuid() { nmcli -g connection.uuid connection show wg0; }
on_disk() { grep -v '^timestamp=' $saved/wg0.nmconnection; }
# all that an update may change, and all that it must not: counters and handshakes left out
state_of() {
    wg showconf wg0
    cat /sys/class/net/wg0/mtu /proc/sys/net/ipv6/conf/wg0/disable_ipv6
    ip -o address show dev wg0 scope global | awk '{ print $3, $4 }' | sort
    ip -4 route show dev wg0
    ip -6 route show dev wg0 | grep -v '^fe80'
    on_disk
}
is_as_before() { same "$1" "$(state_of)"; }
peer() { wg pubkey <"$work/$1.key"; }
conf() {   # conf FILE ADDRESSES PSK [MORE-INTERFACE [MORE-PEER]]: a file of the server's owner
    cat >"$work/$1" <<C
[Interface]
PrivateKey = $(cat "$work/host.key")
Address = $2
${4:-}

[Peer]
PublicKey = $(peer server)
${3:+PresharedKey = $(cat "$work/$3.psk")}
Endpoint = [2001:db8:e2::2]:51820
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 25
${5:-}
C
}
psk_is() { [ "$(wg show wg0 preshared-keys | awk -v p="$(peer server)" '$1 == p { print $2 }')" = "$(cat "$work/$1.psk")" ]; }
psk_on_disk() { grep -qFf "$work/$1.psk" "$saved/wg0.nmconnection"; }
server_psk() { in_ns vps wg set wg peer "$(peer host)" preshared-key "$work/$1.psk"; }
update() { "$gateway" update wg0 "$work/$1"; }
refused() {   # refused RE COMMAND...
    local re=$1 out
    shift
    ! out=$("$@" 2>&1) || { echo "it did not fail"; return 1; }
    grep -qE -- "$re" <<<"$out" || { echo "$out"; return 1; }
}
watch_ps() {   # till unwatch_ps; it takes half of the machine
    (while [ ! -e "$work/enough" ]; do ps axww -o args; done) >>"$work/ps" 2>&1 &
    watcher=$!
}
unwatch_ps() {
    touch "$work/enough"
    wait $watcher
    rm "$work/enough"
}
says_no_secret() {
    local key
    [ -s "$1" ] || { echo "$1 is empty: nothing was looked at"; return 1; }
    for key in "$work"/*.key "$work"/*.psk; do
        ! grep -qFf <(cut -c1-40 "$key") "$1" || { echo "${key##*/} is in ${1##*/}"; return 1; }
    done
}

net_up
serve far
systemctl start sixgate-recover.path
nmcli device set eth0 managed yes
host_profile eth0
nmcli connection up lan >/dev/null
for k in a b c; do wg genpsk >"$work/$k.psk"; done
wg genkey >"$work/second.key"
conf wg0.conf "$HOST_TUNNEL/128, 10.66.0.2/32" a
server_psk a
ok "imported by the command" test "$("$gateway" import "$work/wg0.conf" | cut -d' ' -f1)" = wg0
ok "NetworkManager activates it" until_ok 20 active wg0
ok "a far host reaches it" until_ok 10 ping -6 -c 1 -W 1 -I $HOST_TUNNEL $FAR
index=$(ifindex) id=$(uuid)

# --- a new preshared key, sent over the tunnel that it is for; watched from outside
watch_ps
ip -ts -o monitor address >"$work/monitor" 2>&1 &
monitor=$!
ip netns exec far ping -6 -n -i 0.1 -c 60 $HOST_TUNNEL >"$work/ping" 2>&1 &
ping=$!
socat -t 20 "TCP6-LISTEN:9,bind=[$HOST_TUNNEL],reuseaddr" "EXEC:$gateway update wg0 -,stderr" &
until_ok 5 sh -c "ss -ltnH 'sport = :9' | grep -q ."
conf new.conf "$HOST_TUNNEL/128, 10.66.0.2/32" b
handshake=$(wg show wg0 latest-handshakes)
server_psk b
timeout 20 ip netns exec far socat -t 20 "TCP6:[$HOST_TUNNEL]:9" - <"$work/new.conf" >"$work/answer" 2>&1
ok "over the tunnel itself: the request is answered, with nothing to say" same "" "$(cat "$work/answer")"
ok "the new key is in the kernel" psk_is b
ok "and on the disk" psk_on_disk b
ok "the session is the same" same "$handshake" "$(wg show wg0 latest-handshakes)"
wait $ping 2>/dev/null
echo "# $(grep 'packet loss' "$work/ping")"
ok "no ping was lost" grep -q ' 0% packet loss' "$work/ping"
# --- everything else at once: addresses, a second peer, MTU, port
handshake=$(wg show wg0 latest-handshakes)
conf big.conf "$HOST_TUNNEL/128, 10.66.0.2/32, 2001:db8:a:9::2/64, 10.67.0.2/24" b $'MTU = 1380\nListenPort = 51999' \
    "[Peer]
PublicKey = $(peer second)
Endpoint = 192.0.2.1:51820
AllowedIPs = 10.99.0.0/16"
update big.conf >"$work/said" 2>&1
ok "addresses, peer, MTU and port are there" test "$(wg show wg0 listen-port) $(cat /sys/class/net/wg0/mtu) $(wg show wg0 peers | wc -l) $(ip -o address show dev wg0 | grep -cE '2001:db8:a:9::2/64|10.67.0.2/24')" = "51999 1380 2 2"
ok "with the routes of their networks" test "$(ip -4 route show 10.67.0.0/24 dev wg0 proto kernel; ip -6 route show 2001:db8:a:9::/64 dev wg0 proto kernel)" != ''
ok "and in the gateway's own rules" until_ok 5 sh -c 'ip -6 rule show | grep -q "^60:.*from 2001:db8:a:9::2"'
ok "same ifindex, same uuid" test "$(ifindex) $(uuid)" = "$index $id"
ok "the first peer's session is the same" same "$handshake" "$(wg show wg0 latest-handshakes | grep -v "$(peer second)")"
unwatch_ps
before=$(state_of)
update big.conf >>"$work/said" 2>&1
ok "the same file again changes nothing" is_as_before "$before"
update new.conf >>"$work/said" 2>&1
ok "back: they are gone" test "$(wg show wg0 peers | wc -l) $(ip -o address show dev wg0 | grep -cE '2001:db8:a:9::2|10.67.0.2')" = "1 0"
ok "an address that stays was never deleted" not grep -E "Deleted.*($HOST_TUNNEL|10\.66\.0\.2)/" "$work/monitor"
ok "control: the monitor saw those that went" grep -qE 'Deleted.*2001:db8:a:9::2/' "$work/monitor"
# the server forgets the session, so the next one is made with the new keys
in_ns vps wg set wg peer "$(peer host)" remove
in_ns vps wg set wg peer "$(peer host)" preshared-key "$work/b.psk" allowed-ips $HOST_TUNNEL/128,10.66.0.2/32 \
    endpoint "[$HOST_LAN]:$(wg show wg0 listen-port)"
ok "a new handshake succeeds" until_ok 30 in_ns far ping -6 -c 1 -W 1 $HOST_TUNNEL

# --- IPv6 comes to a gateway that had none, and goes
conf four.conf "10.66.0.2/32" b
update four.conf >>"$work/said" 2>&1
ok "IPv6 is gone from it" test -z "$(ip -6 -o address show dev wg0 scope global)"
nmcli connection up wg0 >/dev/null
ok "activated without: off" until_ok 10 test "$(cat /proc/sys/net/ipv6/conf/wg0/disable_ipv6)" = 1
update new.conf >>"$work/said" 2>&1
grep 'only NetworkManager' "$work/said" | sort | uniq -c | sed 's/^/# /'
ok "IPv6 comes in place" test "$(ip -6 -o address show dev wg0 scope global | grep -c "$HOST_TUNNEL/128")" = 1
ok "and carries traffic" until_ok 30 in_ns far ping -6 -c 1 -W 1 $HOST_TUNNEL

# --- refused: nothing has changed
before=$(state_of)
sed 's/^Address/MyAddress/' "$work/new.conf" >"$work/unknown.conf"
sed 's/^PresharedKey = ./PresharedKey = /' "$work/new.conf" >"$work/short.conf"
sed 's/^Endpoint = .*/Endpoint = nowhere.invalid:51820/' "$work/new.conf" >"$work/nohost.conf"
head -c 1048577 /dev/zero | tr '\0' '#' >"$work/large.conf"
ok "an unknown key is refused" refused 'unknown.conf:3: the key' update unknown.conf
ok "so is a key of another length" refused 'short.conf:[0-9]*: PresharedKey' update short.conf
ok "an endpoint that nobody knows" refused 'nowhere.invalid' update nohost.conf
ok "a file that is too large" refused 'larger' update large.conf
ok "a gateway that is not there" refused 'no gateway wg7' "$gateway" update wg7 "$work/new.conf"
ok "nothing of that changed anything" is_as_before "$before"

# --- an error, and a kill, at every step on the way: all as before, or all as it is to be, and that in
# any case when the program says so
conf other.conf "$HOST_TUNNEL/128, 10.66.0.2/32, 2001:db8:a:9::2/64, 10.67.0.2/24" c 'MTU = 1380' \
    "[Peer]
PublicKey = $(peer second)
AllowedIPs = 10.99.0.0/16"
update other.conf >>"$work/said" 2>&1
after=$(state_of)
undo() {
    update new.conf >>"$work/said" 2>&1
    is_as_before "$before" >/dev/null || { echo "# not as it was:"; same "$before" "$(state_of)" | grep -v = | sed 's/^/#   /'; }
}
undo
# befalls WHAT CALL: the first call, the second, … until it befalls none any more
befalls() {
    local step=$first status now in_force=0
    while [ $step -lt 1000 ]; do
        # without the shell's word about what was killed
        (strace -o "$work/strace" -e "trace=$2" -e "inject=$2:$1:when=$step" \
            "$gateway" update wg0 "$work/other.conf" >>"$work/said" 2>&1; exit $?) 2>/dev/null
        status=$?
        grep -qE 'INJECTED|killed by SIGKILL' "$work/strace" || break
        until_ok 30 test ! -e /run/sixgate/update
        now=$(state_of)
        if [ "$now" = "$after" ]; then
            in_force=$((in_force + 1)) changed=$((changed + 1))
        elif [ "$now" = "$before" ] && [ $status != 0 ]; then
            unchanged=$((unchanged + 1))
        else
            bad=$((bad + 1))
            echo "# $1, $2 $step, status $status:"
            diff <(echo "$before") <(echo "$now") | grep -v '=$' | sed 's/^/#   /'
        fi
        [ "$now" = "$before" ] || undo
        # a question that an update can do without, then its end
        [ $in_force -lt 2 ] || [ -n "${SIXGATE_LONG:-}" ] || return
        step=$((step + stride))
    done
    undo
}
at_each_step() {   # at_each_step WHAT CALL...: sets unchanged, changed and bad
    local call
    unchanged=0 changed=0 bad=0
    for call in "${@:2}"; do befalls "$1" "$call"; done
    echo "# $1 of ${*:2}: all as before after $unchanged steps, in force after $changed, anything else after $bad"
}
first=1 stride=1
[ -n "${SIXGATE_LONG:-}" ] || { first=2 stride=4; echo "# reduced: errors and kills at every fourth step of an update, until it is in force"; }
at_each_step error=ENOBUFS sendmsg sendto
ok "an error at any step: the old profile and the old keys work on" test $bad = 0 -a $unchanged -gt 5 -a $changed -gt 0
at_each_step signal=KILL sendmsg sendto
ok "killed at any step: the old profile and the old keys are back" test $bad = 0 -a $unchanged -gt 5 -a $changed -gt 0
first=1 stride=1
at_each_step signal=KILL write rename unlink
ok "and as a file is written, put in its place, removed" test $bad = 0 -a $unchanged -gt 2
ok "control: nothing befalls it: it is in force, and is undone" is_as_before "$before"
ok "nothing of all that is left lying about" not ls /run/sixgate/update*
ok "a far host reaches it" until_ok 30 in_ns far ping -6 -c 1 -W 1 $HOST_TUNNEL

# --- somebody else's change in between is not lost; NetworkManager restarted
nmcli connection modify wg0 connection.autoconnect-priority 7
update new.conf >>"$work/said" 2>&1
ok "what others set in the profile stays" test "$(nmcli -g connection.autoconnect-priority connection show wg0)" = 7
systemctl restart NetworkManager
ok "NetworkManager restarted: active" until_ok 20 active wg0
ok "the key is in the kernel" psk_is b
ok "and on the disk" psk_on_disk b

# --- export and import
watch_ps
"$gateway" export wg0 >"$work/exported.conf"
sed 's/^Address.*/Address = 10.66.0.77\/32/' "$work/exported.conf" >"$work/apart.conf"
"$gateway" export wg0 >"$work/again.conf"
ok "exported: the same twice, and mode 0600 is up to who writes it" cmp "$work/exported.conf" "$work/again.conf"
nmcli connection down wg0 >/dev/null
"$gateway" import "$work/exported.conf" --name copy >>"$work/said" 2>&1
fields=wireguard,ipv4,ipv6
ok "imported again: an equal profile" same "$(nmcli -s -g $fields connection show wg0)" "$(nmcli -s -g $fields connection show copy)"
"$gateway" remove copy >>"$work/said" 2>&1
ok "removed: no such profile, no such link" until_ok 10 sh -c '! nmcli connection show copy && ! ip link show copy'
ok "nobody but root gets a file" not setpriv --reuid nobody --clear-groups "$gateway" export wg0

# --- nobody sees a key
unwatch_ps
kill $monitor
journalctl --no-pager -o verbose >"$work/journal"
nmcli connection show wg0 >"$work/nmcli"
setpriv --reuid nobody --clear-groups wg show >"$work/wg" 2>&1
echo "interface: wg0" >>"$work/wg"
for text in ps journal nmcli said wg; do
    ok "no key in $text" says_no_secret "$work/$text"
done
ok "control: the search finds keys where they are" not says_no_secret "$work/exported.conf"
finish
