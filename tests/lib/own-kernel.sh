# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# own-kernel.sh: a host that is selected to leave by its LAN, and heals itself; what it costs is added up in
# a slice that outlives each run (sourced, in tests/vm/container: no WireGuard is needed).

used_us() { awk '/^usage_usec/ { print $2 }' "/sys/fs/cgroup/$1/cpu.stat"; }

host_up() {   # with radvd as the router of the LAN
    ip netns add home
    ip -n home link set lo up
    ip netns exec home sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
    ip link add eth0 type veth peer name lan netns home
    ip -n home addr add fe80::1/64 dev lan nodad
    ip -n home addr add 2001:db8:1::1/64 dev lan nodad
    ip -n home link set lan up
    cat >/run/radvd.conf <<'R'
interface lan { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 10; prefix 2001:db8:1::/64 { }; };
R
    ip netns exec home radvd -n -C /run/radvd.conf -p /run/radvd.pid >/dev/null 2>&1 &
    mkdir -p /etc/systemd/system/sixgate-reconcile.service.d
    printf '[Service]\nSlice=ours.slice\nLogLevelMax=info\n' >/etc/systemd/system/sixgate-reconcile.service.d/test.conf
    systemctl daemon-reload
    systemctl start ours.slice
    sysctl -qw net.ipv6.conf.eth0.accept_ra=0   # NetworkManager's business
    nmcli device set eth0 managed yes
    nmcli connection add type ethernet con-name lan ifname eth0 ipv4.method disabled ipv6.method auto \
        ipv6.addr-gen-mode eui64 ipv6.ip6-privacy 0 >/dev/null
    nmcli connection up lan >/dev/null
    until ip -6 route show default | grep -q 'dev eth0'; do sleep 0.1; done
    systemctl enable --quiet --now sixgate-boot.service sixgate-reconcile.service
    /usr/libexec/sixgate-reconcile --outbound eth0
    ip link add idle0 type bridge
    ip link set idle0 up
    sleep 35   # an address is new for half a minute, and its first refreshes are heard
}
