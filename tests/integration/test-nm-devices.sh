#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-nm-devices.sh SHOW-NM-DEVICES: dbus/nm against a real NetworkManager on a bus of its own,
# and against one that is absent or does not move. TAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
show=$(realpath "$1")
for tool in NetworkManager nmcli dbus-daemon; do
    command -v "$tool" >/dev/null || { echo "1..0 # SKIP no $tool"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
# A pid namespace too: with its first process everything that was started ends.
[ "${SG_INSIDE:-}" = 1 ] ||
    SG_INSIDE=1 exec unshare -n -m -u -p -f --kill-child --mount-proc "$0" "$show"
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"

# A read-only /sys tells NetworkManager that there is no udev to wait for. What it reads and
# writes below /etc, /run and /var is private.
mount -t sysfs -o ro sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/dbus /run/etc/conf.d /run/etc/system-connections /var/lib/NetworkManager
chmod 700 /run/etc/system-connections
mount --bind /run/etc /etc/NetworkManager
mount -t tmpfs -o mode=700 tmpfs /var/lib/NetworkManager
ip link set lo up
cat >/etc/NetworkManager/NetworkManager.conf <<'C'
[main]
plugins=keyfile
auth-polkit=false
dns=none
systemd-resolved=false
hostname-mode=none
no-auto-default=*
[keyfile]
unmanaged-devices=interface-name:other*
[connectivity]
enabled=false
C
cat >/run/bus.conf <<'C'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow eavesdrop="false"/>
  </policy>
</busconfig>
C
unset DBUS_SYSTEM_BUS_ADDRESS

says() { "$show" 2000 | grep -qE -- "$1" || { echo "wanted $1, got:"; "$show" 2000; return 1; }; }
within_a_second() {   # within_a_second REGEX: with 300 ms to answer
    local start end out
    start=$(date +%s%N); out=$("$show" 300); end=$(date +%s%N)
    echo "$out, after $(((end - start) / 1000000)) ms"
    [ $(((end - start) / 1000000)) -lt 1000 ] && grep -qE -- "$1" <<<"$out"
}

ok "no bus: absent, with a reason" says '^absent: cannot ask NetworkManager .*No such file'

dbus-daemon --config-file=/run/bus.conf --nofork --nopidfile 2>/run/bus.log &
bus=$!
ok "the bus is up" until_ok 10 [ -S /run/dbus/system_bus_socket ]
ok "no NetworkManager: absent, with a reason" says '^absent: NetworkManager is not running'

ip link add uplink type veth peer name far
ip link add other0 type veth peer name other1
ip link add bridge0 type bridge
ip link set bridge0 up
ip link set far up
NetworkManager --no-daemon >/run/nm.log 2>&1 &
nm=$!
ok "NetworkManager is ready" until_ok 20 says '^ready: $'
ok "loopback can be no gateway" says '^lo loopback( managed)?( active)?( external)? gateway none none'
ok "a device that is not active" says '^uplink veth can-be-gateway managed gateway none none uuid $'
ok "a device that is not managed" says '^other0 veth can-be-gateway gateway none none uuid $'
ok "a bridge can be no gateway" says '^bridge0 bridge( managed)?( active)?( external)? gateway'

nmcli connection add type ethernet con-name test ifname uplink autoconnect no \
    ipv4.method manual ipv4.addresses 192.0.2.2/24 ipv4.gateway 192.0.2.1 \
    ipv6.method manual ipv6.addresses 2001:db8::2/64 ipv6.gateway 2001:db8::1 >/dev/null
uuid=$(nmcli -g connection.uuid connection show test)
nmcli connection up test >/dev/null
ok "an active gateway, with its gateways and profile" \
    says "^uplink veth can-be-gateway managed active gateway 2001:db8::1 192.0.2.1 uuid $uuid\$"
nmcli connection down test >/dev/null
ok "and taken down again" says '^uplink veth can-be-gateway managed gateway none none uuid $'

ip address add 192.0.2.9/24 dev far
ok "a device that somebody else configured is external" until_ok 10 \
    says '^far veth can-be-gateway managed active external gateway none none'

kill -STOP $nm
ok "NetworkManager does not move: absent within the bound" \
    within_a_second '^absent: NetworkManager did not answer within 300 ms'
kill -CONT $nm
kill -STOP $bus
ok "the bus does not move: absent within the bound" \
    within_a_second '^absent: NetworkManager did not answer within 300 ms'
kill -CONT $bus
ok "and both again" says '^ready: $'
kill -KILL $nm
wait $nm 2>/dev/null
ok "NetworkManager died: absent, not started by us" says '^absent: NetworkManager is not running'
finish
