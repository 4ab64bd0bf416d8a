# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every line of ours is needed: take it away, and the case that it is there for breaks.

Read the table LINES as: what the kernel holds, under which selection, and the case that fails
without it. Each case is seen to hold, the line is removed, the case is seen to fail, the next
run puts the line back, and the case holds again. A line of ours that no row knows is a failure.
SIXGATE_TEST_FAMILY=ipv4: the same in IPv4, where by default only the lines that it has alone are tried.
"""
import itertools
import os
import re
import sys
import time

import internet
from family import (
    BRIDGE, CLAIM_AROUND, CLAIMS, CONTAINER_NET, EVERYBODY, FAR, FLAG, HOST, HOST_HOP, INJECTED,
    INJECTED_NET, IPV4, LAN_CLIENT, LINK_LOCAL, LOOPBACK, NEW_CONTAINER, NEW_BRIDGE,
    NEW_BRIDGE_NET, NFT, ROUTER, SERVICE, SHORT, TRANSFERS, TUN_DEVICE, TUN_HOST, TUN_NET,
    with_length)
from internet import ip, run, sysctl
from takeout import delete_line, delete_route, delete_rules, lines

internet.enter()
net = internet.Internet()
tap = internet.Tap()
agents = net.agents
host, far, lan, container = agents['host'], agents['far'], agents['lan'], agents['ctr']
fresh_port = itertools.count(5555)  # a flow that conntrack has not seen
# What gets past the routing: IPv4 does not look for another source by itself.
LEAKING = {'source': HOST['eth0']} if IPV4 else {}
TUN = 'wg-sixgate'  # the tunnel role's own interface: known not to be a gateway
host.tun(device=TUN)
ip(f'link set {TUN} up\naddr add {with_length(TUN_HOST, TUN_NET)} dev {TUN}')
ip(f'route add {TUN_NET} via {HOST_HOP} dev eth0', 'lan')


if IPV4:
    sysctl(None, 'net.ipv4.conf.br0.rp_filter=0')  # a container on two bridges answers by the first


def expect(wanted, got):
    if got != wanted:
        raise RuntimeError(f'the surroundings do not stand: {got}')


# ---- the cases: True when the promise holds

def reaches(to, kind='tcp', **options):
    return lambda: getattr(host, kind)(to=to, **options) == 'ok'


def tunnel_finds_its_way():
    """The tunnel's own packets as a new flow, with nothing remembered about their way."""
    run('conntrack', '-F')
    net.forget_path('wg0')
    return out_by('wg0')()


def answered(client, to, **options):
    return lambda: client.tcp(to=to, **options) == 'ok'


def out_by(gateway, to=FAR):
    def case():
        net.watch()
        return host.tcp(to=to) == 'ok' and net.watch(to=to)[gateway] > 0
    return case


def told(who, to, **options):
    """The caller gets an error at once, not silence."""
    return lambda: who.tcp(to=to, timeout=0.5, **options) not in ('timeout', 'ok')


def refused_at_once():
    return host.tcp(to=FAR, timeout=0.5, **LEAKING) == 'ECONNREFUSED'


def told_who_sends():
    return container.udp(to=INJECTED, errors=True, timeout=0.3) not in ('timeout', 'ok')


def told_of_routing_header():
    return host.udp(to=LAN_CLIENT, rthdr=FAR, port=1, timeout=0.2) not in ('timeout', 'ok')


def no_route_for_unbound_source():
    return host.choose(to=FAR, source=BRIDGE) == 'ENETUNREACH'


def service_goes_out():
    net.watch()
    return host.tcp(to=FAR, source=SERVICE) == 'ok' and net.watch(to=FAR)['wg1'] > 0


def no_route_for_service():
    return host.choose(to=FAR, source=SERVICE) == 'ENETUNREACH'


def shouted(to):
    """A datagram to everybody near leaves by eth0."""
    def case():
        net.watch()
        return host.shout(to=to, port=9, device='eth0') == 'ok' and net.watch(to=to)['eth0'] == 1
    return case


def renews_lease():
    """At a DHCP server behind a relay."""
    net.watch()
    host.send(to=FAR, port=67, source=f'{HOST["eth0"]} 68')
    return net.watch(to=FAR, port=67)['eth0'] == 1


def told_of_source_route(option):
    return lambda: host.routed(kind='DGRAM', via=LAN_CLIENT, final=FAR, port=7777,
                               option=option, errors=True) not in ('timeout', 'ok')


def source_route_stays(option):
    return nothing_by('eth0', lambda: host.routed(kind='DGRAM', via=LAN_CLIENT, final=FAR, port=7777,
                                                  option=option), port=7777)


def nothing_by(gateway, action, **flow):
    def case():
        net.watch()
        action()
        return net.watch(**flow)[gateway] == 0
    return case


def spoofed_reply():
    """A neighbour pretends that the far client wrote to the tunnel's address."""
    with open('/sys/class/net/eth0/address', encoding='ascii') as f:
        mac = f.read().strip()
    port = next(fresh_port)
    lan.forge(device='eth0', mac=mac, source=FAR, sport=7777, to=HOST['wg0'], port=port)
    time.sleep(0.01)
    host.send(to=FAR, port=7777, source='%s %d' % (HOST['wg0'], port))


def older_than_conntrack():
    """A connection from before the choice; conntrack has forgotten it; the far end speaks."""
    net.reconcile('--outbound', 'auto')
    expect('ok', host.hold(name='old', to=FAR, source=HOST['eth0']))
    net.reconcile('--outbound', 'wg0')
    run('conntrack', '-F')


def far_end_speaks():
    older_than_conntrack()
    take_away()
    net.watch()
    far.speak()
    left = net.watch(to=FAR, port=7)
    host.drop(name='old')
    return left['eth0'] == 0


def to_tunnel(source):
    def case():
        host.packets(device=TUN)
        source.send(to=TUN_DEVICE, port=9)
        return len(host.packets(device=TUN)) == 1
    return case


def own_link(kind):
    """A bridge (or a plain pair) that appeared after the last run: containers come and go."""
    if kind == 'bridge':
        ip('link add new type bridge\nlink set new up\nlink add p8 type veth peer name eth8 netns '
           'ctr\nlink set p8 master new up')
    else:
        ip('link add new type veth peer name eth8 netns ctr\nlink set new up')
    ip(f'addr add {with_length(NEW_BRIDGE, NEW_BRIDGE_NET)} dev new')
    ip(f'link set eth8 up\naddr add {with_length(NEW_CONTAINER, NEW_BRIDGE_NET)} dev eth8', 'ctr')
    ip(f'route replace {NEW_BRIDGE_NET} via {HOST_HOP} dev eth0', 'lan')
    # The kernel tells of a carrier up to a second late (net/core/link_watch.c).
    for _ in range(150):
        if all('state UP' in run('ip', *ns, 'link', 'show', d)
               for ns, d in (((), 'new'), (('-n', 'ctr'), 'eth8'))):
            return
        time.sleep(0.02)
    raise RuntimeError('the new link does not come up')


def remove_link():
    ip('link del new')
    run('ip', 'link', 'del', 'p8', check=False)


def reaches_new(client, kind):
    def case():
        own_link(kind)
        take_away()
        got = client.tcp(to=NEW_CONTAINER, timeout=1)
        remove_link()
        return got == 'ok'
    return case


def neighbour_asks():
    """A neighbour looks up our address again, from an address that is not trusted as local."""
    run('ip', '-n', 'lan', '-6', 'neigh', 'flush', 'dev', 'eth0')
    return lan.echo(to=HOST['eth0'], source=LAN_CLIENT) == 'ok'


def gateway_goes():
    """wg1 goes while the container still serves a client that came in by it."""
    mark = 1000 + net.index('wg1')
    expect('ok', far.hold(name='late', to=HOST['wg1'], port=8080, source=FAR, timeout=2))
    ip('link set wg1 down')
    net.write_memory(gateways=('eth0', 'wg0'), marks=(mark,))
    net.reconcile()
    take_away()
    net.watch()
    container.speak()
    left = net.watch()
    far.drop(name='late')
    ip(f'link set wg1 up\n{net.addresses_of("wg1")}')
    if net.wireguard:
        net.wait_for_handshake('wg1')
    net.write_memory()
    net.reconcile()
    return left['wg0'] == 0


def bound_when_default_goes():
    """The link's own default is gone (as when a link goes down), the blackhole stays."""
    delete_route(net.index('wg0'), '^default')
    return nothing_by('eth0', lambda: host.send(to=FAR, port=9, source=HOST['wg0']), to=FAR,
                      port=9)()


# ---- surroundings that some cases need: (on, off)

def other_marks(on):
    """Somebody else marks inbound connections."""
    if on:
        run('nft', f'table {NFT} other {{ chain c {{ type filter hook prerouting priority -160; '
            'iifname "eth0" tcp dport 7 ct mark set 0x99; }; }')
    else:
        run('nft', f'delete table {NFT} other')


def rerouted(on):
    """Somebody else's chain sends marked packets another way after the first lookup."""
    # Without a next hop, which a strict source route does not take.
    rules = ('route {0} default dev wg0 table 77\nrule {0} pref 39 fwmark 0x42 lookup main\n'
             f'rule {{0}} pref 40 to {LAN_CLIENT} lookup 77')
    if on:
        run('nft', f'table {NFT} other {{ chain c {{ type route hook output priority -140; '
            'udp dport 7777 meta mark set 0x42; }; }')
    else:
        run('nft', f'delete table {NFT} other')
    ip(rules.format('add' if on else 'del'))


def full_tunnel(on):
    """What NetworkManager makes for a profile with ::/0."""
    word = 'add' if on else 'del'
    ip(f'route {word} default dev wg0 table 51820\n'
       f'rule {word} pref 31489 not fwmark 0xca6c lookup 51820')


def only_default_table(on):
    """main has no default, table default has; another VPN stands before the kernel's rules."""
    ip(f'route {"del" if on else "add"} default via {ROUTER} dev eth0 proto {CLAIMS} metric 100\n'
       f'route {"add" if on else "del"} default dev wg1 table 51820\n'
       f'route {"add" if on else "del"} default dev wg0 table default metric 9\n'
       f'rule {"add" if on else "del"} pref 31489 lookup 51820\n'
       f'route {"add" if on else "del"} {TRANSFERS} via {ROUTER} dev eth0\n')


def claimed(on):
    ip(f'route {"add" if on else "del"} {INJECTED_NET} via {ROUTER} dev eth0 proto {CLAIMS} metric 50')


def claimed_around(on):
    """The LAN's own network is part of what a router advertisement claims."""
    ip(f'route {"add" if on else "del"} {CLAIM_AROUND} via {ROUTER} dev eth0 proto {CLAIMS} metric 50')


def service(on):
    net.override(on)


def service_of_nobody(on):
    net.override(on, gateway='wg9')


def nothing_trusted(on):
    with open('/etc/sixgate/sixgate.conf', 'w', encoding='utf-8') as f:
        f.write('[sixgate]\nLocalPrefixes=ula\n' if on else '')


# ---- the table

def send_marked(to=FAR, rthdr=None):
    return lambda: host.udp(to=to, port=7777, rthdr=rthdr, timeout=0.05)


wg0_to_container = answered(far, HOST['wg0'], port=8080, source=FAR)
eth0_to_container = answered(far, HOST['eth0'], port=8080, source=FAR)
eth0_to_host = answered(far, HOST['eth0'], source=FAR)
local_host = reaches(LOOPBACK)

# preference, selection, case, surroundings
RULES = [
    (50, 'eth0', 'the container answers by wg0 a client that came by wg0', wg0_to_container),
    (60, 'gone', 'the host answers a client by the gateway that it came by',
     answered(far, HOST['wg0'], source=FAR)),
    (61, 'wg0', 'the LAN stays the LAN inside a network that it claims',
     out_by('eth0', LAN_CLIENT), claimed_around),
    (62, 'wg0', 'what the LAN claims goes out by the selected outbound',
     out_by('wg0', INJECTED), claimed),
    (64, 'wg0', 'a network behind a static route on the LAN stays reachable', reaches(SHORT)),
    (65, 'wg0', 'the LAN is reached directly', out_by('eth0', LAN_CLIENT)),
    (70, 'wg0', 'the source of an override leaves by its own gateway', service_goes_out, service),
    (71, 'auto', 'the source of an override whose gateway is gone has no route',
     no_route_for_service, service_of_nobody),
    (75, 'wg0', 'the host goes out by the selected outbound', out_by('wg0')),
    (76, 'gone', 'a source without a gateway has no route', no_route_for_unbound_source),
    (1000, 'auto', "a full tunnel's rules do not hijack the host", out_by('eth0'), full_tunnel),
    (1100, 'auto', 'without a default in main the one of table default holds, not another VPN',
     out_by('wg0'), only_default_table),
]
# a route in wg0's table, selection, case, surroundings
ROUTES = [
    ('^default', 'auto', 'the host answers by wg0 a client that came by wg0',
     answered(far, HOST['wg0'], source=FAR)),
    ('^blackhole default', 'auto', 'a table without its default does not fall through to the LAN',
     bound_when_default_goes),
    (f'^{CONTAINER_NET} dev br0', 'auto', "a container reaches the tunnel's address",
     lambda: container.tcp(to=HOST['wg0']) == 'ok'),
]
# chain, a pattern of the line, selection, case, surroundings
LINES = [
    ('ingress', '.*', 'wg0', 'a spoofed packet on the LAN opens no way out by the LAN',
     nothing_by('eth0', spoofed_reply, to=FAR, port=7777)),
    ('mangle_prerouting', 'meta mark set', 'eth0', 'the container answers by wg0',
     wg0_to_container),
    ('mangle_prerouting', 'return', 'wg0',
     'a connection older than conntrack does not count as inbound when its far end speaks',
     far_end_speaks),
    ('mangle_prerouting', 'ct mark set', 'eth0', 'the container answers by wg0',
     wg0_to_container),
    ('mangle_output', '.*', 'wg0', 'an address that is on no gateway answers by eth0',
     answered(far, BRIDGE, source=FAR)),
    ('guard_output', '@exempt', 'wg0', 'the host reaches itself', local_host),
    ('guard_output', '"?bridge', 'wg0', 'the host reaches a container on a new bridge',
     reaches_new(host, 'bridge')),
    ('guard_output', '"?veth', 'wg0', 'the host reaches a new container',
     reaches_new(host, 'veth')),
    ('guard_output', 'hoplimit 255', 'wg0', 'a neighbour that is not trusted can find us',
     neighbour_asks, nothing_trusted),
    ('guard_output', 'ct direction reply accept', 'wg0', 'the host answers by eth0', eth0_to_host),
    ('guard_output', 'goto choice', 'gone', 'who calls out gets an error',
     told(host, FAR, **LEAKING)),
    ('guard_forward', '@exempt', 'wg0', "the LAN reaches the tunnel role's devices",
     to_tunnel(lan)),
    ('guard_forward', '"?bridge', 'wg0', 'the LAN reaches a container on a new bridge',
     reaches_new(lan, 'bridge')),
    ('guard_forward', '"?veth', 'wg0', 'the LAN reaches a new container',
     reaches_new(lan, 'veth')),
    ('guard_forward', 'ct direction reply accept', 'wg0', 'the container answers by eth0',
     eth0_to_container),
    ('guard_forward', 'goto choice', 'gone', 'a container that calls out gets an error',
     told(container, INJECTED), claimed),
    ('guard_post', '@exempt', 'wg0', 'the host reaches itself', local_host),
    ('guard_post', '"?bridge', 'wg0', 'the host reaches a container on a new bridge',
     reaches_new(host, 'bridge')),
    ('guard_post', '"?veth', 'wg0', 'the host reaches a new container',
     reaches_new(host, 'veth')),
    ('guard_post', 'hoplimit 255', 'wg0', 'a neighbour that is not trusted can find us',
     neighbour_asks, nothing_trusted),
    ('guard_post', '@reply_ok', 'wg0', 'the host answers by eth0', eth0_to_host),
    ('guard_post', '@gateway_marks', 'wg0',
     'when a gateway goes, its replies do not follow the selected one', gateway_goes),
    ('guard_post', 'ct mark != 0', 'wg0', "connections with somebody else's mark are answered",
     eth0_to_host, other_marks),
    ('guard_post', 'goto choice_post', 'wg0',
     'what somebody else reroutes after the first lookup does not leave',
     nothing_by('eth0', send_marked(), to=FAR, port=7777), rerouted),
    ('choice', '@selected', 'wg0', 'the host goes out by the selected outbound', out_by('wg0')),
    ('choice', '@unselected', 'auto', 'overrides alone bind nobody else', out_by('eth0'), service),
    ('choice', '@override_ways', 'wg0', 'the source of an override leaves by its own gateway',
     service_goes_out, service),
    ('choice', '(exthdr )?rt ', 'wg0', 'who sends a routing header is told', told_of_routing_header),
    ('choice', 'daddr fe80|daddr 169', 'wg0', 'link-local neighbours answer',
     reaches(LINK_LOCAL, 'echo')),
    ('choice', 'ff0|daddr 224', 'wg0', 'multicast on the link works', reaches(EVERYBODY, 'echo')),
    ('choice', '@local_prefixes', 'wg0', 'the LAN stays reachable', reaches(LAN_CLIENT)),
    ('choice', 'tcp reset', 'gone', 'who connects is refused at once', refused_at_once),
    ('choice', 'no-route|net-unreachable', 'gone', 'a container that sends gets an error', told_who_sends,
     claimed),
    ('choice_post', '@selected', 'wg0', 'the host goes out by the selected outbound',
     out_by('wg0')),
    ('choice_post', '@unselected', 'auto', 'overrides alone bind nobody else', out_by('eth0'),
     service),
    ('choice_post', '@override_ways', 'wg0', 'the source of an override leaves by its own gateway',
     service_goes_out, service),
    ('choice_post', '(exthdr )?rt ', 'wg0', 'a routing header does not carry a packet out',
     nothing_by('eth0', send_marked(LAN_CLIENT, FAR), port=7777), rerouted),
    ('choice_post', 'daddr fe80|daddr 169', 'wg0', 'link-local neighbours answer',
     reaches(LINK_LOCAL, 'echo')),
    ('choice_post', 'ff0|daddr 224', 'wg0', 'multicast on the link works', reaches(EVERYBODY, 'echo')),
    ('choice_post', '@local_prefixes', 'wg0', 'the LAN stays reachable', reaches(LAN_CLIENT)),
    ('choice_post', 'counter.* drop', 'wg0',
     'what somebody else reroutes after the first lookup does not leave',
     nothing_by('eth0', send_marked(), to=FAR, port=7777), rerouted),
]
ONLY_IPV6 = ('hoplimit 255', '(exthdr )?rt ')  # lines that IPv4 has no twin of
for chain in ('choice', 'choice_post') if IPV4 else ():
    LINES += [
        (chain, 'daddr 239', 'wg0', 'multicast scoped by administrators leaves',
         shouted('239.1.2.3')),
        (chain, 'daddr 255', 'wg0', 'the broadcast of the link leaves', shouted('255.255.255.255')),
        (chain, 'dport 67', 'wg0', 'a lease is renewed behind a relay', renews_lease)]
if IPV4:
    RULES = [row for row in RULES if row[0] != 64]  # 65 follows whatever is no default in disguise
    LINES = [row for row in LINES if row[1] not in ONLY_IPV6]
    for option in ('lsrr', 'ssrr'):
        LINES += [('choice', 'option ' + option, 'wg0', 'who sends a source route is told',
                   told_of_source_route(option)),
                  ('choice_post', 'option ' + option, 'wg0',
                   'a source route does not carry a packet out', source_route_stays(option),
                   rerouted)]
WIREGUARD = [  # need a tunnel whose own packets carry a mark
    ('choice', '@transport_marks', 'wg0', "the tunnel's own packets leave",
     tunnel_finds_its_way),
    ('choice_post', '@transport_marks', 'wg0', "the tunnel's own packets leave",
     tunnel_finds_its_way),
]
if net.wireguard:
    RULES.append((74, 'wg0', "the tunnel's own packets leave by the LAN",
                  tunnel_finds_its_way))
    LINES += WIREGUARD


# ---- the runner

take_away = None  # what the running row removes; a case with a history of its own calls it


def rows():
    for row in RULES:
        pref, selection, what, case = row[:4]
        yield f'rule {pref}', selection, what, case, row[4:], lambda p=pref: delete_rules(p)
    for row in ROUTES:
        yield (f'route {row[0]}', *row[1:4], row[4:], lambda p=row[0]: delete_route(net.index('wg0'), p))
    for row in LINES:
        chain, pattern, selection, what, case = row[:5]
        yield (f'{chain}: {pattern}', selection, what, case, row[5:],
               lambda c=chain, p=pattern: delete_line(c, p))


def nothing():
    return None


def try_row(name, selection, what, case, surroundings, remove):
    global take_away
    own_history = case in (far_end_speaks, gateway_goes) or 'own_link' in case.__code__.co_names
    take_away = nothing
    for s in surroundings:
        s(True)
    try:
        net.select(selection)
        before = case() or (not own_history and case())  # a slow machine may need a second try
        take_away = remove
        if not own_history:
            remove()
        without = case()
        take_away = nothing
        net.reconcile()
        after = case() or (not own_history and case())
    except (RuntimeError, OSError) as e:
        tap.ok(False, f'{name}: {what}', e)
        before = without = after = None
    for s in surroundings:
        s(False)
    net.reconcile()
    if before is not None:
        tap.ok(before and not without and after,
               f'{name} [{selection}]: {what}; without the line it does not; the next run mends it',
               f'with the line: {before}; without: {without}; mended: {after}')


def last_resort(inbound, way):
    """Auto, with or without a default in main: by a tunnel that is there for that, or not at all."""
    net.write_memory(inbound=inbound)
    net.select('auto')
    net.watch()
    got = host.tcp(to=FAR, timeout=0.4)
    left = {g for g, n in net.watch(to=FAR).items() if n}
    tap.ok((got == 'ok') == bool(way) and left == ({way} if way else set()),
           f'last resort: inbound-outbound is {" and ".join(inbound) or "none"}: '
           f'the host {"goes out by " + way if way else "has no way out"}', got, left)


def last_resorts():
    # The LAN has no way to the Internet but to the tunnels' far ends: over IPv4, as a rule.
    ip(f'route del default via {ROUTER} dev eth0')
    ip(f'route add {TRANSFERS} via {ROUTER} dev eth0')
    last_resort((), None)
    last_resort(('wg1',), 'wg1')
    last_resort(('wg0', 'wg1'), 'wg0')
    ip(f'route del {TRANSFERS} via {ROUTER} dev eth0')
    ip(f'route add default via {ROUTER} dev eth0 proto {CLAIMS} metric 100')
    last_resort(('wg1',), 'eth0')


def every_line_has_a_row():
    net.select('wg0')
    known = [(row[0], row[1]) for row in LINES + ([] if net.wireguard else WIREGUARD)]
    for chain in ('ingress', 'mangle_prerouting', 'mangle_output', 'guard_output', 'guard_forward',
                  'guard_post', 'choice', 'choice_post'):
        for text, _ in lines(chain):
            matching = [p for c, p in known if c == chain and re.search(p, text)]
            tap.ok(len(set(matching)) == 1, f'{chain}: "{text}" has its row in the table', matching)
    prefs = {int(line.split(':')[0]) for line in run('ip', FLAG, 'rule').splitlines()} - \
        {0, 32766, 32767}
    tap.ok(prefs <= {row[0] for row in RULES} | {74}, 'every preference has its row', prefs)


net.write_memory()
every_line_has_a_row()
only = sys.argv[1:]
resorts = net.wireguard and not only
if not only and os.environ.get('SIXGATE_LONG') != '1':
    if IPV4:
        only = ['daddr 239', 'daddr 255', 'dport 67', 'option ']
        print('# reduced: in IPv4 the lines that only it has (SIXGATE_LONG=1: all)')
    elif net.wireguard and os.environ.get('SIXGATE_IN_GUEST'):
        only = ['rule 74', '@transport_marks']
        print('# reduced: in the guest the lines that need WireGuard (SIXGATE_LONG=1: all)')
for r in rows():
    if not only or any(word in r[0] for word in only):
        try_row(*r)
if resorts:
    last_resorts()
if not net.wireguard:
    print('# the last resort, rule 74 and the lines of @transport_marks need WireGuard: the guest shows them')
tap.finish()
