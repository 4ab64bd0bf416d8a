# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2034
# healing.sh: a host that heals itself, and how long that takes (sourced, in the guest).
# Needs tap.sh and wireguard-net.sh; $here is the folder of the test.
changes=/run/changes
service=sixgate-reconcile.service sockets=(sixgate-reconcile.socket sixgate-nftables.socket)

uptime_s() { cut -d' ' -f1 /proc/uptime; }
table_of() { echo $((1000 + $(cat "/sys/class/net/$1/ifindex"))); }
rule() { ip -6 rule show | grep -qE "$1" || { ip -6 rule show; return 1; }; }
has_route() { ip -6 route show table "$1" | grep -qE "$2" || { ip -6 route show table "$1"; return 1; }; }
nothing_to_do() { same "$("$SIXGATE_RECONCILE" --dry-run 2>/dev/null || echo "exit status $?")" ""; }
listening() { [ "$(systemctl is-active "${sockets[@]}" | sort -u)" = active ] || { systemctl is-active "${sockets[@]}"; return 1; }; }
inactive() { [ "$(systemctl is-active "$service")" = inactive ] || { systemctl is-active "$service"; return 1; }; }
# Starts of the service, its processor time and that of systemd, in ms; all since boot.
starts() { journalctl -b -q -o cat --no-pager "UNIT=$service" | grep -c '^Started'; }
busy_ms() { awk '/usage_usec/ { print int($2 / 1000) }' /sys/fs/cgroup/sixgatetest.slice/cpu.stat; }
systemd_ms() { awk '{ print ($14 + $15) * 10 }' /proc/1/stat; }

count_runs() {   # a slice that outlives the service adds up what its runs take
    mkdir -p "/etc/systemd/system/$service.d"
    printf '[Service]\nSlice=sixgatetest.slice\nLogLevelMax=info\n' >"/etc/systemd/system/$service.d/test.conf"
    systemctl daemon-reload
    systemctl start sixgatetest.slice
}

healing_up() {   # a host with a LAN by router advertisements and a selected tunnel
    mkdir -p "$work"
    net_up
    cat >"$work/radvd.conf" <<R
interface lan {
    AdvSendAdvert on; MinRtrAdvInterval ${RA_MIN:-30}; MaxRtrAdvInterval ${RA_MAX:-60};
    prefix 2001:db8:1::/64 { };
    $1
};
R
    sysctl -qw net.ipv6.conf.eth0.accept_ra=0   # NetworkManager's business
    in_ns home radvd -n -C "$work/radvd.conf" -p "$work/radvd.pid" >/dev/null 2>&1 &
    nmcli device set eth0 managed yes
    nmcli connection add type ethernet con-name lan ifname eth0 ipv4.method disabled \
        ipv6.method auto ipv6.addr-gen-mode eui64 ipv6.token ::2 ipv6.ip6-privacy "${PRIVACY:-0}" >/dev/null
    nmcli connection up lan >/dev/null
    nmcli connection import type wireguard file "$work/wg0.conf" >/dev/null
    until_ok 20 ip -6 route get "$FAR" from "$HOST_LAN" >/dev/null
    until_ok 20 ip -6 route show table "$(table_of wg0)" default
    "$SIXGATE_RECONCILE" --outbound wg0
    count_runs
    systemctl enable --quiet --now sixgate-boot.service "$service"
    count_at home port0 "$FAR"
    watch_start
}

watch_start() {
    rm -f "$changes"
    python3 "$here/watch.py" "$changes" &
    watcher=$!
    until_ok 5 test -s "$changes"
}

settled() {   # nothing has changed for 1.6 seconds
    local before=-1 now quiet=0
    for _ in $(seq 100); do
        now=$(stat -c %s "$changes")
        if [ "$now" = "$before" ]; then quiet=$((quiet + 1)); else quiet=0; fi
        [ $quiet -lt 8 ] || return 0
        before=$now
        sleep 0.2
    done
    return 1
}

flood_start() {
    python3 "$here/flood.py" "$FAR" "$HOST_LAN" >"$work/flood" &
    flood=$!
    flood_before=$(counted home)
}
flood_stop() {   # how many packets left by the LAN meanwhile
    kill "$flood"
    wait "$flood" 2>/dev/null
    leaked=$(($(counted home) - flood_before))
}

# heal WHAT FROM LEAKS EVENT [CHECK...]: does EVENT in a flood of new connections, and measures
# from the change of others that FROM says ("first" or "last", and a pattern of $changes after a
# colon) to our last write; with such a pattern who is gone already was one of our short runs.
# LEAKS: 0, or "measured" for a window that cannot be closed. An EVENT that can be done again
# (FROM is "first:.") is, twice at most, when it took too long: the machine may be busy with others.
# $leaves is what a look by hand still finds to do afterwards.
heal() {
    local what=$1 from=$2 leaks=$3 event=$4 all=0 try
    shift 4
    for try in 1 2 3; do
        heal_once "$from" "$event"
        all=$((all + leaked))
        echo "# heal: $what: $took s, $leaked packets of the flood ($(cat "$work/flood")) by another gateway"
        if [ "$from" != first:. ] || within "$took" 1 >/dev/null; then break; fi
    done
    ok "$what: back within 1 s" within "$took" 1
    [ "$leaks" = measured ] || ok "$what: nothing leaves by another gateway" same "$all" 0
    ok "$what: nothing is left to do" left_to_do "${leaves:-}"
    [ $# = 0 ] || ok "$what: $*" "$@"
}
heal_once() {   # heal_once FROM EVENT: sets took and leaked
    local from=$1 event=$2 mark
    mark=$(wc -l <"$changes")
    flood_start
    eval "$event" >/dev/null 2>&1
    sleep 0.2
    settled
    flood_stop
    tail -n +$((mark + 1)) "$changes" >"$work/changes"
    took=$(awk -v which="${from%%:*}" -v like="${from#*:}" '
        ($2 == "other" || like == ".") && $2 != "ours" && $0 ~ like && !(which == "first" && seen) { seen = $1 }
        ($2 == "ours" || $2 == "gone" && like != ".") && seen { last = $1; since = seen }
        END { if (!seen) print "no-event"; else if (!last) print "untouched"
              else printf "%.2f", last - since }' "$work/changes")
}
left_to_do() {   # left_to_do PATTERN: nothing, or what repairs a link that PATTERN is found in
    [ -z "$1" ] || { "$SIXGATE_RECONCILE" --dry-run 2>/dev/null | grep -q "$1"; return; }
    nothing_to_do
}
within() {   # within TOOK SECONDS
    awk -v t="$1" -v most="$2" 'BEGIN { exit !(t ~ /^[0-9.]+$/ && t <= most) }' ||
        { echo "took $1"; tail -40 "$work/changes" 2>/dev/null; return 1; }
}
# untouched WHAT EVENT [CHECK...]: by EVENT nobody takes anything of ours away. (Elements of sets and
# rules 60 come and go with addresses: not with "gone" alone, which one of our short runs may be.)
untouched() {
    local what=$1 event=$2 mark
    shift 2
    mark=$(wc -l <"$changes")
    flood_start
    eval "$event" >/dev/null 2>&1
    sleep 0.2
    settled
    flood_stop
    tail -n +$((mark + 1)) "$changes" | grep -v ' ours ' |
        grep -E 'route- .* proto 106$|rule- pref (50|6[1-9]|7[0-9]|1000|1100)$|nft (2|5|8|11) startos' >"$work/changes"
    echo "# heal: $what: $(wc -l <"$work/changes") things of ours taken away, $leaked packets of the flood ($(cat "$work/flood")) by another gateway"
    ok "$what: nothing of ours is taken away" same "$(cat "$work/changes")" ""
    ok "$what: nothing leaves by another gateway" test "$leaked" = 0
    ok "$what: nothing is left to do" nothing_to_do
    [ $# = 0 ] || ok "$what: $*" "$@"
}
