# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overrides: sources with a gateway of their own, whatever is selected.

A container behind translation and an address of the host are sent by wg1. Everything that they
send leaves by wg1 or not at all; everything else goes where it goes without them.
"""
import os

import internet
from family import (CLAIMS, CONTAINER, CONTAINER_ROUTER, FAR, FLAG, HOST, INJECTED, INJECTED_NET, IPV4,
                    LAN_CLIENT, NFT, ROUTER, SERVICE, alone)
from internet import ip, run

internet.enter()
net = internet.Internet()
tap = internet.Tap()
agents = net.agents
host, far, lan, container = agents['host'], agents['far'], agents['lan'], agents['ctr']
KINDS = {'tcp': 7, 'udp': 7, 'echo': 0}
MINE = {'container': (container, {}), 'address of the host': (host, {'source': SERVICE})}
OUT = {'auto': 'eth0', 'eth0': 'eth0', 'wg0': 'wg0', 'wg1': 'wg1', 'gone': None}


def left_by(agent, kind, to=FAR, **options):
    """The answer, and the gateways by which something left."""
    net.watch()
    got = getattr(agent, kind)(to=to, **{'timeout': 0.3, **options})
    return got, {g for g, n in net.watch(to=to, port=KINDS[kind]).items() if n}


def table(selection):
    """Who leaves by what, and that all else goes on."""
    for kind in KINDS:
        for who, (agent, options) in MINE.items():
            got, by = left_by(agent, kind, **options)
            tap.ok(got == 'ok' and by == {'wg1'}, f'{selection}: {kind} of the {who} leaves by wg1',
                   got, by)
        got, by = left_by(host, kind)
        way = OUT[selection]
        tap.ok((got == 'ok') == bool(way) and by == ({way} if way else set()),
               f'{selection}: {kind} of the host {"leaves by " + way if way else "is refused"}',
               got, by)
    for gateway, address in HOST.items():
        got = far.tcp(to=address, port=8080, source=FAR)
        tap.ok(got == 'ok', f'{selection}: the container answers who comes by {gateway}', got)
        got = far.tcp(to=address, source=FAR)
        tap.ok(got == 'ok', f'{selection}: the host answers who comes by {gateway}', got)
    got = far.tcp(to=SERVICE, source=FAR)
    tap.ok(got == 'ok', f'{selection}: the address of the host answers', got)
    for to, what in ((LAN_CLIENT, 'the LAN'), (CONTAINER_ROUTER, 'the host')):
        got = container.tcp(to=to)
        tap.ok(got == 'ok', f'{selection}: the container reaches {what}', got)


def attacks():
    """(what, what is done): ways out by another gateway, for the address of the host."""
    short = {'to': FAR, 'timeout': 0.05, 'source': SERVICE}
    yield 'SO_BINDTODEVICE', lambda: [getattr(host, k)(device=d, **short)
                                      for k in KINDS for d in ('eth0', 'wg0')]
    yield 'PKTINFO', lambda: host.pktinfo(to=FAR, port=7, source=SERVICE, device='eth0')
    yield 'crafted packets', lambda: [host.craft(to=FAR, source=SERVICE, port=7, kinds=k)
                                      for k in ((), ('fragment',), ('destination',))]
    if not IPV4:
        yield 'a routing header', lambda: host.udp(to=LAN_CLIENT, rthdr=FAR, port=7, timeout=0.05,
                                                   source=SERVICE)


def nothing_else(selection):
    for what, act in attacks():
        net.watch()
        act()
        # by the ports: the end of a connection that FAR opened before may still leave by eth0
        left = net.watch(to=FAR, port=set(KINDS.values()))
        by = {g for g, n in left.items() if n} - {'wg1'}
        tap.ok(not by, f'{selection}: {what}: by no other gateway', by)
    ip(f'route add {INJECTED_NET} via {ROUTER} dev eth0 proto {CLAIMS} metric 50')
    for how in ('before the next run', 'after it'):
        by = set()
        for agent, options in MINE.values():
            by |= left_by(agent, 'udp', to=INJECTED, timeout=0.05, **options)[1]
        tap.ok(not by - {'wg1'}, f'{selection}: an injected route, {how}: by no other gateway', by)
        net.reconcile()
    ip(f'route del {INJECTED_NET} via {ROUTER} dev eth0')
    net.reconcile()


def fails_closed(how, go, back):
    """Whatever becomes of wg1: nothing leaves, the caller is told, and the host goes on."""
    for selection in ('auto', 'wg0'):
        net.select(selection)
        go()
        for who, (agent, options) in MINE.items():
            for kind in KINDS:
                got, by = left_by(agent, kind, **options)
                # Of a container the router's answer is a soft error: its socket goes on waiting.
                refused = got != 'ok' and (agent is container or got != 'timeout')
                tap.ok(refused and not by, f'{selection}: wg1 {how}: {kind} of the {who} is refused',
                       got, by)
        got, by = left_by(host, 'tcp')
        tap.ok(got == 'ok' and by == {OUT[selection]}, f'{selection}: wg1 {how}: the host goes on',
               got, by)
        back()
        net.reconcile()
        got, by = left_by(container, 'tcp')
        tap.ok(got == 'ok' and by == {'wg1'}, f'{selection}: wg1 {how} and back: so is its source',
               got, by)


def without_wg1():
    ip('addr flush dev wg1')
    net.reconcile()


def with_wg1():
    ip(net.addresses_of('wg1'))


def not_a_gateway():
    net.write_memory(gateways=('eth0', 'wg0'))
    net.reconcile()


def lines_count():
    """Without the sets that bind them, the same sources do leave by the selected gateway."""
    net.select('wg0')
    for pref in (70, 71):
        for line in run('ip', FLAG, 'rule', 'show', 'pref', str(pref)).splitlines():
            ip('rule del pref ' + line.replace(':', '', 1))
    _, by = left_by(container, 'udp', timeout=0.05)
    tap.ok(not by, 'without the rules 70 and 71 the guard still keeps the container in', by)
    run('nft', 'flush', 'set', NFT, 'startos', 'overrides')
    _, by = left_by(container, 'udp', timeout=0.05)
    tap.ok(by == {'wg0'}, 'without them and @overrides it leaves by the selected gateway', by)
    net.reconcile()
    _, by = left_by(container, 'udp')
    tap.ok(by == {'wg1'}, 'the next run mends both', by)


def kept():
    """What is chosen is in the file, and a second run writes nothing."""
    for selection in OUT:
        net.select(selection)
        text = net.reconcile('-v')
        tap.ok(' 0 writes' in text, f'{selection}: a second run writes nothing', text[-300:])
    net.select('auto')
    net.reconcile('--remove-override', alone(CONTAINER))
    got, by = left_by(container, 'tcp')
    tap.ok(got == 'ok' and by == {'eth0'}, 'a removed override binds nobody any more', got, by)
    net.reconcile('--add-override', alone(CONTAINER) + '=wg0')
    net.reconcile('--add-override', alone(CONTAINER) + '=wg1')
    got, by = left_by(container, 'tcp')
    tap.ok(got == 'ok' and by == {'wg1'}, 'an override that is said again changes its gateway', got,
           by)
    for line in run('ip', FLAG, 'rule', 'show').splitlines():
        if int(line.split(':')[0]) not in (0, 32766, 32767):
            ip('rule del pref ' + line.replace(':', '', 1))
    run('nft', 'delete', 'table', NFT, 'startos')
    os.remove('/run/sixgate/memory')
    net.reconcile('--boot')
    by = set()
    for kind in KINDS:
        by |= left_by(container, kind, timeout=0.05)[1]
        by |= left_by(host, kind, timeout=0.05, source=SERVICE)[1]
    tap.ok(not by, 'after a reboot, before NetworkManager: its source is kept in', by)
    net.write_memory()
    net.reconcile()
    got, by = left_by(container, 'tcp')
    tap.ok(got == 'ok' and by == {'wg1'}, 'the first run after it brings its gateway back', got, by)


net.write_memory()
net.override(True, alone(CONTAINER))
net.override(True)
for choice in OUT:
    net.select(choice)
    table(choice)
for choice in ('auto', 'wg0', 'gone'):
    net.select(choice)
    nothing_else(choice)
fails_closed('is no gateway any more', not_a_gateway, net.write_memory)
fails_closed('has no address', without_wg1, with_wg1)
fails_closed('has an empty table',
             lambda: ip('route flush table %d' % (1000 + net.index('wg1'))), lambda: None)
lines_count()
kept()
tap.finish()
