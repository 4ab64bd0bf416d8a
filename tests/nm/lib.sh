# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# lib.sh: a real NetworkManager, bus and dispatcher in private namespaces, without systemd and
# udev (sourced first). Nothing of the machine's network is seen or touched; the end of the script
# ends all of it, because it is process 1 of its process namespace.
#
# What is built is put where NetworkManager looks, by overlays: `nm_enter "$@"; nm_start`.

nm_enter() {
    [ "${SIXGATE_PRIVATE:-}" = 1 ] && return
    [ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
    command -v NetworkManager >/dev/null || { echo "1..0 # SKIP no NetworkManager"; exit 0; }
    exec env -i SIXGATE_PRIVATE=1 SIXGATE_RECONCILE="$SIXGATE_RECONCILE" HOST_IF="${HOST_IF:-}" SIXGATE_LONG="${SIXGATE_LONG:-}" \
        SIXGATE_SERVICE="${SIXGATE_SERVICE:-}" PYTHONDONTWRITEBYTECODE=1 SIXGATE_GATEWAY="${SIXGATE_GATEWAY:-}" \
        SIXGATECTL="${SIXGATECTL:-}" SIXGATE_DOCTOR="${SIXGATE_DOCTOR:-}" \
        SIXGATE_NM_PLUGIN="${SIXGATE_NM_PLUGIN:-}" SIXGATE_NM_PLUGINDIR="${SIXGATE_NM_PLUGINDIR:-}" HOME=/root LANG=C.UTF-8 \
        TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        unshare -n -m -u -i -p -f --kill-child --mount-proc --propagation private bash "$0" "$@"
}

nm_mounts() {
    local d
    hostname sixgate-test
    ip link set lo up
    sysctl -qw net.ipv6.conf.default.dad_transmits=0 net.ipv6.conf.default.accept_dad=0
    # Read-only is what tells NetworkManager that there is no udev here.
    mount -t sysfs -o ro sysfs /sys
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p /run/t /run/dbus /run/netns /run/NetworkManager
    for d in /etc /usr /var/lib; do
        mkdir -p "/run/t/o$d/up" "/run/t/o$d/work"
        mount -t overlay overlay -o "lowerdir=$d,upperdir=/run/t/o$d/up,workdir=/run/t/o$d/work" $d
    done
    rm -rf /etc/NetworkManager /var/lib/NetworkManager /var/lib/sixgate /etc/sixgate
    mkdir -p /etc/NetworkManager/{conf.d,system-connections,dispatcher.d} /var/lib/{NetworkManager,sixgate}
    chmod 700 /etc/NetworkManager/system-connections
    # The dispatcher's own program, and only that.
    rm -rf /usr/lib/NetworkManager/dispatcher.d
    mkdir -p /usr/lib/NetworkManager/dispatcher.d/{pre-up.d,pre-down.d,no-wait.d} /usr/libexec
    install -m 755 "$SIXGATE_RECONCILE" /usr/libexec/sixgate-reconcile
    ln -s /usr/libexec/sixgate-reconcile /usr/lib/NetworkManager/dispatcher.d/50-sixgate
    ln -s ../50-sixgate /usr/lib/NetworkManager/dispatcher.d/pre-up.d/50-sixgate
    ln -s ../50-sixgate /usr/lib/NetworkManager/dispatcher.d/pre-down.d/50-sixgate
    cat >/etc/NetworkManager/NetworkManager.conf <<'C'
[main]
plugins=keyfile
auth-polkit=false
dns=none
rc-manager=unmanaged
systemd-resolved=false
hostname-mode=none
no-auto-default=*
dhcp=internal
firewall-backend=none
[keyfile]
unmanaged-devices=*,except:interface-name:nm*,except:type:wireguard
[device-nm]
match-device=interface-name:nm*
managed=1
carrier-wait-timeout=500
[connectivity]
enabled=false
C
}

nm_service() {   # the D-Bus service, started by the bus when it is called
    install -m 755 "$SIXGATE_SERVICE" /usr/libexec/sixgate-service
    install -m 644 "$(dirname "${BASH_SOURCE[0]}")/../../data/org.sixgate.Sixgate1.conf" /usr/share/dbus-1/system.d/
    mkdir -p /run/t/services
    printf '[D-BUS Service]\nName=org.sixgate.Sixgate1\nExec=/usr/libexec/sixgate-service\nUser=root\n' \
        >/run/t/services/org.sixgate.Sixgate1.service
}

nm_bus() {   # a private system bus with the policies of the machine's packages
    mkdir -p /run/t/services
    cp /usr/share/dbus-1/system-services/org.freedesktop.nm_dispatcher.service /run/t/services/
    sed -e '/<fork\/>/d' -e '/<servicehelper>/d' -e '/<user>/d' -e '/<pidfile>/d' \
        -e '/<syslog\/>/d' -e '/<standard_system_servicedirs\/>/d' -e '/<include /d' \
        -e 's,<includedir>system.d</includedir>,<includedir>/usr/share/dbus-1/system.d</includedir>,' \
        -e 's,</busconfig>,<servicedir>/run/t/services</servicedir></busconfig>,' \
        /usr/share/dbus-1/system.conf >/run/t/bus.conf
    dbus-daemon --config-file=/run/t/bus.conf --nofork --nopidfile >/run/t/bus.log 2>&1 &
    until [ -S /run/dbus/system_bus_socket ]; do sleep 0.01; done
}

nm_start() {
    NetworkManager --debug --log-level=INFO >>/run/t/nm.log 2>&1 &
    nm_pid=$!
    until nmcli -t -f RUNNING general 2>/dev/null | grep -qx running; do
        kill -0 "$nm_pid" || { tail -30 /run/t/nm.log >&2; exit 1; }
        sleep 0.02
    done
}
nm_stop() { kill "$nm_pid"; wait "$nm_pid"; }
