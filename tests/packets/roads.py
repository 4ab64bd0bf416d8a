# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who gets an answer by which road: what each line of the tables asks for.

(client) x (protocol) x (host or container) x (gateway), and what the host itself sends, for one
selection. Whoever set up the host says by which gateway it should leave.
"""
import itertools

from family import CONTAINER, CONTAINER_ROUTER, EVERYBODY, FAR, FOR_CONTAINER, HOST, ICMP, IPV4, LAN_CLIENT, \
    LINK_LOCAL, SHORT

CLIENTS = {'far': FAR, 'lan': LAN_CLIENT}
# who answers, how, where
PROBES = {
    'host': {'tcp': (HOST, 7), 'udp': (HOST, 7), 'echo': (HOST, None), 'closed': (HOST, 9)},
    'container': {'tcp': (HOST, 8080), 'udp': (HOST, 8080), 'echo': (FOR_CONTAINER, None),
                  'closed': (HOST, 8081)},
}
PORTS = {'tcp': 7, 'udp': 7, 'echo': 0}  # of what the host sends; the code, of an echo request
ICMP_CODES = {'echo': 0, 'closed': 3 if IPV4 else 4}  # of the answers
WORDS = {'tcp': 'TCP', 'udp': 'UDP', 'echo': ICMP + ' echo', 'closed': 'UDP to a closed port'}
fresh_port = itertools.cycle(range(10000, 30000))


class Roads:
    def __init__(self, net, tap, story=''):
        """@story: what the host went through, said before each line."""
        self.net, self.tap = net, tap
        self.story = story and story + ': '

    def ok(self, good, what, *why):
        self.tap.ok(good, self.story + what, *why)

    def inbound(self, selection, gateway, clients=tuple(CLIENTS)):
        """A connection is answered by the gateway that it came in by, and by no other."""
        for client in clients:
            for target, probes in PROBES.items():
                for kind, (where, port) in probes.items():
                    got, left = self.ask(client, kind, where[gateway], port)
                    self.ok(got == 'ok' and left[gateway] > 0 and
                            sum(left.values()) == left[gateway],
                            f'{selection}: {WORDS[kind]} from {client} by {gateway} to the {target}'
                            f' is answered by {gateway}', got, left)

    def ask(self, client, kind, to, port):
        """What the client got, and by which gateways the answers to this very question left: older
        connections may still repeat themselves."""
        source, options = CLIENTS[client], {'port': port} if port else {}
        back = ICMP_CODES[kind] if kind in ICMP_CODES else next(fresh_port)
        bind = source if kind in ICMP_CODES else f'{source} {back}'
        self.net.watch()
        got = getattr(self.net.agents[client], kind)(to=to, source=bind, **options)
        return got, self.net.watch(to=source, port=back)

    def outbound(self, selection, by, to=FAR):
        """A new connection leaves by @by, or not at all where that is None."""
        net, host = self.net, self.net.agents['host']
        where = '' if to == FAR else ' to ' + to
        for kind in ('tcp', 'udp', 'echo'):
            net.watch()
            got = getattr(host, kind)(to=to, timeout=0.6)
            left = net.watch(to=to, port=PORTS[kind])
            if by:
                self.ok(got == 'ok' and left[by] > 0 and sum(left.values()) == left[by],
                        f'{selection}: {WORDS[kind]} of the host{where} goes out by {by}', got, left)
            else:
                self.ok(got not in ('ok', 'timeout') and sum(left.values()) == 0,
                        f'{selection}: {WORDS[kind]} of the host{where} is refused with an error, '
                        'nothing leaves', got, left)

    def bound(self, selection, gateways, may):
        """Nor does a socket that is bound to the address or the device of another one help; by
        the first of @may it works, by the others of @may it would be right."""
        net, host = self.net, self.net.agents['host']
        for kind in ('tcp', 'udp', 'echo'):
            for g in gateways:
                for bound in ({'source': HOST[g]}, {'device': net.device(g)}):
                    net.watch()
                    got = getattr(host, kind)(to=FAR, timeout=0.15, **bound)
                    left = net.watch(to=FAR, port=PORTS[kind])
                    leak = {n: c for n, c in left.items() if n not in may and c}
                    self.ok(not leak and (g not in may[:1] or got == 'ok'),
                            f'{selection}: {WORDS[kind]} bound to {" ".join(bound)} of {g} leaves '
                            'by no gateway that was not chosen', got, left)

    def forwarded(self, selection, by):
        """What a container sends goes where the host's own packets go."""
        net = self.net
        for kind in ('tcp', 'udp', 'echo'):
            net.watch()
            got = getattr(net.agents['ctr'], kind)(to=FAR)
            left = net.watch(to=FAR, port=PORTS[kind])
            wrong = {n: c for n, c in left.items() if n != by and c}
            self.ok(not wrong and (got == 'ok') == bool(by),
                    f'{selection}: {WORDS[kind]} of a container '
                    f'{"goes out by " + by if by else "does not leave"}', got, left)

    def neighbours(self, selection, own='wg0'):
        """The LAN, containers, what is behind a static route, and the address of @own."""
        host, container = self.net.agents['host'], self.net.agents['ctr']
        for kind in ('tcp', 'udp', 'echo'):
            for to, what in ((LAN_CLIENT, 'the LAN'), (CONTAINER, 'a container'),
                             (SHORT, 'a network behind a static route'),
                             (HOST[own], 'an address of its own')):
                got = getattr(host, kind)(to=to)
                self.ok(got == 'ok', f'{selection}: {WORDS[kind]} of the host reaches {what}', got)
        got = container.tcp(to=CONTAINER_ROUTER)
        self.ok(got == 'ok', f'{selection}: a container reaches the host', got)
        got = container.tcp(to=LAN_CLIENT)
        self.ok(got == 'ok', f'{selection}: a container reaches the LAN', got)
        got = host.echo(to=LINK_LOCAL)
        self.ok(got == 'ok', f'{selection}: link-local neighbours answer', got)
        got = host.echo(to=EVERYBODY)
        self.ok(got == 'ok', f'{selection}: multicast on the link works', got)
