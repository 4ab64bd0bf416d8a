# SPDX-License-Identifier: LGPL-2.1-or-later
"""The matrix: with a real NetworkManager, (kind of LAN) x (kind of tunnel) x (one or two) x (over
what), and what happens to the tunnel while it is the selected outbound: it goes down, is renamed,
deleted and made again, NetworkManager stops and starts. In each state, for each selection, the table
of who gets an answer by which road (roads.py).

A row is a story, such as "a LAN by DHCPv6; two of: a native full tunnel; over IPv4". By default
ROWS are told, with the events that stand there; SIXGATE_LONG=1: every combination, and every event;
with words as arguments: those of them in whose stories they all are.
"""
import itertools
import os
import subprocess
import sys
from collections import namedtuple

from family import HOST, LAN_CLIENT
from internet import FAR, INJECTED, Tap, run
from managed import IN_GUEST, LANS, Managed, lines, until
from roads import Roads

Row = namedtuple('Row', 'lan profile tunnels over then')
NUMBER = {1: '', 2: 'two of: '}
# In the guest the first shows a native import as the selected outbound; the second, of which the same
# is asked on the same LAN, that one of ours is no different on the wire.
ROWS = {True: (Row('slaac', 'full', 1, 6, ('restarted',)), Row('slaac', 'ours', 1, 6, ()),
               Row('dhcpv6', 'ours', 1, 4, ('remade',)), Row('static', 'split', 2, 6, ('renamed',))),
        False: (Row('dhcpv6', 'full', 2, 0, ('remade', 'replugged')),
                Row('slaac', 'split', 1, 0, ('renamed',)),
                Row('static', 'before', 1, 0, ('restarted',)))}
ELSEWHERE = INJECTED  # far away, and in no split tunnel's network


def words(tunnels, row):
    return '; '.join((LANS[row.lan][0], NUMBER[row.tunnels] + tunnels.PROFILES[row.profile],
                      tunnels.OVER[row.over]))


class Story:
    def __init__(self, net, tap, row):
        self.net, self.tap, self.row = net, tap, row
        self.words = words(net.tunnels, row)
        self.there = ['eth0', 'wg0', 'wg1'][:1 + row.tunnels]

    def ok(self, good, what, *why):
        self.tap.ok(good, f'{self.words}: {what}', *why)

    def by_itself(self, good, what):
        self.ok(good, what + ': all is as it should be by itself',
                self.net.reconcile('--dry-run', '-v'))

    def out_by(self, selection, to):
        """By which gateway the host leaves; None: not at all."""
        if self.row.profile == 'split' and 'wg0' in self.there and to == FAR:
            return 'wg0'  # a route of main that somebody wanted
        if selection == 'auto':
            return 'wg0' if self.row.profile == 'before' and 'wg0' in self.there else 'eth0'
        if selection not in self.there or (self.row.profile, selection) == ('split', 'wg0'):
            return None
        return selection

    def inbound(self, roads, selection):
        for gateway in self.there:
            # The LAN's network is not in the split tunnel.
            split = (self.row.profile, gateway) == ('split', 'wg0')
            roads.inbound(selection, gateway, *[('far',)] * split)

    def check(self, selection, whole=True, what=''):
        """The table for one selection; @whole: also what concerns no gateway in particular."""
        roads = Roads(self.net, self.tap, self.words + (what and ': ' + what))
        by = self.out_by(selection, FAR)
        self.inbound(roads, selection)
        roads.outbound(selection, by)
        if self.row.profile == 'split':
            roads.outbound(selection, self.out_by(selection, ELSEWHERE), ELSEWHERE)
        if not whole:
            return
        if selection != 'auto':
            may = [by] + ([selection] if self.out_by(selection, ELSEWHERE) else [])
            roads.bound(selection, self.there, may)
        roads.forwarded(selection, by)
        roads.neighbours(selection, self.there[-1])

    def meanwhile(self, what, *command):
        """While the command runs, the host goes on sending: all of it by the tunnel, or not at all."""
        host, net = self.net.agents['host'], self.net
        net.watch()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
            while p.poll() is None:
                host.udp(to=FAR, timeout=0.05)
                host.tcp(to=FAR, timeout=0.05)
        left = net.watch(to=FAR, port=7)
        self.ok(not any(c for g, c in left.items() if g != 'wg0'), what, left)

    def foreign_rules(self):
        """What NetworkManager has made for a full tunnel, and who did."""
        rules = [r for r in lines('ip', '-6', 'rule') if 'sixgate' not in r and
                 not r.startswith(('0:', '32766:'))]
        tables = [t for t in lines('nft', 'list', 'tables') if 'nm-' in t]
        if self.row.profile == 'full' or (self.row.profile, self.row.tunnels) == ('split', 2):
            self.ok(rules, 'NetworkManager has made rules that capture everything', rules)
        else:
            self.ok(not rules + tables, 'NetworkManager has made no rules that capture anything',
                    rules + tables)

    # ---- what happens

    def down(self):
        self.meanwhile('the tunnel goes down: nothing leaves by another gateway meanwhile',
                       'nmcli', 'connection', 'down', 'wg0')
        self.there.remove('wg0')
        self.by_itself(self.net.settled(), 'down')
        self.check('wg0', what='down')
        self.by_itself(self.net.activate('wg0'), 'up again')
        self.there.insert(1, 'wg0')
        Roads(self.net, self.tap, self.words + ': up again').outbound('wg0', self.out_by('wg0', FAR))

    def renamed(self):
        self.net.rename('wg0', 'wg7')
        self.by_itself(self.net.settled(by_hand=True), 'renamed')
        roads = Roads(self.net, self.tap, self.words + ': renamed')
        self.inbound(roads, 'wg0, which is no more')
        roads.outbound('wg0, which is no more', None,
                       ELSEWHERE if self.row.profile == 'split' else FAR)
        self.net.reconcile('--outbound', 'wg7')
        self.check('wg0', whole=False, what='renamed, and selected by its new name')
        self.net.rename('wg0', 'wg0')
        self.net.reconcile('--outbound', 'wg0')
        self.by_itself(self.net.settled(by_hand=True), 'renamed back')
        self.check('wg0', whole=False, what='renamed back')

    def remade(self):
        # From 1.52 on it would come up again by itself, before we could look.
        run('nmcli', 'connection', 'modify', 'wg0', 'connection.autoconnect', 'no')
        self.meanwhile('the tunnel is deleted: nothing leaves by another gateway meanwhile',
                       'sh', '-c', 'ip link del wg0; sleep 0.5')
        self.there.remove('wg0')
        self.by_itself(self.net.settled(), 'deleted')
        self.check('wg0', whole=False, what='deleted')
        self.by_itself(self.net.make_again('wg0'), 'made again')
        run('nmcli', 'connection', 'modify', 'wg0', 'connection.autoconnect', 'yes')
        self.there.insert(1, 'wg0')
        self.check('wg0', whole=False, what='made again')

    def replugged(self):
        self.net.replug_lan(lambda: self.by_itself(self.net.settled(), 'the LAN unplugged'))
        self.by_itself(self.net.wait_for('eth0'), 'the LAN plugged in again')
        lan = self.net.agents['lan']
        self.ok(until(lambda: lan.echo(to=HOST['eth0'], source=LAN_CLIENT) == 'ok') and
                all([self.net.tunnels.heard_again(g) for g in self.there[1:]]),
                'the LAN plugged in again: neighbours and servers know where the host is')
        self.check('wg0', what='replugged')

    def restarted(self):
        self.net.stop_networkmanager()
        self.net.reconcile()
        self.check('wg0', whole=False, what='NetworkManager stopped')
        self.net.start_networkmanager()
        self.ok(until(lambda: all(self.net.is_up(g) for g in self.there)),
                'NetworkManager started: everything is active', lines('nmcli', 'connection'))
        self.by_itself(self.net.settled(), 'NetworkManager started')
        self.check('wg0', whole=False, what='NetworkManager started')

    def tell(self):
        row = self.row
        self.by_itself(self.net.set_up(row.lan, row.profile, row.tunnels, row.over), 'up')
        if IN_GUEST:
            self.foreign_rules()
        for selection in ('auto', 'eth0', *self.there[:0:-1]):
            self.net.reconcile('--outbound', selection)
            self.check(selection)
        self.down()
        for event in row.then:
            getattr(self, event)()
        self.net.tear_down()


EVENTS = ('renamed', 'remade', 'replugged', 'restarted')


def rows(tunnels):
    """All of them, or a few in which each value of each column is."""
    every = [Row(*r) for r in itertools.product(LANS, tunnels.PROFILES, (1, 2), tunnels.OVER,
                                                (EVENTS,))]
    wanted = sys.argv[1:]
    if wanted:
        return [r for r in every if all(w in words(tunnels, r) for w in wanted)]
    if os.environ.get('SIXGATE_LONG'):
        return every
    few = ROWS[IN_GUEST]
    for column in Row._fields[:-1]:
        assert {getattr(r, column) for r in few} == {getattr(r, column) for r in every}, column
    assert {event for r in sum(ROWS.values(), ()) for event in r.then} == set(EVENTS)
    print(f'# reduced: {len(few)} of the {len(every)} rows of the matrix, with '
          f'{sum(len(r.then) for r in few)} of {len(few) * len(EVENTS)} events', flush=True)
    return few


if not IN_GUEST and os.environ.get('SIXGATE_PRIVATE') != '1':
    sys.exit('this needs a NetworkManager of its own: tests/nm/test-matrix.sh')
tap = Tap()
internet = Managed()
for row in rows(internet.tunnels):
    Story(internet, tap, row).tell()
tap.finish()
