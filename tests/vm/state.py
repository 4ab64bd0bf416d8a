# SPDX-License-Identifier: LGPL-2.1-or-later
"""state.py INTERFACE: how long until a WireGuard gateway is as it was.

Stays, and asks the kernel by netlink: programs that are started to look would take longer than the
repair. Reads words: "remember", answered by what it saw; "wait", answered by the milliseconds until
all is as remembered ("never" after 5 s) and by whether it had seen it otherwise; what was otherwise
in the end goes to the standard error, keys by their digest.
Looked at: keys and mark (linux/wireguard.h), global addresses of both families, the gateway's table
but for metrics, the rules.
"""
import hashlib
import socket
import struct
import sys
import time

from watch import attributes, messages

NETLINK_ROUTE, NETLINK_GENERIC = 0, 16
NLMSG_ERROR, NLMSG_DONE, REQUEST, DUMP = 2, 3, 1, 0x300
RTM_GETADDR, RTM_GETROUTE, RTM_GETRULE = 22, 26, 34
RTA_PRIORITY, RTA_CACHEINFO = 6, 12
GENL_ID_CTRL, CTRL_CMD_GETFAMILY, WG_CMD_GET_DEVICE = 16, 3, 0
PAUSE_S, PATIENCE_S = 0.01, 5


def attribute(kind, value):
    return struct.pack('=HH', 4 + len(value), kind) + value + bytes(-len(value) % 4)


class Kernel:
    def __init__(self, interface):
        self.route, self.generic = (socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
                                    for protocol in (NETLINK_ROUTE, NETLINK_GENERIC))
        self.index = socket.if_nametoindex(interface)
        found = self.ask(self.generic, GENL_ID_CTRL, struct.pack('=BBH', CTRL_CMD_GETFAMILY, 1, 0) +
                         attribute(2, b'wireguard\0'), flags=REQUEST)
        self.wireguard, = struct.unpack('=H', attributes(found[0][4:])[1])

    @staticmethod
    def ask(link, kind, body, flags=REQUEST | DUMP):
        link.send(struct.pack('=IHHII', 16 + len(body), kind, flags, 0, 0) + body)
        answer = []
        while True:
            for kind_of, _, data in messages(link.recv(1 << 16)):
                if kind_of == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from('=i', data)[0], 'the kernel refuses')
                if kind_of == NLMSG_DONE:
                    return answer
                answer.append(data)
                if flags == REQUEST:
                    return answer

    def device(self):
        body = struct.pack('=BBH', WG_CMD_GET_DEVICE, 1, 0) + attribute(1, struct.pack('=I', self.index))
        for part in self.ask(self.generic, self.wireguard, body):
            found = attributes(part[4:])
            yield 'mark', found.get(7)
            peers = found.get(8, b'')
            while len(peers) >= 4:
                length, = struct.unpack_from('=H', peers)
                peer = attributes(peers[4:length])
                yield 'key', peer[1], hashlib.sha256(peer.get(2, b'')).hexdigest()[:8]
                peers = peers[(length + 3) & ~3:]

    def addresses(self):
        for body in self.ask(self.route, RTM_GETADDR, bytes(8)):
            family, length, _, scope, index = struct.unpack_from('=BBBBI', body)
            if index == self.index and scope == 0:
                found = attributes(body[8:])
                yield 'address', family, length, found.get(2, found.get(1))

    def routes(self):
        for body in self.ask(self.route, RTM_GETROUTE, struct.pack('=B11x', socket.AF_INET6)):
            found = attributes(body[12:])
            if struct.unpack('=I', found.get(15, bytes(4)))[0] == 1000 + self.index:
                yield ('route', body[:12]) + tuple(sorted(
                    a for a in found.items() if a[0] not in (RTA_PRIORITY, RTA_CACHEINFO)))

    def rules(self):
        for body in self.ask(self.route, RTM_GETRULE, struct.pack('=B11x', socket.AF_INET6)):
            yield 'rule', body

    def state(self):
        return sorted(map(repr, [*self.device(), *self.addresses(), *self.routes(), *self.rules()]))


def main():
    kernel, remembered = Kernel(sys.argv[1]), None
    for word in sys.stdin:
        if word.strip() == 'remember':
            remembered = kernel.state()
            print(len(remembered), flush=True)
            continue
        begin, changed = time.monotonic(), False
        while (now := kernel.state()) != remembered and time.monotonic() - begin < PATIENCE_S:
            changed = True
            time.sleep(PAUSE_S)
        took = int((time.monotonic() - begin) * 1000)
        if now != remembered:
            print('# gone:', set(remembered) - set(now), 'new:', set(now) - set(remembered), file=sys.stderr)
        print(took if now == remembered else 'never', int(changed), flush=True)


main()
