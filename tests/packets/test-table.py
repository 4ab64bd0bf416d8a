# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: (client) x (protocol) x (host or container) x (gateway) x (selection), and what
the host itself sends, for each selection.

SIXGATE_TEST_FAMILY=ipv4: the same in IPv4, with a strict reverse path filter on the host.
"""
import internet
from internet import HOST
from roads import Roads

SELECTIONS = ('auto', 'eth0', 'wg0', 'gone', 'incapable', 'flushed')
OUT_BY = {'auto': 'eth0', 'eth0': 'eth0', 'wg0': 'wg0'}  # the others lead nowhere

internet.enter()
net = internet.Internet()
tap = internet.Tap()
roads = Roads(net, tap)

for choice in SELECTIONS:
    by = OUT_BY.get(choice)
    net.write_memory()
    if internet.IPV4 and not by:
        net.filter_sources(0)  # a limit, see docs/security.md; test-ipv4.py has it
    net.select(choice)
    for way in HOST:
        # An incapable wg1 has no address; an emptied table waits for the next run.
        if (choice, way) not in (('incapable', 'wg1'), ('flushed', 'wg0')):
            roads.inbound(choice, way)
    roads.outbound(choice, by)
    if choice != 'auto':
        # Of IPv4 who is bound to a device without a route takes everybody for a neighbour on it;
        # wg0 is the selected one, though its table is empty.
        may = [by, 'wg0'] if choice == 'flushed' else [by]
        roads.bound(choice, [g for g in HOST if (choice, g) != ('incapable', 'wg1')], may)
    roads.forwarded(choice, by)
    if choice != 'flushed':
        roads.neighbours(choice)
tap.finish()
