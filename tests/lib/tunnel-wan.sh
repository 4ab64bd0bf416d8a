# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# tunnel-wan.sh (after tap.sh and tunnel-net.sh): the ways in which a provider hands out a prefix, on a server that
# has its WAN from somebody else and that reboots (sourced; only in the guest, whose vm-task runs the test once more
# after each reboot). Who sources it says who has the WAN:
#   manager, unit          its name, what starts it at boot
#   manager_installed      as its package leaves it; nothing is configured
#   wan_config ADDRESS     writes its configuration: ADDRESS, UNDERLAY, LINK_LOCAL, and the way out by fe80::1
#   wan_changes ADDRESS    the same while the WAN is up, which then has it
#   manager_has_it         whether it says so itself
# Nobody else gives eth0 an address. First boot: the links and the manager come; second: the WAN is up before the
# project is installed, and the first row begins; each further one: the row from before, then the next. At every
# other boot the link has its carrier late, as a card has that talks with a switch first: then NetworkManager
# is there before the WAN is.
UNDERLAY=2001:db8:f0::10/64 LINK_LOCAL=fe80::10/64   # by which devices, and what is routed here, come
work=/var/lib/sixgate-test   # outlives a reboot
tunnel() { /usr/libexec/sixgate-tunnel "$@"; }

# The devices have 2 and 4 as their low four bits: in the /124 the server's own address has 3.
rows='/64 on-link 2001:db8:1::10/64 2001:db8:1::/64 2001:db8:1::/64 2001:db8:1::a3b:2 2001:db8:1::a3b:4
/124 on-link 2001:db8:7::13/124 2001:db8:7::10/124 2001:db8:7::10/124 2001:db8:7::12 2001:db8:7::14
/64 routed 2001:db8:1::10/64 2001:db8:1::/64 2001:db8:6400::/64 2001:db8:6400::a3b:2 2001:db8:6400::a3b:4
/56 routed 2001:db8:1::10/64 2001:db8:1::/64 2001:db8:5600::/56 2001:db8:5600::a3b:2 2001:db8:5600::a3b:4
/48 routed 2001:db8:1::10/64 2001:db8:1::/64 2001:db8:48::/48 2001:db8:48::a3b:2 2001:db8:48::a3b:4
/128 alone 2001:db8:8::13/128 2001:db8:8::13/128 2001:db8:8::13/128'
row() {   # row N: what it says, for all that follows
    read -r size how wan on_link prefix one two <<<"$(sed -n "$1p" <<<"$rows")"
    what="$manager, $size $how"
}
provider() {
    ip -n isp -6 route flush dev port0 proto boot
    ip -n isp -6 route replace "$on_link" dev port0
    ip -n isp -6 route replace 2001:db8:f0::/64 dev port0
    [ "$how" != routed ] || route_to_server "$prefix"
}

# --- the links are there as hardware is: at each boot before anybody who configures them
links_come_at_boot() {
    local lib=/usr/local/lib/sixgate-test
    mkdir -p $lib "$work"
    cp "$here"/../lib/{tap,tunnel-net}.sh $lib
    printf '. %s\n' $lib/tap.sh $lib/tunnel-net.sh >$lib/links
    printf '%s\n' links_up "[ -e $work/late ] || plug_in" >>$lib/links
    cat >/etc/systemd/system/test-links.service <<U
[Unit]
DefaultDependencies=no
After=systemd-udevd.service local-fs.target
Before=network-pre.target sixgate-boot.service networking.service systemd-networkd.service NetworkManager.service
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash $lib/links
[Install]
WantedBy=sysinit.target
U
    systemctl enable --quiet test-links.service
}

# --- what is asked
soon() { until_ok 20 "$@" || "$@"; }   # says what is there instead
wan_has() {
    ip -6 -o addr show dev eth0 to "${wan%/*}" | grep -q . && ip -6 route show default | grep -q 'via fe80::1 dev eth0' && return
    ip -6 addr show dev eth0
    ip -6 route
    return 1
}
wan_state() { ip -6 -d addr show dev eth0; ip -6 -d route show dev eth0; }
manager_has() { manager_has_it >"$work/said" 2>&1 || { cat "$work/said"; return 1; }; }
left_alone() {   # by NetworkManager
    case $(nmcli -g GENERAL.STATE device show eth0) in
    '10 ('* | *externally*) ;;
    *) nmcli device show eth0; nmcli connection; return 1 ;;
    esac
}
link_keys() { wg show wg-sixgate public-key; wg show wg-sixgate listen-port; wg show wg-sixgate peers | sort; }
link_is_back() { ip -o link show dev wg-sixgate up | grep -q . && same "$(cat "$work/keys")" "$(link_keys)"; }
no_writes() {   # no_writes [--dry-run]
    "$SIXGATE_RECONCILE" -v "$@" >"$work/said" 2>&1
    grep -qE '(^|[^0-9])0 writes' "$work/said" || { cat "$work/said"; return 1; }
}
server_address() { ip -6 -o addr show dev wg-sixgate scope global -deprecated | grep .; }   # PCP's is deprecated
stamp() { systemctl show -p "$2TimestampMonotonic" --value "$1"; }
boot_was_first() {
    local ended began u
    ended=$(stamp sixgate-boot.service ActiveEnter)
    for u in "$unit" NetworkManager.service; do
        began=$(stamp "$u" InactiveExit)
        if [ "$ended" -gt 0 ] && [ "$began" -gt "$ended" ]; then continue; fi
        echo "sixgate-boot ended at $ended us, $u began at $began us"
        return 1
    done
}
refused() {
    tunnel subnet set-ipv6 home "$prefix" >"$work/said" 2>&1 && return 1
    grep -q 'single address' "$work/said" || { cat "$work/said"; return 1; }
}
reached() {   # both devices, in both directions
    ok "$what: the far client reaches one" until_ok 15 far_pings "$one"
    ok "$what: one reaches it, as $one" far_sees one "$one"
    ok "$what: the far client reaches two" until_ok 5 far_pings "$two"
    ok "$what: two reaches it, as $two" far_sees two "$two"
    [ "$how" = on-link ] || return 0
    ok "$what: a solicitation for one is answered within 10 ms" answered_fast "$one"
    ok "$what: and for two" answered_fast "$two"
}
nothing_else() {
    ok "$what: nothing more to do" no_writes
    ok "$what: NetworkManager leaves the WAN alone" left_alone
    ok "$what: the WAN keeps its address and its way out" wan_has
}

declared() {   # for good, and somebody may read that it was done
    grep -x 'match-device=interface-name:=eth0' /etc/NetworkManager/conf.d/90-sixgate-unmanaged.conf && until_ok 5 declared_in_journal
}
declared_in_journal() { journalctl -b --no-pager | grep "eth0 is .*$manager's: NetworkManager is told"; }

# --- what is done
installs() {   # as README.md says; NetworkManager comes with what it needs
    systemctl enable --quiet --now NetworkManager.service &&
        "$here/in-guest" "$SIXGATE_TREE" install &&
        systemctl enable --quiet --now sixgate-boot.service sixgate-reconcile.service sixgate-reconcile.timer &&
        nm-online -s -q -t 10 && "$SIXGATE_RECONCILE"
}
address_goes() {   # one of lo: whether the monitor that is running has told it
    ip addr add 2001:db8:fe::1/128 dev lo && ip addr del 2001:db8:fe::1/128 dev lo
    grep '^Deleted.*2001:db8:fe::1' "$work/monitor"
}
installing_keeps_the_wan() {
    local before monitor
    before=$(wan_state)
    ip -6 monitor address route >"$work/monitor" &
    monitor=$!
    ok "$manager: control: what goes is noticed" until_ok 5 address_goes
    ok "$manager: the project is installed" installs
    sleep 2   # whoever wants to do something with a link that is new to him has begun
    kill $monitor
    ok "$manager: address and way out are what they were before, to the number of the link" same "$before" "$(wan_state)"
    ok "$manager: nothing of them went in between" not grep '^Deleted.* eth0' "$work/monitor"
    ok "$manager: NetworkManager leaves the WAN alone" left_alone
    ok "$manager: and is told to, at its next start too" declared
}
server_begins() {
    tunnel subnet add 10.59.0.0/24 home
    ok "$manager: NetworkManager has the interface up" until_ok 20 ip -o addr show dev wg-sixgate to 10.59.0.1/24
    tunnel device add home one --ip 10.59.0.2 >/dev/null
    tunnel device add home two --ip 10.59.0.4 >/dev/null
    link_keys >"$work/keys"
    device_up one
    device_up two
}
row_begins() {
    if [ "$how" = alone ]; then
        tunnel subnet clear-ipv6 home
        ok "$what: refused" refused
        ok "$what: the server's own address goes" soon not server_address
        ok "$what: and what followed from it" soon no_writes --dry-run
    else
        ok "$what: the prefix is taken" tunnel subnet set-ipv6 home "$prefix"
        device_address one "$one"
        device_address two "$two"
        reached
    fi
    nothing_else
}
row_goes_on() {
    what+=", after a reboot"
    if [ -e "$work/late" ]; then
        what+=", the carrier comes late"
        until_ok 20 nmcli device show eth0
        sleep 1
        ok "$what: NetworkManager leaves the WAN alone that nobody could configure yet" left_alone
        plug_in
    fi
    provider
    nm-online -s -q -t 10
    ok "$what: sixgate-boot was through before $unit and NetworkManager began" boot_was_first
    ok "$what: the WAN has its address and its way out" soon wan_has
    ok "$what: from $manager" manager_has
    ok "$what: the tunnel's interface has its key and its peers" soon link_is_back
    device_connects one
    device_connects two
    if [ "$how" = alone ]; then
        ok "$what: a device reaches the server" until_ok 15 device_pings one 10.59.0.1
    else
        device_address one "$one"
        device_address two "$two"
        reached
    fi
    nothing_else
}
provider_table() {   # the part of this boot
    local n count
    [ -n "${SIXGATE_LONG:-}" ] || rows=$(head -n 1 <<<"$rows")
    count=$(wc -l <<<"$rows")
    exec 3>&1   # for figures
    if [ "$SIXGATE_BOOT" = 1 ]; then
        links_come_at_boot
        manager_installed
        row 1
        wan_config "$wan"
        systemctl disable --quiet NetworkManager.service
        reboot_guest "$work/tap"
    fi
    resume "$work/tap"
    n=$((SIXGATE_BOOT - 2))
    if [ $n = 0 ]; then
        [ -n "${SIXGATE_LONG:-}" ] || echo "# reduced: one way in which a provider hands out a prefix instead of six"
        row 1
        provider
        ok "$manager: the WAN is up without the project" soon wan_has
        ok "$manager: it is $manager's" manager_has
        installing_keeps_the_wan
        server_begins
    else
        row $n
        row_goes_on
        [ $n -lt "$count" ] || finish
        row $((n + 1))
        provider
        ok "$what: the WAN changes" wan_changes "$wan"
        ok "$what: the WAN is up" soon wan_has
    fi
    row_begins
    rm -f "$work/late"
    [ $((n % 2)) = 1 ] || touch "$work/late"
    reboot_guest "$work/tap"
}
