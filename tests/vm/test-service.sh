#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The D-Bus service as it is installed: started by the bus through systemd, with the real polkit,
# NetworkManager and WireGuard; called by busctl, as root and as an unprivileged user.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
name=org.sixgate.Sixgate1 root=/org/sixgate/Sixgate1
manager=$name.Manager gateway=$name.Gateway

call() { busctl --timeout=60 call $name $root $manager "$@"; }
of() { local path=$root/gateway/$1; shift; busctl --timeout=60 call $name "$path" $gateway "$@"; }
get() { busctl get-property "$name" "$root/gateway/$1" "$gateway" "$2"; }
shows() { [ "$(get "$1" "$2")" = "$3" ] || { get "$1" "$2"; return 1; }; }
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups busctl --timeout=60 call "$@"; }
rule() { ip -6 rule show | grep -qE "$1" || { ip -6 rule show; return 1; }; }
all() { cat /var/lib/sixgate/host.conf; ip -6 rule; nmcli -t -f UUID,NAME connection; nft -s list table ip6 startos; wg show all dump | cut -f 1-5,9; }   # not what was counted
active() { [ "$(systemctl is-active sixgate.service)" = active ]; }
says() {   # says RE COMMAND...: the command fails, and its message has RE
    local re=$1 out
    shift
    ! out=$("$@" 2>&1) || { echo "it did not fail: $out"; return 1; }
    grep -qE -- "$re" <<<"$out" || { echo "$out"; return 1; }
}
since_start() { echo $((($(systemctl show -P "$1" sixgate.service) - $(systemctl show -P InactiveExitTimestampMonotonic sixgate.service)) / 1000)); }

net_up
nmcli device set eth0 managed yes
host_profile eth0
nmcli connection up lan >/dev/null
serve far
count_at home port0 $FAR
systemctl start polkit 2>/dev/null

# --- started by the first call
ok "nothing of ours is there" not active
ok "the first call starts it" busctl get-property $name $root $manager Version
ok "through systemd" active
ok "by the bus itself: the unit is no failure" not systemctl is-failed --quiet sixgate.service
echo "# ready $(since_start ActiveEnterTimestampMonotonic) ms after its start in the guest, where a system call costs 11 us"

# --- a tunnel, by its file
config=$(cat "$work/wg0.conf")
ok "ImportGateway" call ImportGateway 'ssa{sv}' wg0.conf "$config" 1 type s inbound-outbound
ok "the gateway comes up, and carries IPv6" until_ok 20 shows wg0 CanCarryIPv6 'b true'
ok "its type" shows wg0 Type 's "inbound-outbound"'
ok "SetDefaultOutbound: in force when it answers" call SetDefaultOutbound s wg0
ok "rule 75 is there" rule "^75:.*lookup $((1000 + $(cat /sys/class/net/wg0/ifindex)))"
ok "the host goes out by the tunnel" until_ok 10 seen_as $HOST_TUNNEL host $FAR
ok "nothing leaves by the LAN" no_new_packet home seen_as $HOST_TUNNEL host $FAR
ok "Explain names it" grep -q '"gateways" as 1 "wg0"' <<<"$(call Explain 'sa{sv}' $FAR 0)"
before=$(cat /sys/class/net/wg0/ifindex)
ok "Update: another keepalive" of wg0 Update s "${config/PersistentKeepalive = */}
PersistentKeepalive = 17"
ok "is in the kernel, of the same link" same "$before 17" "$(cat /sys/class/net/wg0/ifindex) $(wg show wg0 persistent-keepalive | cut -f2)"
ok "the host still goes out by the tunnel" until_ok 10 seen_as $HOST_TUNNEL host $FAR
ok "Export: what was imported, keys included" grep -q "$(cat "$work/host.key")" <<<"$(of wg0 Export)"

# --- a subscriber
ok "a subscriber is told of CanCarryIPv6 within 1 s" python3 "$here/bus.py" subscribe $root/gateway/wg0 ip addr del $HOST_TUNNEL/128 dev wg0
ok "which stays so, though its profile has the address" shows wg0 CanCarryIPv6 'b false'
ok "a gateway that lost its address: nothing leaves elsewhere" no_new_packet home ask host $FAR
ok "and told when it has it again" python3 "$here/bus.py" subscribe $root/gateway/wg0 ip addr add $HOST_TUNNEL/128 dev wg0

# --- rights, with the real polkit
before=$(all)
while read -r path interface member arguments; do
    # shellcheck disable=SC2086 # words
    ok "an unprivileged user is denied $member" says 'org.sixgate.sixgate1.(manage|read-secrets)' nobody $name "$path" "$interface" "$member" $arguments
done <<T
$root $manager SetDefaultOutbound s eth0
$root $manager AddOverride ss 2001:db8:77::/64 eth0
$root $manager RemoveOverride s 2001:db8:77::/64
$root $manager Reconcile
$root $manager ImportGateway ssa{sv} x.conf [Interface] 0
$root/gateway/wg0 $gateway Update s [Interface]
$root/gateway/wg0 $gateway SetType s outbound-only
$root/gateway/wg0 $gateway Remove
$root/gateway/wg0 $gateway Export
T
ok "nothing was changed" same "$before" "$(all)"
ok "reading is free" nobody $name $root $manager Plan
ok "and shows no key" not grep -qF "$(cat "$work/host.key")" <<<"$(nobody $name $root org.freedesktop.DBus.ObjectManager GetManagedObjects; nobody $name $root $manager Plan)"
mkdir -p /etc/polkit-1/rules.d
cat >/etc/polkit-1/rules.d/10-test.rules <<'R'
polkit.addRule(function(action, subject) {
    if (action.id == "org.sixgate.sixgate1.manage" && subject.user == "nobody") return polkit.Result.YES;
});
R
chmod 755 /etc/polkit-1 /etc/polkit-1/rules.d; chmod 644 /etc/polkit-1/rules.d/10-test.rules   # it is no root
systemctl restart polkit
ok "polkit grants manage: it is done" until_ok 10 nobody $name $root $manager Reconcile
ok "but no keys" says read-secrets nobody $name $root/gateway/wg0 $gateway Export
rm /etc/polkit-1/rules.d/10-test.rules
systemctl mask --runtime --now polkit 2>/dev/null
ok "without polkit root may" call Reconcile
ok "and nobody else" says 'polkit is not there' nobody $name $root $manager Reconcile
systemctl unmask --runtime polkit 2>/dev/null

# --- a renamed interface that is selected
call SetDefaultOutbound s wg0
nmcli connection down wg0 >/dev/null
ip link add wg5 type dummy
ok "selected and gone: Warnings says so" grep -q wg0 <<<"$(busctl get-property $name $root $manager Warnings)"
ok "nothing leaves by the LAN" no_new_packet home ask host $FAR
nmcli connection up wg0 >/dev/null
ok "back: out by the tunnel" until_ok 10 seen_as $HOST_TUNNEL host $FAR
call SetDefaultOutbound s ''

# --- the end: idle, told to, and a call at that very moment
pid=$(systemctl show -P MainPID sixgate.service)
echo "# peak of the service: $(sed -n 's/^VmHWM:[^0-9]*//p' "/proc/$pid/status")"
ok "memory under 10 MiB" test "$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")" -lt 10240
exec 9>/run/sixgate/lock
flock 9
call SetDefaultOutbound s eth0 &
caller=$!
sleep 0.5
systemctl stop --no-block sixgate.service
sleep 0.5
flock -u 9
wait $caller
ok "stopped: what was accepted is finished" test $? = 0
ok "and then it is gone" until_ok 10 not active
ok "not as a failure" not systemctl is-failed --quiet sixgate.service
call SetDefaultOutbound s ''
printf '[sixgate]\nIdleTimeoutMSec=50\n' >/etc/sixgate/sixgate.conf
systemctl stop sixgate.service
tries=${SIXGATE_LONG:+3000}
tries=${tries:-100}
[ -n "${SIXGATE_LONG:-}" ] || echo "# reduced: in the guest $tries calls at the moment of the idle exit, 3000 with --long"
ok "$tries calls aimed at the release of the name: none is lost" python3 "$here/bus.py" race "$tries"
ok "idle: it ends by itself" until_ok 10 not active
ok "and is no failure" not systemctl is-failed --quiet sixgate.service
finish
