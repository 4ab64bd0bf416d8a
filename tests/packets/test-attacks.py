# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of attacks: one row each.

A row is tried twice: as things are, nothing leaves by another gateway than the selected one;
without the lines that the row names, the same attack does leave and is counted. The second try
shows both that the lines are needed and that the counter counts. docs/security.md lists the rows.
SIXGATE_TEST_FAMILY=ipv4: the same in IPv4, where by default only the rows that differ run.
"""
import itertools
import os
import subprocess
import sys
import time

import faults
import internet
from family import (CLAIMS, CLIENT_HOP, FAR, FLAG, GLOBAL_GROUPS, HOST, INJECTED, INJECTED_NET, IPV4,
                    LAN_CLIENT, NEW, NEW_NET, NFT, RESOLVER, RESOLVER_HOST, ROUTER, alone, with_length)
from internet import ip, run, sysctl
from takeout import delete_line, delete_rules

internet.enter()
net = internet.Internet()
tap = internet.Tap()
agents = net.agents
host, far, lan, container = agents['host'], agents['far'], agents['lan'], agents['ctr']
nobody = internet.Agent(None)  # an ordinary process
if nobody.become(uid=65534) != 'ok' or nobody.craft(to=FAR, source=HOST['eth0'], port=1) != 'EPERM':
    raise RuntimeError('the ordinary process has rights')
LONG = os.environ.get('SIXGATE_LONG') == '1'
FLUSHES = 100 if LONG else 3 if IPV4 else 10
PORT = 7777  # of everything that must not leave; nobody listens there
ETH0_MARK = 1000 + net.index('eth0')
fresh_port = itertools.count(5555)  # a flow that conntrack has not seen

# What the guard says in the end: fast, and binding.
REFUSAL = (('choice', 'counter.* reject with tcp'), ('choice', 'counter.* reject with icmp'),
           ('choice_post', 'counter.* drop'))
ROUTING_HEADER = (('choice', '(exthdr )?rt '), ('choice_post', '(exthdr )?rt '))
SOURCE_ROUTE = (('choice', 'option lsrr'), ('choice_post', 'option lsrr'))


def expect(wanted, got):
    if got != wanted:
        raise RuntimeError(f'the surroundings do not stand: {got}, not {wanted}')


# ---- attacks: each calls take(), which forgets what was counted before and, in the second
# ---- try, takes the lines away

def at_once(*probes):
    """Probes without a history: (agent, command, keywords)."""
    def attack(take):
        take()
        for agent, command, keywords in probes:
            got = getattr(agent, command)(**keywords)
            if str(got).startswith('broken'):
                raise RuntimeError(got)
    return attack


def all_kinds(agent, **keywords):
    """The echo request is root's, who alone may make one."""
    short = {'to': FAR, 'timeout': 0.05, **keywords}
    return at_once((agent, 'tcp', {'port': PORT, **short}), (agent, 'udp', {'port': PORT, **short}),
                   (host, 'echo', short))


def crafted(*kinds, agent=None, upper='udp', source=HOST['eth0'], to=FAR):
    return at_once((agent or host, 'craft', {'to': to, 'source': source, 'port': PORT,
                                             'kinds': kinds, 'upper': upper}))


def mark_needs_rights(take):
    """The mark that would lead a packet out by eth0 is refused to an ordinary process; root gets
    it, and the guard refuses the packet."""
    expect('EPERM', nobody.marked(to=FAR, port=PORT, mark=ETH0_MARK))
    take()
    host.marked(to=FAR, port=PORT, mark=ETH0_MARK)


def advertised(prefix=None, route=None):
    """A real router advertisement, before anything of ours has run."""
    def attack(take):
        expect('ok', lan.advertise(device='eth0', prefix=prefix, route=route))
        net_of = (prefix or route).replace('::/64', ':') if prefix else route
        for _ in range(100):
            if net_of in run('ip', '-6', 'route', 'show', 'dev', 'eth0'):
                break
            time.sleep(0.01)
        else:
            raise RuntimeError('the advertisement did nothing')
        take()
        for agent in (nobody, container):
            agent.udp(to=INJECTED, port=PORT, timeout=0.05)
            agent.tcp(to=INJECTED, port=PORT, timeout=0.05)
    return attack


def leased(run_first):
    """DHCP names a route (RFC 3442), which NetworkManager puts into main."""
    def attack(take):
        claimed(True)
        if run_first:
            net.reconcile()
        take()
        for agent in (nobody, container):
            agent.udp(to=INJECTED, port=PORT, timeout=0.05)
            agent.tcp(to=INJECTED, port=PORT, timeout=0.05)
        claimed(False)
    return attack


def claims_resolver(run_first):
    """Unique local networks that the LAN claims are believed, but not this one."""
    def attack(take):
        lifetime = '' if IPV4 else 'expires 600'
        ip(f'route add {alone(RESOLVER)} via {CLIENT_HOP} dev eth0 proto {CLAIMS} {lifetime}')
        if run_first:
            net.reconcile()
        take()
        nobody.udp(to=RESOLVER, port=PORT, timeout=0.02)
        ip(f'route del {alone(RESOLVER)} via {CLIENT_HOP} dev eth0')
    return attack


def spoofed_reply(take):
    """A neighbour pretends that the far client wrote to the tunnel's address."""
    take()
    with open('/sys/class/net/eth0/address', encoding='ascii') as f:
        mac = f.read().strip()
    port = next(fresh_port)
    lan.forge(device='eth0', mac=mac, source=FAR, sport=PORT, to=HOST['wg0'], port=port)
    time.sleep(0.01)
    host.send(to=FAR, port=PORT, source='%s %d' % (HOST['wg0'], port))


def older_than_conntrack(take):
    """A connection from before the choice; conntrack has forgotten it; the far end speaks."""
    net.reconcile('--outbound', 'auto')
    expect('ok', host.hold(name='old', to=FAR, source=HOST['eth0']))
    net.reconcile('--outbound', 'wg0')
    run('conntrack', '-F')
    take()
    far.speak()
    host.drop(name='old')


def established(before, after):
    """Connections and flows from before another choice go on talking."""
    def attack(take):
        net.reconcile('--outbound', before)
        expect('ok', host.hold(name='flow', to=FAR, timeout=0.3))
        expect('ok', host.flow(name='flow', to=FAR, port=7))
        expect('ok', host.say(name='flow'))
        expect('ok', host.hear(name='flow'))
        net.reconcile('--outbound', after)
        take()
        host.talk(name='flow')
        host.say(name='flow')
        time.sleep(0.05)
        host.drop(name='flow')
    return attack


def gateway_goes(take):
    """wg1 goes while the container still serves a client that came in by it."""
    mark = 1000 + net.index('wg1')
    expect('ok', far.hold(name='late', to=HOST['wg1'], port=8080, source=FAR, timeout=2))
    ip('link set wg1 down')
    net.write_memory(gateways=('eth0', 'wg0'), marks=(mark,))
    net.reconcile()
    take()
    container.speak()
    time.sleep(0.02)
    far.drop(name='late')


def wg1_back():
    ip(f'link set wg1 up\n{net.addresses_of("wg1")}')
    if net.wireguard:
        net.wait_for_handshake('wg1')
    net.write_memory()


def conntrack_flushed(take):
    """Sockets bound to the LAN try on, clients by the LAN are served, and conntrack is emptied."""
    take()
    host.load(name='out', to=FAR, port=PORT, sources=(HOST['eth0'], None))
    far.load(name='in', to=HOST['eth0'], port=7)
    for _ in range(FLUSHES):
        run('conntrack', '-F')
        time.sleep(0.01)
    host.unload(name='out')
    far.unload(name='in')


def ruleset_reloaded(take):
    """As nftables.service does, and then the next run. What is not bound has the rules still."""
    engine = run('nft', 'list', 'table', NFT, 'engine')
    take()
    host.load(name='out', to=FAR, port=PORT)
    for _ in range(FLUSHES // 3):
        run('nft', '-f', '-', stdin='flush ruleset\n' + engine)
        time.sleep(0.02)
        net.reconcile()
        time.sleep(0.02)
    host.unload(name='out')


def after_a_flush(take):
    """What left while the ruleset was gone does not go on when it is back."""
    engine = run('nft', 'list', 'table', NFT, 'engine')
    expect('ok', host.flow(name='bound', to=FAR, port=7, source=HOST['eth0']))
    run('nft', '-f', '-', stdin='flush ruleset\n' + engine)
    host.say(name='bound')
    net.reconcile()
    take()
    host.say(name='bound')


# ---- surroundings: (on, off)

def rerouted(on):
    """Somebody else's chain sends marked packets another way after the first lookup."""
    rules = ('rule {0} pref 39 fwmark 0x42 lookup main\n'
             f'rule {{0}} pref 40 to {LAN_CLIENT} lookup {1000 + net.index("wg0")}')
    if on:
        run('nft', f'table {NFT} other {{ chain c {{ type route hook output priority -140; '
            f'udp dport {PORT} meta mark set 0x42; }}; }}')
    else:
        run('nft', f'delete table {NFT} other')
    ip(rules.format('add' if on else 'del'))


def untracked(on):
    if on:
        run('nft', f'table {NFT} other {{ chain o {{ type filter hook output priority raw; '
            f'th dport {PORT} notrack; }}; chain p {{ type filter hook prerouting priority raw; '
            f'th dport {PORT} notrack; }}; }}')
    else:
        run('nft', f'delete table {NFT} other')


def claimed(on):
    ip(f'route {"add" if on else "del"} {INJECTED_NET} via {ROUTER} dev eth0 proto {CLAIMS} metric 50')


def listens_to_routers(on):
    """eth0 takes prefixes and routes, as NetworkManager or the kernel would; and forgets them."""
    name = 'net.ipv6.conf.eth0.'
    if on:
        sysctl(None, name + 'accept_ra=2', name + 'accept_ra_defrtr=0',
               name + 'accept_ra_rt_info_max_plen=64')
        return
    sysctl(None, name + 'accept_ra=0')
    for line in run('ip', '-6', 'route', 'show', 'dev', 'eth0').splitlines():
        if 'expires' in line:
            ip('route del %s dev eth0' % line.split()[0])
    for line in run('ip', '-6', '-o', 'addr', 'show', 'dev', 'eth0', 'dynamic').splitlines():
        ip('addr del %s dev eth0' % line.split()[3])


def neighbour_answers(on):
    """Somebody on the LAN answers ARP for the far client: who is bound to a device and has no route
    takes everybody for a neighbour (net/ipv4/route.c, ip_route_output_key_hash_rcu)."""
    ip(f'addr {"add" if on else "del"} {alone(FAR)} dev eth0', 'lan')
    ip('neigh flush dev eth0')


def neighbour_claims(on):
    """Who advertised the prefix answers for every address in it."""
    ip(f'addr {"add" if on else "del"} {INJECTED}/128 dev eth0', 'lan')


def resolver_in_tunnel(on):
    ip(f'addr {"add" if on else "del"} {alone(RESOLVER)} dev wg', 'vps')
    ip(f'addr {"add" if on else "del"} {alone(RESOLVER_HOST)} dev wg0')


def fast_open_allowed(on):
    sysctl(None, 'net.ipv4.tcp_fastopen=%d' % (5 if on else 1))


# ---- the table: what, selection, attack, what counts, lines, surroundings

TO_FAR, TO_INJECTED, TO_PORT = {'to': FAR}, {'to': INJECTED}, {'port': PORT}
TO_ECHO, TO_RESOLVER = {'to': FAR, 'port': 7}, {'to': RESOLVER}
# of both families
ATTACKS = [
    ("a socket bound to the LAN's address", 'wg0', all_kinds(nobody, source=HOST['eth0']), TO_FAR,
     REFUSAL),
    ('SO_MARK by an ordinary process, and by root', 'wg0', mark_needs_rights, TO_FAR, REFUSAL),
    ("injected route to the tunnel's private network, before the next run", 'wg0',
     claims_resolver(False), TO_RESOLVER, REFUSAL, resolver_in_tunnel),
    ("injected route to the tunnel's private network, after it", 'wg0', claims_resolver(True),
     TO_RESOLVER, REFUSAL + (62,), resolver_in_tunnel),
    ('a spoofed packet makes our datagram a reply', 'wg0', spoofed_reply, TO_FAR,
     (('ingress', '.*'),)),
    ('a connection older than conntrack, the far end speaks', 'wg0', older_than_conntrack,
     TO_ECHO, (('mangle_prerouting', 'return'),)),
    ('conntrack -F under load', 'wg0', conntrack_flushed, TO_PORT, REFUSAL),
    ('established flows: auto, then the tunnel', 'wg0', established('auto', 'wg0'), TO_FAR,
     REFUSAL),
    ('established flows: one tunnel, then the other', 'wg1', established('wg0', 'wg1'), TO_FAR,
     REFUSAL),
    ('established flows: a tunnel, then one that is gone', 'gone', established('wg0', 'wg9'),
     TO_FAR, REFUSAL),
    ('replies of a gateway that went', 'wg0', gateway_goes, TO_FAR,
     (('guard_post', '@gateway_marks'),)),
    ("somebody else's route chain", 'wg0',
     at_once((nobody, 'udp', {'to': FAR, 'port': PORT, 'timeout': 0.02})), TO_PORT,
     REFUSAL[-1:], rerouted),
    ('global multicast', 'wg0',
     at_once(*((nobody, 'multicast', {'to': g, 'port': PORT, 'device': 'eth0'})
               for g in GLOBAL_GROUPS)), TO_PORT, REFUSAL),
    ('fragments', 'wg0', crafted('fragment'), TO_FAR, REFUSAL),
    ('fragments of a container', 'gone',
     crafted('fragment', agent=container, source=internet.CONTAINER, to=INJECTED), TO_INJECTED,
     REFUSAL, claimed),
    ('TCP Fast Open, bound to the LAN', 'wg0',
     at_once((nobody, 'fast_open', {'to': FAR, 'port': PORT, 'source': HOST['eth0']})), TO_FAR,
     REFUSAL, fast_open_allowed),
    ('untracked packets (notrack)', 'wg0', all_kinds(host, source=HOST['eth0']), TO_FAR, REFUSAL,
     untracked),
    ('untracked packets of a container', 'gone',
     at_once((container, 'udp', {'to': INJECTED, 'port': PORT, 'timeout': 0.02})), TO_INJECTED,
     REFUSAL, untracked, claimed),
    ('invalid packets: a reset without a connection', 'wg0', crafted(upper='rst'), TO_FAR, REFUSAL),
    ('packets in the middle of no connection', 'wg0', crafted(upper='ack'), TO_FAR, REFUSAL),
    ('nftables flushed and reloaded under load', 'wg0', ruleset_reloaded, TO_FAR, (75, 76)),
    ('what left while nftables was flushed goes on', 'wg0', after_a_flush, TO_ECHO, REFUSAL),
]
ATTACKS_IPV6 = [
    ('source retry: the selected gateway is gone', 'gone', all_kinds(nobody), TO_FAR, REFUSAL),
    ('source retry: it has no address', 'incapable', all_kinds(nobody), TO_FAR, REFUSAL),
    ('source retry: its table is empty', 'flushed', all_kinds(nobody), TO_FAR, REFUSAL),
    ('SO_BINDTODEVICE by an ordinary process', 'wg0', all_kinds(host, device='eth0'), TO_FAR,
     REFUSAL),
    ('IPV6_PKTINFO: a source', 'wg0',
     at_once((nobody, 'pktinfo', {'to': FAR, 'port': PORT, 'source': HOST['eth0']})), TO_FAR,
     REFUSAL),
    ('IPV6_PKTINFO: an interface', 'wg0',
     at_once((nobody, 'pktinfo', {'to': FAR, 'port': PORT, 'device': 'eth0'})), TO_FAR, REFUSAL),
    ('IPV6_UNICAST_IF', 'gone',
     at_once((nobody, 'unicast_if', {'to': FAR, 'port': PORT, 'device': 'eth0'})), TO_FAR, REFUSAL),
    ('injected route, long (RIO), before the next run', 'wg0',
     advertised(route=INJECTED_NET), TO_INJECTED, REFUSAL, listens_to_routers),
    ('injected route, long, the selected gateway gone', 'gone',
     advertised(route=INJECTED_NET), TO_INJECTED, REFUSAL, listens_to_routers),
    ('injected route, short (RIO)', 'gone', advertised(route='2000::/3'), TO_INJECTED, REFUSAL,
     listens_to_routers),
    ('injected prefix (PIO, A=1) after the choice', 'wg0', advertised(prefix=INJECTED_NET),
     TO_INJECTED, REFUSAL, listens_to_routers, neighbour_claims),
    ('a routing header, by datagram', 'wg0',
     at_once((nobody, 'routed', {'kind': 'DGRAM', 'via': LAN_CLIENT, 'final': FAR, 'port': PORT})),
     TO_PORT, ROUTING_HEADER),
    ('a routing header, by TCP', 'wg0',
     at_once((nobody, 'routed', {'kind': 'STREAM', 'via': LAN_CLIENT, 'final': FAR,
                                 'port': PORT})), TO_PORT, ROUTING_HEADER),
    ('a fragment of one piece', 'wg0', crafted('atomic'), TO_FAR, REFUSAL),
    ('hop-by-hop options', 'wg0', crafted('hop-by-hop'), TO_FAR, REFUSAL),
    ('destination options', 'wg0', crafted('destination'), TO_FAR, REFUSAL),
    ('options before and in fragments', 'wg0', crafted('hop-by-hop', 'fragment', 'destination'),
     TO_FAR, REFUSAL),
    ('options and fragments of a container', 'gone',
     crafted('destination', 'fragment', agent=container, source=internet.CONTAINER, to=INJECTED),
     TO_INJECTED, REFUSAL, claimed),
    ('TCP Fast Open, the selected gateway gone', 'gone',
     at_once((nobody, 'fast_open', {'to': FAR, 'port': PORT})), TO_FAR, REFUSAL,
     fast_open_allowed),
]
ATTACKS_IPV4 = [  # there is no source retry
    ('SO_BINDTODEVICE by an ordinary process', 'wg0', all_kinds(host, device='eth0'), TO_FAR,
     REFUSAL, neighbour_answers),
    ('IP_PKTINFO: a source', 'wg0',
     at_once((nobody, 'pktinfo', {'to': FAR, 'port': PORT, 'source': HOST['eth0']})), TO_FAR,
     REFUSAL),
    ('IP_PKTINFO: an interface', 'wg0',
     at_once((nobody, 'pktinfo', {'to': FAR, 'port': PORT, 'device': 'eth0'})), TO_FAR, REFUSAL,
     neighbour_answers),
    ('IP_UNICAST_IF', 'gone',
     at_once((nobody, 'unicast_if', {'to': FAR, 'port': PORT, 'device': 'eth0'})), TO_FAR, REFUSAL,
     neighbour_answers),
    ('a route by DHCP, before the next run', 'wg0', leased(False), TO_INJECTED, REFUSAL),
    ('a route by DHCP, after it', 'wg0', leased(True), TO_INJECTED, REFUSAL + (62,)),
    ('a route by DHCP, the selected gateway gone', 'gone', leased(True), TO_INJECTED, REFUSAL),
    ('a source route, by datagram', 'wg0',
     at_once((host, 'routed', {'kind': 'DGRAM', 'via': LAN_CLIENT, 'final': FAR, 'port': PORT})),
     TO_PORT, SOURCE_ROUTE),
    ('a source route, by TCP', 'wg0',
     at_once((host, 'routed', {'kind': 'STREAM', 'via': LAN_CLIENT, 'final': FAR,
                                 'port': PORT})), TO_PORT, SOURCE_ROUTE),
]
FIRST_IPV4 = (
    "a socket bound to the LAN's address", 'SO_MARK by an ordinary process, and by root',
    'a spoofed packet makes our datagram a reply', 'conntrack -F under load',
    'established flows: auto, then the tunnel', 'global multicast')


# ---- the runner

def outcome(selection, attack, flow, lines, surroundings):
    """What left by gateways that are not the selected one."""
    def take():
        for line in lines:
            if isinstance(line, int):
                delete_rules(line)
            else:
                delete_line(*line)
        net.watch()
    for s in surroundings:
        s(True)
    try:
        net.select(selection)
        attack(take)
        left = net.watch(**flow)
    finally:
        for s in surroundings:
            s(False)
    # The replies of a gateway that went must not leave by the selected one either.
    selected = None if attack is gateway_goes else \
        {'flushed': 'wg0', 'incapable': 'wg1'}.get(selection, selection)
    if attack is gateway_goes:
        wg1_back()
    return {g: n for g, n in left.items() if n and g != selected}


def try_row(what, selection, attack, flow, lines, *surroundings):
    named = ', '.join(str(x) if isinstance(x, int) else ': '.join(x) for x in lines)
    name = f'{what} [{selection}]'
    try:
        kept = outcome(selection, attack, flow, (), surroundings)
        tap.ok(not kept, f'{name}: nothing leaves by another gateway', kept)
        leaked = outcome(selection, attack, flow, lines, surroundings)
        tap.ok(leaked, f'{name}: without {named} it does', leaked)
    except (RuntimeError, OSError, subprocess.SubprocessError) as e:
        tap.ok(False, name, repr(e))
    net.reconcile()


# ---- rows with a counter or a history of their own

NEW_ATTEMPTS = ((host, FAR, {'device': 'new0'}), (host, FAR, {'source': NEW}),
                (host, INJECTED, {}), (container, INJECTED, {}))


def new_link():
    """An interface with an address, and what somebody there claims: the best default and a route."""
    host.tun(device='new0')
    ip(f'link set new0 up\naddr add {with_length(NEW, NEW_NET)} dev new0\n'
       f'route add default dev new0 proto {CLAIMS} metric 1\n'
       f'route add {INJECTED_NET} dev new0 proto {CLAIMS} metric 1')


def left_by_new(lines=()):
    """How many of our attempts leave by it, without those lines."""
    for line in lines:
        delete_line(*line)
    host.packets(device='new0')
    for who, to, options in NEW_ATTEMPTS:
        who.udp(to=to, port=PORT, timeout=0.02, **options)
        who.tcp(to=to, port=PORT, timeout=0.02, **options)
    return len([p for p in host.packets(device='new0') if p[4] == PORT])


def new_interface():
    """One that nothing of ours has seen: the guard knows what is no gateway, not what is one."""
    net.select('wg0')
    new_link()
    left = left_by_new(), left_by_new(REFUSAL)
    ip('link del new0')
    net.reconcile()
    tap.ok(left[0] == 0, 'a new interface, before anything of ours has run: nothing leaves by it',
           left)
    tap.ok(left[1] > 0, 'a new interface, before anything of ours has run: without choice: reject, '
           'choice_post: drop it does', left)


def new_gateway(on):
    """NetworkManager says that it is one; the run for it is what hangs."""
    if on:
        new_link()
        net.write_memory(gateways=(*HOST, 'new0'))
    else:
        ip('link del new0')
        net.write_memory()
        net.reconcile()


def hanging_dispatcher():
    """The run for a new gateway stands still: with its first question, and with each of its writes.
    Nothing of ours can run meanwhile, for it holds the lock."""
    if not faults.possible():
        tap.skip('a new interface, our dispatcher hanging', 'no strace')
        return
    net.select('wg0')
    new_gateway(True)
    writes = faults.writes_of()
    new_gateway(False)
    left, without = {}, {}
    for number in (1, *writes):
        new_gateway(True)
        with faults.Hanging(number):
            left[number], without[number] = left_by_new(), left_by_new(REFUSAL)
        new_gateway(False)
    tap.ok(writes and not any(left.values()), 'a new interface, our dispatcher hanging before it has '
           f'looked and at each of {len(writes)} writes: nothing leaves by it', left)
    tap.ok(all(without.values()), 'a new interface, our dispatcher hanging: without choice: reject, '
           'choice_post: drop it does', without)


def reboot():
    """The kernel is empty, the choice is in /var/lib, /run is new, the LAN is up already."""
    net.select('wg0')
    left = []
    for words in ((), ('--boot',)):
        for line in run('ip', FLAG, 'rule', 'show').splitlines():
            if int(line.split(':')[0]) not in (0, 32766, 32767):
                ip('rule del pref ' + line.replace(':', '', 1))
        for gateway in HOST:
            ip(f'route flush table {1000 + net.index(gateway)}')
        run('nft', 'delete', 'table', NFT, 'startos', check=False)
        if os.path.exists('/run/sixgate/memory'):
            os.remove('/run/sixgate/memory')
        if words:
            net.reconcile(*words)
        net.watch()
        for options in ({}, {'source': HOST['eth0']}, {'device': 'eth0'}):
            for kind in ('tcp', 'udp', 'echo'):
                getattr(host, kind)(to=FAR, timeout=0.02, **options)
        container.udp(to=FAR, port=PORT, timeout=0.02)
        left.append(net.watch(to=FAR))
    tap.ok(sum(left[1].values()) == 0, 'a reboot: after --boot on an empty kernel nothing leaves',
           left[1])
    tap.ok(left[0]['eth0'] > 0, 'a reboot: without --boot it does', left[0])
    net.write_memory()
    net.reconcile()
    got = host.tcp(to=FAR)
    tap.ok(got == 'ok', 'a reboot: the first run after it brings the tunnel back', got)


net.write_memory()
only = sys.argv[1:]
rows = ATTACKS + (ATTACKS_IPV4 if IPV4 else ATTACKS_IPV6)
if IPV4 and not LONG and not only:
    print(f'# reduced: {len(FIRST_IPV4) + len(ATTACKS_IPV4)} of {len(rows)} rows in IPv4 (SIXGATE_LONG=1: all)')
    rows = [r for r in ATTACKS if r[0] in FIRST_IPV4] + ATTACKS_IPV4
for row in rows:
    if not only or any(word in row[0] for word in only):
        try_row(*row)
for special in (new_interface, hanging_dispatcher, reboot):
    if not only or special.__name__ in only:
        special()
print(f'# {"sized" if LONG else "reduced"}: {FLUSHES} flushes of conntrack under load, '
      f'{FLUSHES // 3} of nftables' + ('' if LONG else ' (SIXGATE_LONG=1: 100 and 33)'))
tap.finish()
