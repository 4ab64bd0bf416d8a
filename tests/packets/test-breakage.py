# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of what must go on working while a tunnel is selected: one row each.

A row that a line of ours lets pass names it: without it the same case fails, which shows that the
case can. The others are given a control of their own. docs/security.md lists the rows.
"""
import subprocess
import sys
import time

import internet
from internet import FAR, HOST, LAN_CLIENT, ip, run
from takeout import delete_line, delete_route, delete_rules

internet.enter()
net = internet.Internet()
tap = internet.Tap()
agents = net.agents
host, far, lan, container, home = (agents[n] for n in ('host', 'far', 'lan', 'ctr', 'home'))
ODD = '2001:db8:dead::c'         # a neighbour's address of a network that nobody announced
SECOND = '2001:db8:1:5::'        # another prefix of the LAN
BEHIND, ROUTED = '2001:db8:1:6::1', '2001:db8:a:c::2'
THREAD = 'fd00:7::1'
LAN_ROUTED = '2001:db8:1:7::2'   # a container's, of a prefix that the LAN's router gave us
PRIVACY = '2001:db8:1::abcd'

NEIGHBOURS = (('guard_output', 'hoplimit 255'), ('guard_post', 'hoplimit 255'))
NARROW = (('choice', 'ff0'), ('choice_post', 'ff0'))
LINK_LOCAL = (('choice', 'daddr fe80'), ('choice_post', 'daddr fe80'))
LOCAL = (('choice', '@local_prefixes'), ('choice_post', '@local_prefixes'))
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
    """The link's other end sees a packet of that ICMPv6 type."""
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


groups = iter(range(1, 100))


def reports_membership():
    """A new group each time: what is joined already is not reported again."""
    return seen_on_the_lan(143, host, 'join', group='ff05::%x' % next(groups), device='eth0')()


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


def nothing_trusted(on):
    with open('/etc/sixgate/sixgate.conf', 'w', encoding='utf-8') as f:
        f.write('[sixgate]\nLocalPrefixes=ula\n' if on else '')


def odd_neighbour(on):
    ip(f'addr {word(on)} {ODD}/64 dev eth0', 'lan')


def second_prefix(on):
    ip(f'addr {word(on)} {SECOND}2/64 dev eth0')
    ip(f'addr {word(on)} {SECOND}c/64 dev eth0', 'lan')


def second_router(on):
    ip(f'addr {word(on)} {BEHIND}/128 dev lo', 'lan')
    ip(f'route {word(on)} 2001:db8:1:6::/64 via fe80::c dev eth0 proto static')


def border_router(on):
    ip(f'addr {word(on)} {THREAD}/128 dev lo', 'lan')
    ip(f'route {word(on)} fd00:7::/64 via fe80::c dev eth0 proto ra expires 600' if on else
       'route del fd00:7::/64 via fe80::c dev eth0')


def servers(on):
    """What a LAN has: a resolver, a DHCPv6 server and an mDNS responder."""
    if on and not serving:
        serving.append(True)
        lan.serve(port=53)
        home.serve(port=547)
        lan.serve(port=5353)
        expect('ok', home.join(group='ff02::1:2', device='lan'))
        expect('ok', lan.join(group='ff02::fb', device='eth0'))


serving = []


def small_containers(on):
    """The containers' bridge takes less than the LAN does."""
    ip(f'link set br0 mtu {1300 if on else 1500}\nlink set c0 mtu {1300 if on else 1500}')


def small_uplink(on):
    """Behind the tunnel's server."""
    run('ip', '-n', 'vps', 'link', 'set', 'wan', 'mtu', '1300' if on else '1500')
    if not on:
        ip('route flush cache')


def routed_containers(on):
    """A prefix of the tunnel for containers, without translation."""
    ip(f'addr {word(on)} 2001:db8:a:c::1/64 dev br0')
    ip(f'addr {word(on)} {ROUTED}/64 dev eth0', 'ctr')
    ip(f'route {word(on)} 2001:db8:a:c::/64 dev wg', 'vps')


def lan_containers(on):
    ip(f'addr {word(on)} 2001:db8:1:7::1/64 dev br0')
    ip(f'addr {word(on)} {LAN_ROUTED}/64 dev eth0', 'ctr')
    ip(f'route {word(on)} 2001:db8:1:7::/64 via fe80::2 dev lan', 'home')


def hairpin(on):
    run('bridge', 'link', 'set', 'dev', 'c0', 'hairpin', 'on' if on else 'off')
    run('nft', 'table ip6 hairpin { chain c { type nat hook postrouting priority srcnat; '
        'ip6 saddr fd00:c::/64 ip6 daddr fd00:c::/64 masquerade; }; }' if on else
        'delete table ip6 hairpin')


def privacy_address(on):
    """A temporary address, as the kernel makes them: with lifetimes."""
    ip(f'addr add {PRIVACY}/64 dev eth0 valid_lft 600 preferred_lft 300 noprefixroute' if on else
       f'addr del {PRIVACY}/64 dev eth0')


def routes_the_lan(on):
    """The host is the LAN's router, and translates what goes into the tunnel."""
    ip(f'route replace default via fe80::{2 if on else 1} dev eth0', 'lan')
    run('nft', 'table ip6 router { chain c { type nat hook postrouting priority srcnat; '
        'ip6 saddr 2001:db8:1::/64 oifname "wg*" masquerade; }; }' if on else
        'delete table ip6 router')


def foreign_marks(on):
    """A container engine that marks what it translates."""
    run('nft', 'table ip6 marks { chain c { type filter hook prerouting priority -160; '
        'tcp dport 8080 ct mark set 0x99; }; }' if on else 'delete table ip6 marks')


# ---- the table: what, case, lines, surroundings

BREAKAGE = [
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
    ('mDNS', works(host, 'ask', to='ff02::fb%eth0', port=5353, source='fe80::2%eth0 5353'), NARROW,
     servers),
    ('a resolver on the LAN, by its address', works(host, 'udp', to=LAN_CLIENT, port=53), LOCAL,
     servers),
    ('a LAN with several prefixes',
     all_work(works(host, 'tcp', to=SECOND + 'c'), works(host, 'udp', to=LAN_CLIENT)), LOCAL,
     second_prefix),
    ('a network behind a second router (static route)', works(host, 'tcp', to=BEHIND), LOCAL,
     second_router),
    ('a unique local network by router advertisement', works(host, 'tcp', to=THREAD), LOCAL,
     border_router),
    ('packet too big, from us: the containers take less than the LAN',
     works(far, 'too_big', to=HOST['eth0'], port=8080, size=1400, source=FAR), (60,),
     small_containers),
    ('packet too big, from us: routed containers take less than the LAN',
     works(far, 'too_big', to=LAN_ROUTED, port=7, size=1400, source=FAR), REPLIES,
     small_containers, lan_containers),
    ('packet too big, to us: behind the tunnel less fits than into it',
     works(host, 'too_big', to=FAR, port=9, size=1350), (75,), small_uplink),
    ('a container behind translation goes out by the tunnel',
     by('wg0', works(container, 'tcp', to=FAR)), (75,)),
    ('a container with a prefix of the tunnel goes out by it',
     by('wg0', works(container, 'tcp', to=FAR, source=ROUTED)), (75,), routed_containers),
    ('a container with a prefix of the tunnel is reached by it', works(far, 'tcp', to=ROUTED),
     (75, 50), routed_containers),
    ('hairpin: a container reaches a container by a port of the host',
     all_work(*(works(container, 'tcp', to=HOST[g], port=8080) for g in HOST)), None, hairpin),
    ("a container reaches the host by each gateway's address",
     all_work(*(works(container, 'tcp', to=HOST[g]) for g in HOST)), ('^fd00:c::/64',)),
    ('a session to the LAN address from off-link', by('eth0', hold_and_talk), REPLIES),
    ('such a session from before the choice', session_from_before, REPLIES),
    ('a privacy address is answered', works(far, 'tcp', to=PRIVACY, source=FAR), REPLIES,
     privacy_address),
    ('a router host forwards LAN clients by the tunnel', works(lan, 'tcp', to=FAR), (75,),
     routes_the_lan),
]


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
    tap.ok(container_answers(), "a container is answered by eth0 without somebody's mark")
    foreign_marks(True)
    got = far.tcp(to=HOST['eth0'], port=8080, source=FAR)
    tap.ok(got == 'timeout', "with somebody else's mark it is not (documented limit)", got)
    foreign_marks(False)


def other_vpns(name, rules):
    """Their rules stay, and a run says that they do not decide."""
    for rule in rules:
        ip('rule add ' + rule)
    before = [r for r in run('ip', '-6', 'rule').splitlines() if 'proto' not in r]
    p = subprocess.run([internet.LIBEXEC], capture_output=True, text=True, check=False, timeout=20)
    tap.ok(p.returncode == 0 and p.stderr.count('never decides') == len(rules),
           f'rules of {name}: each is reported', p.stderr)
    after = [r for r in run('ip', '-6', 'rule').splitlines() if 'proto' not in r]
    got = by('wg0', works(host, 'tcp', to=FAR))()
    tap.ok(before == after and got, f'rules of {name}: left alone, and the choice holds', after)
    for rule in rules:
        ip('rule del ' + rule)


net.write_memory()
only = sys.argv[1:]
for row in BREAKAGE:
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
