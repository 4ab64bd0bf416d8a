# SPDX-License-Identifier: LGPL-2.1-or-later
"""The choice changes: under a flood of new connections, killed at each write, and in its order.

What left is counted outside the host, at the next hop of each gateway and by the far client.
SIXGATE_TEST_FAMILY=ipv4: the same in IPv4, where by default less is repeated.
"""
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import faults
import internet
from family import AF
from faults import killed_at, writes_of
from internet import (CONTAINER, FAR, FLAG, FOR_CONTAINER, HOST, IPV4, NFT, alone, ip, run)

internet.enter()
net = internet.Internet()
tap = internet.Tap()
agents = net.agents
host, far, container = agents['host'], agents['far'], agents['ctr']
LONG = os.environ.get('SIXGATE_LONG') == '1'
ROUNDS = 100 if LONG else 2 if IPV4 else 8
PORT = 7777  # of the flood; nobody listens there
OVERRIDE = alone(CONTAINER)
# by its source the far client knows the gateway
SOURCES = {g: (HOST[g], FOR_CONTAINER[g]) for g in HOST}


def left():
    """What left by each gateway since the last time, as the next hops and the far client saw it."""
    near = net.watch(port=PORT)
    seen = [p[0] for p in far.packets(device='wan') if p[4] == PORT]
    return {g: max(near[g], sum(s in SOURCES[g] for s in seen)) for g in near}


def drained():
    """Packets under way from before the last change are counted there."""
    time.sleep(0.05)
    return left()


# ---- a flood

def flood(on):
    if on:
        host.load(name='out', to=FAR, port=PORT, sources=(None, HOST['eth0'], HOST['wg0']))
        container.load(name='ctr', to=FAR, port=PORT)
    else:
        host.unload(name='out')
        container.unload(name='ctr')


def switch(words, before, after):
    """Nothing leaves by a gateway that is selected neither before nor after; and from the end of
    the change on by the new one only."""
    left()
    net.reconcile(*words)
    during = drained()
    time.sleep(0.05)
    later = left()
    return ({g: n for g, n in during.items() if n and g not in (before, after)},
            {g: n for g, n in later.items() if n and g != after}, later[after] if after else 1)


def under_flood():
    net.select('wg0')
    flood(True)
    leaked, late, silent, total = {}, {}, 0, 0
    for _ in range(ROUNDS):
        for words, before, after in ((('--outbound', 'wg1'), 'wg0', 'wg1'),
                                     (('--outbound', 'wg9'), 'wg1', None),
                                     (('--outbound', 'wg0'), None, 'wg0')):
            wrong, after_it, right = switch(words, before, after)
            for found, into in ((wrong, leaked), (after_it, late)):
                for g, n in found.items():
                    into[g] = into.get(g, 0) + n
            silent += not right
            total += right
    tap.ok(not leaked, f'{ROUNDS} times wg0, wg1, one that is not there, wg0: nothing leaves by '
           'another gateway', leaked)
    tap.ok(not late, 'and when a change is done only the new one is used', late)
    tap.ok(not silent and total > 20 * ROUNDS, f'the flood flows ({total} packets after changes)',
           silent)
    left()
    net.reconcile('--outbound', 'auto')
    time.sleep(0.1)
    got = left()
    tap.ok(got['eth0'] > 0, 'back to auto: it leaves by the LAN, and is counted', got)
    net.reconcile('--outbound', 'wg0')
    left_after = drained(), (time.sleep(0.1), left())[1]
    tap.ok(left_after[1]['eth0'] == 0 and left_after[1]['wg0'] > 0,
           'and chosen again it does not', left_after)
    flood(False)


def override_under_flood():
    """The container is bound to wg1, moved, and set free, while everything else goes by wg0."""
    net.select('wg0')
    container.load(name='ctr', to=FAR, port=PORT)
    wrong = {}
    for words, before, after in ((('--add-override', OVERRIDE + '=wg1'), 'wg0', 'wg1'),
                                 (('--add-override', OVERRIDE + '=wg9'), 'wg1', None),
                                 (('--add-override', OVERRIDE + '=wg1'), None, 'wg1'),
                                 (('--outbound', 'wg9'), 'wg1', 'wg1'),
                                 (('--outbound', 'wg0'), 'wg1', 'wg1'),
                                 (('--outbound', 'auto'), 'wg1', 'wg1'),
                                 (('--outbound', 'wg0'), 'wg1', 'wg1'),
                                 (('--remove-override', OVERRIDE), 'wg1', 'wg0')):
        during, late, right = switch(words, before, after)
        if during or late or not right:
            wrong[' '.join(words)] = during, late, right
    container.unload(name='ctr')
    tap.ok(not wrong, 'an override under load: its source leaves by no other gateway', wrong)


# ---- in which order the kernel sees it

NLMSG = {24: 'add route', 25: 'del route', 32: 'add rule', 33: 'del rule',
         0xA0C: 'add element', 0xA0E: 'del element', 0xA03: 'add chain', 0xA05: 'del chain'}
# RTNLGRP_IPV4_ROUTE and _RULE, RTNLGRP_IPV6_ROUTE and _RULE
RULE_GROUPS = 1 << 6 | 1 << 7 if IPV4 else 1 << 10 | 1 << 18
NFT_GROUP = 1 << 6               # NFNLGRP_NFTABLES
FRA_TABLE, FRA_PRIORITY, RTA_TABLE = 15, 6, 15
NAME = {'element': 2, 'chain': 3}  # NFTA_SET_ELEM_LIST_SET, NFTA_CHAIN_NAME


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack('HH', data[:4])
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def number(value):
    return struct.unpack('I', value)[0] if value else 0


def describe(kind, body):
    """None: nothing of ours, or of the other family (the first octet of each of these messages)."""
    word = NLMSG.get(kind)
    if not word or body[0] != AF:
        return None
    if 'rule' in word:
        a = attributes(body[12:])
        return f'{word} {number(a.get(FRA_PRIORITY))} {number(a.get(FRA_TABLE)) or body[4]}'
    if 'route' in word:
        a = attributes(body[12:])
        return f'{word} {"blackhole" if body[7] == 6 else "other"} {number(a.get(RTA_TABLE))}'
    name = attributes(body[4:]).get(NAME[word.split()[1]], b'?')
    return f'{word} {name.rstrip(bytes(1)).decode()}'


class Monitor:
    """Notes what is announced, over both sockets, in the order in which it comes."""
    def __init__(self):
        self.events, self.stop = [], threading.Event()
        self.sockets = []
        for bus, groups in ((socket.NETLINK_ROUTE, RULE_GROUPS), (12, NFT_GROUP)):
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, bus)
            s.bind((0, groups))
            self.sockets.append(s)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            stopping = self.stop.is_set()
            ready = select.select(self.sockets, [], [], 0.3 if stopping else 0.01)[0]
            if stopping and not ready:
                return
            for s in ready:
                data = s.recv(1 << 20)
                while len(data) >= 16:
                    length, kind = struct.unpack('IH', data[:6])
                    what = describe(kind, data[16:length])
                    if what:
                        self.events.append(what)
                    data = data[(length + 3) & ~3:]

    def close(self):
        """Once nothing more is to be heard."""
        self.stop.set()
        self.thread.join()
        for s in self.sockets:
            s.close()
        return self.events


def announced(*words):
    """What a run does, in order: each message is sent a moment after the one before, when that has
    been heard."""
    monitor = Monitor()
    faults.slowly(words)
    return monitor.close()


def in_order(events, *patterns):
    """Each pattern is there, and every match of one stands before every match of the next."""
    last = -1
    for pattern in patterns:
        found = [i for i, e in enumerate(events) if re.fullmatch(pattern, e)]
        if not found or found[0] < last:
            return False
        last = found[-1]
    return True


def order():
    a, b = (1000 + net.index(g) for g in ('wg0', 'wg1'))
    net.select('auto')
    for gateway in HOST:
        ip(f'route flush table {1000 + net.index(gateway)}')
    events = announced('--outbound', 'wg0')
    tap.ok(in_order(events, '(add chain .*|add element selected)', 'add route blackhole .*',
                    'add route other .*', 'add rule 76 .*', 'add rule 65 254', f'add rule 75 {a}'),
           'from auto to wg0: guard, blackholes, tables, 76, 65, 75', events)
    events = announced('--outbound', 'wg1')
    tap.ok(in_order(events, 'add element selected', f'add rule 75 {b}', f'del rule 75 {a}',
                    'del element selected') and len(events) == 4,
           'from wg0 to wg1: the new one is let out, the new 75 stands behind the old, the old goes, '
           'and is let out no more', events)
    events = announced('--add-override', OVERRIDE + '=wg0')
    tap.ok(in_order(events, 'add element override.*', 'add rule 71 .*', f'add rule 70 {a}'),
           'an override comes: guard, 71, 70', events)
    events = announced('--add-override', OVERRIDE + '=wg1')
    tap.ok(in_order(events, '.* element override_ways', f'add rule 70 {b}', f'del rule 70 {a}') and
           'del element overrides' not in events, 'it is moved: guard, the new 70, the old 70', events)
    events = announced('--remove-override', OVERRIDE)
    tap.ok(in_order(events, 'del element override_ways', 'del rule 70 .*', 'del rule 71 .*',
                    'del element overrides'), 'it goes: 70, 71, and the guard last', events)
    events = announced('--outbound', 'auto')
    tap.ok(in_order(events, f'del rule 75 {b}', 'del rule (65|76) .*', 'del chain .*'),
           'back to auto: 75, the other rules, and the guard last', events)


# ---- killed at each write

CHANGES = (
    ('auto', (), ('--outbound', 'wg0'), {'unbound': None}),
    ('wg0', (), ('--outbound', 'wg1'), {'unbound': ('wg0', 'wg1')}),
    ('wg0', (), ('--add-override', OVERRIDE + '=wg1'), {'unbound': ('wg0',)}),
    ('auto', ('wg1',), ('--add-override', OVERRIDE + '=wg0'), {'container': ('wg0', 'wg1')}),
    ('wg0', ('wg1',), ('--outbound', 'auto'), {'container': ('wg1',)}),
)


def prepare(selection, overrides):
    net.select(selection)
    words = [w for g in overrides for w in ('--add-override', f'{OVERRIDE}={g}')]
    if words:
        net.reconcile(*words)


def forget():
    subprocess.run([internet.LIBEXEC, '--remove-override', OVERRIDE], capture_output=True,
                   check=False)


def state():
    nft = re.sub(r'packets \d+ bytes \d+', '', run('nft', '-n', 'list', 'table', NFT, 'startos'))
    return '\n'.join(sorted(run('ip', FLAG, 'rule').splitlines()) +
                     sorted(run('ip', FLAG, 'route', 'show', 'table', 'all').splitlines()) + [nft])


def probe(who):
    """Attempts of those who are bound; the gateways by which something left."""
    left()
    short = {'to': FAR, 'port': PORT, 'timeout': 0.03}
    if 'unbound' in who:
        for options in ({}, {'source': HOST['eth0']}, {'device': 'eth0'}):
            host.udp(**short, **options)
    if 'container' in who:
        container.udp(**short)
    return {g for g, n in left().items() if n}


def kills():
    if not faults.possible():
        tap.skip('killed at each write', 'no strace')
        return
    done = 0
    for selection, overrides, words, who in CHANGES:
        prepare(selection, overrides)
        numbers = writes_of(words)
        wanted = state()
        forget()
        what = f'{" ".join(words)} ({selection})'
        missed, leaks, differ = [], {}, []
        for number in numbers:
            prepare(selection, overrides)
            if not killed_at(number, words):
                missed.append(number)
            done += 1
            allowed = next(iter(who.values()))
            by = probe(who)
            if allowed and by - set(allowed):
                leaks[number] = by
            net.reconcile()
            if allowed and probe(who) - set(allowed):
                leaks[f'{number}, mended'] = by
            if state() != wanted:
                differ.append(number)
            forget()
        tap.ok(numbers and not missed, f'{what}: killed at each of its {len(numbers)} writes', missed)
        tap.ok(not leaks, f'{what}: and nothing leaves by another gateway', leaks)
        tap.ok(not differ, f'{what}: and the next run comes to the same', differ)
    print(f'# sized: {done} kills')


# ---- connections whose address moved

def move(address, a, b):
    ip(f'addr del {alone(address)} dev {a}\naddr add {alone(address)} dev {b}')


def moved():
    """Their programs are told; those of other addresses, and those of an address that is gone for a
    moment only, go on."""
    net.select('wg0')
    short = {'timeout': 0.3}
    opened = [host.hold(name='tcp', to=FAR, **short), host.flow(name='udp', to=FAR, port=7),
              far.hold(name='in', to=HOST['eth0'], source=FAR, **short),
              host.hold(name='lan', to=internet.LAN_CLIENT, **short)]
    ip(f'addr del {alone(HOST["wg0"])} dev wg0')
    net.reconcile()
    ip(f'addr add {alone(HOST["wg0"])} dev wg0')
    net.reconcile()
    got = host.talk(name='tcp')
    tap.ok(opened == ['ok'] * 4 and got == 'ok',
           'an address that was gone for a moment: its connections live', opened, got)
    move(HOST['wg0'], 'wg0', 'wg1')
    net.reconcile()
    got = host.listen(name='tcp'), host.hear(name='udp')
    tap.ok(got == ('ECONNABORTED', 'ECONNABORTED'),
           'an address that moved: connections from there are closed', got)
    got = far.talk(name='in'), host.talk(name='lan')
    tap.ok(got == ('ok', 'ok'), 'an address that moved: connections of other addresses go on', got)
    move(HOST['wg0'], 'wg1', 'wg0')
    net.reconcile('--outbound', 'auto')
    opened = host.hold(name='auto', to=FAR, source=HOST['wg0'], **short)
    move(HOST['wg0'], 'wg0', 'wg1')
    net.reconcile()
    move(HOST['wg0'], 'wg1', 'wg0')
    net.reconcile()
    got = host.talk(name='auto')
    tap.ok(opened == 'ok' and got == 'ok', 'an address that moved, in auto: nothing is closed', opened, got)


net.write_memory()
far.sniff(device='wan')
only = sys.argv[1:]
for part in (under_flood, override_under_flood, order, kills, moved):
    if not only or part.__name__ in only:
        part()
print(f'# {"sized" if LONG else "reduced"}: {ROUNDS} rounds under a flood' +
      ('' if LONG else ' (SIXGATE_LONG=1: 100)'))
tap.finish()
