# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: (client) x (protocol) x (host or container) x (gateway) x (selection), and what
the host itself sends, for each selection."""
import internet
from internet import CONTAINER, FAR, FOR_CONTAINER, HOST, LAN_CLIENT, SHORT

internet.enter()
net = internet.Internet()
tap = internet.Tap()
host = net.agents['host']

SELECTIONS = ('auto', 'eth0', 'wg0', 'gone', 'incapable', 'flushed')
CLIENTS = {'far': FAR, 'lan': LAN_CLIENT}
# who answers, how, where
PROBES = {
    'host': {'tcp': (HOST, 7), 'udp': (HOST, 7), 'echo': (HOST, None), 'closed': (HOST, 9)},
    'container': {'tcp': (HOST, 8080), 'udp': (HOST, 8080), 'echo': (FOR_CONTAINER, None),
                  'closed': (HOST, 8081)},
}
PORTS = {'tcp': 7, 'udp': 7, 'echo': 0}  # of what the host sends; the code, of an echo request
WORDS = {'tcp': 'TCP', 'udp': 'UDP', 'echo': 'ICMPv6 echo', 'closed': 'UDP to a closed port'}


def inbound(selection, gateway):
    """A connection is answered by the gateway that it came in by, and by no other."""
    for client, address in CLIENTS.items():
        for target, probes in PROBES.items():
            for kind, (where, port) in probes.items():
                net.watch()
                options = {'port': port} if port else {}
                got = getattr(net.agents[client], kind)(to=where[gateway], source=address,
                                                        **options)
                left = net.watch(to=address)
                tap.ok(got == 'ok' and left[gateway] > 0 and sum(left.values()) == left[gateway],
                       f'{selection}: {WORDS[kind]} from {client} by {gateway} to the {target}'
                       f' is answered by {gateway}', got, left)


def outbound(selection):
    """A new connection leaves by the selected outbound, or not at all."""
    by = {'auto': 'eth0', 'eth0': 'eth0', 'wg0': 'wg0'}.get(selection)
    for kind in ('tcp', 'udp', 'echo'):
        net.watch()
        got = getattr(host, kind)(to=FAR, timeout=0.6)
        left = net.watch(to=FAR, port=PORTS[kind])
        if by:
            tap.ok(got == 'ok' and left[by] > 0 and sum(left.values()) == left[by],
                   f'{selection}: {WORDS[kind]} of the host goes out by {by}', got, left)
        else:
            tap.ok(got not in ('ok', 'timeout') and sum(left.values()) == 0,
                   f'{selection}: {WORDS[kind]} of the host is refused with an error, nothing leaves',
                   got, left)
        for g, address in HOST.items():
            if selection == 'auto' or (selection == 'incapable' and g == 'wg1'):
                continue
            for bound in ({'source': address}, {'device': g}):
                net.watch()
                got = getattr(host, kind)(to=FAR, timeout=0.15, **bound)
                left = net.watch(to=FAR, port=PORTS[kind])
                leak = {n: c for n, c in left.items() if n != by and c}
                tap.ok(not leak and (g != by or got == 'ok'),
                       f'{selection}: {WORDS[kind]} bound to {" ".join(bound)} of {g} leaves by '
                       f'no gateway that was not chosen', got, left)


def forwarded(selection):
    """What a container sends goes where the host's own packets go."""
    by = {'auto': 'eth0', 'eth0': 'eth0', 'wg0': 'wg0'}.get(selection)
    for kind in ('tcp', 'udp', 'echo'):
        net.watch()
        got = getattr(net.agents['ctr'], kind)(to=FAR)
        left = net.watch(to=FAR, port=PORTS[kind])
        wrong = {n: c for n, c in left.items() if n != by and c}
        tap.ok(not wrong and (got == 'ok') == bool(by),
               f'{selection}: {WORDS[kind]} of a container '
               f'{"goes out by " + by if by else "does not leave"}', got, left)


def neighbours(selection):
    for kind in ('tcp', 'udp', 'echo'):
        for to, what in ((LAN_CLIENT, 'the LAN'), (CONTAINER, 'a container'),
                         (SHORT, 'a network behind a static route'),
                         (HOST['wg0'], 'an address of its own')):
            got = getattr(host, kind)(to=to)
            tap.ok(got == 'ok', f'{selection}: {WORDS[kind]} of the host reaches {what}', got)
    got = net.agents['ctr'].tcp(to='fd00:c::1')
    tap.ok(got == 'ok', f'{selection}: a container reaches the host', got)
    got = net.agents['ctr'].tcp(to=LAN_CLIENT)
    tap.ok(got == 'ok', f'{selection}: a container reaches the LAN', got)
    got = host.echo(to='fe80::1%eth0')
    tap.ok(got == 'ok', f'{selection}: link-local neighbours answer', got)
    got = host.echo(to='ff02::1%eth0')
    tap.ok(got == 'ok', f'{selection}: multicast on the link works', got)


for choice in SELECTIONS:
    net.write_memory()
    net.select(choice)
    for way in HOST:
        # An incapable wg1 has no address; an emptied table waits for the next run.
        if (choice, way) not in (('incapable', 'wg1'), ('flushed', 'wg0')):
            inbound(choice, way)
    outbound(choice)
    forwarded(choice)
    if choice != 'flushed':
        neighbours(choice)
tap.finish()
