# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of what must go on working while a tunnel is selected: one row each.

A row that a line of ours lets pass names it: without it the same case fails, which shows that the
case can. The others are given a control of their own. docs/security.md lists the rows.
SIXGATE_TEST_FAMILY=ipv4: the same in IPv4, where by default only the rows that differ run.
"""
import os
import subprocess
import sys
import time

import internet
from family import (BEHIND, BEHIND_NET, CLIENT_HOP, CONTAINER_NET, DHCP_SERVER, FAR, FLAG,
                    HOST, HOST_HOP, IPV4, LAN_CLIENT, LAN_NET, LAN_ROUTED, LAN_ROUTED_HOST,
                    LAN_ROUTED_NET, MDNS, NFT, ROUTED, ROUTED_HOST, ROUTED_NET, ROUTER, SECOND,
                    SECOND_CLIENT, SECOND_NET, alone, with_length)
from internet import ip, run, sysctl
from takeout import delete_line, delete_route, delete_rules

internet.enter()
net = internet.Internet()
tap = internet.Tap()
agents = net.agents
host, far, lan, container, home = (agents[n] for n in ('host', 'far', 'lan', 'ctr', 'home'))
LONG = os.environ.get('SIXGATE_LONG') == '1'
ODD = '2001:db8:dead::c'         # a neighbour's address of a network that nobody announced
THREAD = 'fd00:7::1'
PRIVACY = '2001:db8:1::abcd'
REPORT = 0x22 if IPV4 else 143   # of group membership (RFC 3376, RFC 3810)

NEIGHBOURS = (('guard_output', 'hoplimit 255'), ('guard_post', 'hoplimit 255'))
NARROW = tuple((c, 'daddr 224' if IPV4 else 'ff0') for c in ('choice', 'choice_post'))
LINK_LOCAL = (('choice', 'daddr fe80'), ('choice_post', 'daddr fe80'))
LOCAL = (('choice', '@local_prefixes'), ('choice_post', '@local_prefixes'))
BROADCAST = (('choice', 'daddr 255'), ('choice_post', 'daddr 255'))
RENEWAL = (('choice', 'dport 67'), ('choice_post', 'dport 67'))
REPLIES = (('guard_post', '@reply_ok'),)


def expect(wanted, got):
    if got != wanted:
        raise RuntimeError(f'the surroundings do not stand: {got}, not {wanted}')


# ---- the cases: True when it works

def works(agent, command, **keywords):
    return lambda: getattr(agent, command)(**keywords) == 'ok'


def all_work(*cases):
    return lambda: all([case() for case in cases])


def by(gateway, case, to=FAR):
    """Works, and leaves by that gateway and by no other."""
    def both():
        net.watch()
        good = case()
        left = net.watch(to=to)
        return good and left[gateway] > 0 and sum(left.values()) == left[gateway]
    return both


def seen_on_the_lan(icmp_type, agent, command, **keywords):
    """The link's other end sees a packet of that type, of ICMPv6 or IGMP."""
    def case():
        home.icmp_types(device='port0')
        getattr(agent, command)(**keywords)
        end = time.monotonic() + 1  # a report is sent by a work queue of the kernel (net/ipv6/mcast.c)
        while time.monotonic() < end:
            if icmp_type in home.icmp_types(device='port0'):
                return True
            time.sleep(0.005)
        return False
    return case


def told_too_big(netns, **keywords):
    """Somebody on the way says what fits; what was learned of that before is forgotten."""
    def case():
        for where in ((), ('-n', 'far')):
            run('ip', *where, FLAG, 'route', 'flush', 'cache')
        got = agents[netns].too_big(**keywords)
        if got == 'EMSGSIZE':
            raise RuntimeError('not forgotten: it was not even sent')
        return got == 'ok'
    return case


groups = iter(range(1, 100))


def reports_membership():
    """A new group each time: what is joined already is not reported again."""
    group = ('239.255.1.%d' if IPV4 else 'ff05::%x') % next(groups)
    return seen_on_the_lan(REPORT, host, 'join', group=group, device='eth0')()


def hold_and_talk():
    """A session: the client speaks, then the host does."""
    if far.hold(name='ssh', to=HOST['eth0'], source=FAR, timeout=0.4) != 'ok':
        return False
    good = far.talk(name='ssh') == 'ok' and host.speak() == 'ok' and far.listen(name='ssh') == 'ok'
    far.drop(name='ssh')
    return good


def session_from_before():
    """It began before the tunnel was selected, and goes on."""
    net.reconcile('--outbound', 'auto')
    expect('ok', far.hold(name='old', to=HOST['eth0'], source=FAR, timeout=0.4))
    net.reconcile('--outbound', 'wg0')
    take_away()
    good = far.talk(name='old') == 'ok' and host.speak() == 'ok' and far.listen(name='old') == 'ok'
    far.drop(name='old')
    return good


def container_answers():
    return far.tcp(to=HOST['eth0'], port=8080, source=FAR) == 'ok'


# ---- surroundings: (on, off)

def word(on):
    return 'add' if on else 'del'


def odd_neighbour(on):
    ip(f'addr {word(on)} {ODD}/64 dev eth0', 'lan')


def second_prefix(on):
    ip(f'addr {word(on)} {with_length(SECOND, SECOND_NET)} dev eth0')
    ip(f'addr {word(on)} {with_length(SECOND_CLIENT, SECOND_NET)} dev eth0', 'lan')


def second_router(on):
    ip(f'addr {word(on)} {alone(BEHIND)} dev lo', 'lan')
    ip(f'route {word(on)} {BEHIND_NET} via {CLIENT_HOP} dev eth0 proto static')


def border_router(on):
    ip(f'addr {word(on)} {THREAD}/128 dev lo', 'lan')
    ip(f'route {word(on)} fd00:7::/64 via fe80::c dev eth0 proto ra expires 600' if on else
       'route del fd00:7::/64 via fe80::c dev eth0')


def servers(on):
    """What a LAN has: a resolver, a DHCPv6 server and an mDNS responder."""
    if on and not serving:
        serving.append(True)
        lan.serve(port=53)
        home.serve(port=67 if IPV4 else 547)
        lan.serve(port=5353)
        if not IPV4:
            expect('ok', home.join(group='ff02::1:2', device='lan'))
        expect('ok', lan.join(group=MDNS, device='eth0'))


serving = []


def small_containers(on):
    """The containers' bridge takes less than the LAN does."""
    ip(f'link set br0 mtu {1300 if on else 1500}\nlink set c0 mtu {1300 if on else 1500}')


def errors_by_inbound(on):
    """IPv4 gives an error about what is forwarded the source of the first lookup, which asks without
    the mark; with this switch that of the link by which the packet came (docs/security.md)."""
    sysctl(None, f'net.ipv4.icmp_errors_use_inbound_ifaddr={int(on)}')


def small_uplink(on):
    """Behind the tunnel's server."""
    run('ip', '-n', 'vps', 'link', 'set', 'wan', 'mtu', '1300' if on else '1500')


def routed_containers(on):
    """A prefix of the tunnel for containers, without translation."""
    ip(f'addr {word(on)} {with_length(ROUTED_HOST, ROUTED_NET)} dev br0')
    ip(f'addr {word(on)} {with_length(ROUTED, ROUTED_NET)} dev eth0', 'ctr')
    ip(f'route {word(on)} {ROUTED_NET} dev wg', 'vps')


def lan_containers(on):
    ip(f'addr {word(on)} {with_length(LAN_ROUTED_HOST, LAN_ROUTED_NET)} dev br0')
    ip(f'addr {word(on)} {with_length(LAN_ROUTED, LAN_ROUTED_NET)} dev eth0', 'ctr')
    ip(f'route {word(on)} {LAN_ROUTED_NET} via {HOST_HOP} dev lan', 'home')


def hairpin(on):
    run('bridge', 'link', 'set', 'dev', 'c0', 'hairpin', 'on' if on else 'off')
    run('nft', f'table {NFT} hairpin {{ chain c {{ type nat hook postrouting priority srcnat; '
        f'{NFT} saddr {CONTAINER_NET} {NFT} daddr {CONTAINER_NET} masquerade; }}; }}' if on else
        f'delete table {NFT} hairpin')


def privacy_address(on):
    """A temporary address, as the kernel makes them: with lifetimes."""
    ip(f'addr add {PRIVACY}/64 dev eth0 valid_lft 600 preferred_lft 300 noprefixroute' if on else
       f'addr del {PRIVACY}/64 dev eth0')


def routes_the_lan(on):
    """The host is the LAN's router, and translates what goes into the tunnel."""
    ip(f'route replace default via {HOST_HOP if on else ROUTER} dev eth0', 'lan')
    run('nft', f'table {NFT} router {{ chain c {{ type nat hook postrouting priority srcnat; '
        f'{NFT} saddr {LAN_NET} oifname "wg*" masquerade; }}; }}' if on else
        f'delete table {NFT} router')


def foreign_marks(on):
    """A container engine that marks what it translates."""
    run('nft', f'table {NFT} marks {{ chain c {{ type filter hook prerouting priority -160; '
        'tcp dport 8080 ct mark set 0x99; }; }' if on else f'delete table {NFT} marks')


# ---- the table: what, case, lines, surroundings

# of both families
BREAKAGE = [
    ('a resolver on the LAN, by its address', works(host, 'udp', to=LAN_CLIENT, port=53), LOCAL,
     servers),
    ('a LAN with several prefixes',
     all_work(works(host, 'tcp', to=SECOND_CLIENT), works(host, 'udp', to=LAN_CLIENT)), LOCAL,
     second_prefix),
    ('a network behind a second router (static route)', works(host, 'tcp', to=BEHIND), LOCAL,
     second_router),
    ('packet too big, from us: the containers take less than the LAN',
     told_too_big('far', to=HOST['eth0'], port=8080, size=1400, source=FAR), REPLIES,
     small_containers),
    ('packet too big, from us: routed containers take less than the LAN',
     told_too_big('far', to=LAN_ROUTED, port=7, size=1400, source=FAR), REPLIES,
     small_containers, lan_containers, errors_by_inbound),
    ('packet too big, to us: behind the tunnel less fits than into it',
     told_too_big('host', to=FAR, port=9, size=1350), (75,), small_uplink),
    ('a container behind translation goes out by the tunnel',
     by('wg0', works(container, 'tcp', to=FAR)), (75,)),
    ('a container with a prefix of the tunnel goes out by it',
     by('wg0', works(container, 'tcp', to=FAR, source=ROUTED)), (75,), routed_containers),
    ('a container with a prefix of the tunnel is reached by it', works(far, 'tcp', to=ROUTED),
     (75, 50), routed_containers),
    ('hairpin: a container reaches a container by a port of the host',
     all_work(*(works(container, 'tcp', to=HOST[g], port=8080) for g in HOST)), None, hairpin),
    ("a container reaches the host by each gateway's address",
     all_work(*(works(container, 'tcp', to=HOST[g]) for g in HOST)), ('^' + CONTAINER_NET,)),
    ('a session to the LAN address from off-link', by('eth0', hold_and_talk), REPLIES),
    ('such a session from before the choice', session_from_before, REPLIES),
    ('a router host forwards LAN clients by the tunnel', works(lan, 'tcp', to=FAR), (75,),
     routes_the_lan),
]
BREAKAGE_IPV6 = [
    ('neighbours find us from odd addresses',
     works(lan, 'solicit', device='eth0', source=ODD, target=HOST['eth0']), NEIGHBOURS,
     odd_neighbour),
    ('neighbours look for duplicates (source ::)',
     works(lan, 'solicit', device='eth0', source='::', target=HOST['eth0']),
     NEIGHBOURS + NARROW),
    ('multicast listener reports (hop-by-hop, RFC 3810)', reports_membership, NARROW),
    ('router solicitations', seen_on_the_lan(133, host, 'solicit_router', device='eth0'),
     NEIGHBOURS + NARROW),
    ('DHCPv6: ff02::1:2, ports 546 and 547',
     works(host, 'ask', to='ff02::1:2%eth0', port=547, source='fe80::2%eth0 546'), NARROW, servers),
    ('DHCPv6: a renewal to the server itself',
     works(host, 'ask', to='fe80::1%eth0', port=547, source='fe80::2%eth0 546'), LINK_LOCAL,
     servers),
    ('mDNS', works(host, 'ask', to=MDNS + '%eth0', port=5353, source='fe80::2%eth0 5353'), NARROW,
     servers),
    ('a unique local network by router advertisement', works(host, 'tcp', to=THREAD), LOCAL,
     border_router),
    ('a privacy address is answered', works(far, 'tcp', to=PRIVACY, source=FAR), REPLIES,
     privacy_address),
]
BREAKAGE_IPV4 = [  # ARP passes no hook of the family
    ('group membership reports (IGMP version 3)', reports_membership, NARROW),
    ('DHCP: a question to everybody, ports 68 and 67',
     works(host, 'ask', to='255.255.255.255%eth0', port=67, source=HOST['eth0'] + ' 68'),
     BROADCAST + RENEWAL, servers),
    ('DHCP: a renewal to the server itself',
     works(host, 'ask', to=DHCP_SERVER, port=67, source=HOST['eth0'] + ' 68'), RENEWAL, servers),
    ('mDNS', works(host, 'ask', to=MDNS + '%eth0', port=5353, source=HOST['eth0'] + ' 5353'),
     NARROW, servers),
    # its control is the row of both families, with that switch on
    ("an error's source (documented limit): without icmp_errors_use_inbound_ifaddr nobody hears of it",
     lambda: not told_too_big('far', to=LAN_ROUTED, port=7, size=1400, source=FAR)(), None,
     small_containers, lan_containers),
]
FIRST_IPV4 = ('a container behind translation goes out by the tunnel',
              'a session to the LAN address from off-link',
              'a router host forwards LAN clients by the tunnel')


# ---- the runner

def nothing():
    return None


take_away = nothing


def remove(lines):
    for line in lines:
        if isinstance(line, int):
            delete_rules(line)
        elif isinstance(line, str):
            delete_route(net.index('wg0'), line)
        else:
            delete_line(*line)


def try_row(what, case, lines, *surroundings):
    global take_away
    named = ', '.join(': '.join(x) if isinstance(x, tuple) else str(x) for x in lines or ())
    try:
        for s in surroundings:
            s(True)
        net.reconcile('--outbound', 'auto')  # choosing again trusts the LAN as it is
        net.reconcile('--outbound', 'wg0')
        run('conntrack', '-F')
        tap.ok(case(), what)
        run('conntrack', '-F')
        if lines:
            take_away = lambda: remove(lines)
            if case is not session_from_before:
                take_away()
            tap.ok(not case(), f'{what}: not without {named}')
    except (RuntimeError, OSError, subprocess.SubprocessError) as e:
        tap.ok(False, what, repr(e))
    take_away = nothing
    for s in surroundings:
        s(False)
    net.reconcile()


# ---- rows of their own

def limit_of_foreign_marks():
    """Documented: an engine that marks inbound connections itself gets no answer by a gateway
    that is not selected; nothing leaves by a wrong one with a wrong source."""
    net.reconcile('--outbound', 'wg0')
    tap.ok(container_answers(), "without somebody else's mark a container is answered by eth0")
    foreign_marks(True)
    got = far.tcp(to=HOST['eth0'], port=8080, source=FAR)
    tap.ok(got == 'timeout', "with somebody else's mark it is not (documented limit)", got)
    foreign_marks(False)


def other_vpns(name, rules):
    """Their rules stay, and a run says that they do not decide."""
    for rule in rules:
        ip('rule add ' + rule)
    before = [r for r in run('ip', FLAG, 'rule').splitlines() if 'proto' not in r]
    p = subprocess.run([internet.LIBEXEC], capture_output=True, text=True, check=False, timeout=20)
    tap.ok(p.returncode == 0 and p.stderr.count('never decides') == len(rules),
           f'rules of {name}: each is reported', p.stderr)
    after = [r for r in run('ip', FLAG, 'rule').splitlines() if 'proto' not in r]
    got = by('wg0', works(host, 'tcp', to=FAR))()
    tap.ok(before == after and got, f'rules of {name}: left alone, and the choice holds', after)
    for rule in rules:
        ip('rule del ' + rule)


net.write_memory()
only = sys.argv[1:]
rows = BREAKAGE + (BREAKAGE_IPV4 if IPV4 else BREAKAGE_IPV6)
if IPV4 and not LONG and not only:
    print(f'# reduced: {len(FIRST_IPV4) + len(BREAKAGE_IPV4)} of {len(rows)} rows in IPv4 (SIXGATE_LONG=1: all)')
    rows = [r for r in BREAKAGE if r[0] in FIRST_IPV4] + BREAKAGE_IPV4
for row in rows:
    if not only or any(w in row[0] for w in only):
        try_row(*row)
if not only:
    limit_of_foreign_marks()
    other_vpns('a Tailscale-like VPN', ['pref 5210 fwmark 0x80000/0xff0000 lookup main',
                                        'pref 5230 fwmark 0x80000/0xff0000 lookup default',
                                        'pref 5250 fwmark 0x80000/0xff0000 unreachable',
                                        'pref 5270 lookup 52'])
    other_vpns('a wg-quick-like VPN', ['pref 32764 lookup main suppress_prefixlength 0',
                                       'pref 32765 not fwmark 0xca6d lookup 51821'])
tap.finish()
