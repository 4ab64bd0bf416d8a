# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an agent can do beyond honest probes: attacks, and the protocols that a link lives on."""
import errno
import fcntl
import functools
import itertools
import os
import socket
import struct
import threading
import time

from family import AF, IPV4

ANY = '0.0.0.0' if IPV4 else '::'
IPV6_RTHDR = 57
IP_OPTIONS, IP_PKTINFO, IP_RECVERR, SOURCE_ROUTES = 4, 8, 11, {'lsrr': 131, 'ssrr': 137}
# of the family: level, and options for the interface of what is not bound
LEVEL, UNICAST_IF, MULTICAST_IF = (0, 50, 32) if IPV4 else (socket.IPPROTO_IPV6, 76, 17)
MTU_DISCOVER, RECVERR = (10, IP_RECVERR) if IPV4 else (23, 25)
JOIN_GROUP = 35 if IPV4 else socket.IPV6_JOIN_GROUP  # struct ip_mreqn, struct ipv6_mreq
SO_MARK = 36
MSG_FASTOPEN, SIOCGIFHWADDR, ETH_P_IPV6 = 0x20000000, 0x8927, 0x86DD
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60  # next header (RFC 8200, section 4)
ICMPV6_ECHO, ICMPV6_RS, ICMPV6_RA, ICMPV6_NS, ICMPV6_NA = 128, 133, 134, 135, 136


def result(f):
    """'ok' (or what f returns), or the name of the error."""
    @functools.wraps(f)
    def wrapper(**keywords):
        try:
            return f(**keywords) or 'ok'
        except TimeoutError:
            return 'timeout'
        except OSError as e:
            return errno.errorcode.get(e.errno, str(e))
    return wrapper


def packed(address):
    return socket.inet_pton(AF, address)


def resolved(address, port):
    """Of a numeric address, perhaps with %interface."""
    address, _, device = address.partition('%')
    if IPV4:
        return (address, port)
    return (address, port, 0, socket.if_nametoindex(device) if device else 0)


def new_socket(kind, protocol=0, source=None, timeout=0.2):
    s = socket.socket(AF, kind, protocol)
    s.settimeout(timeout)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if source:
        address, _, port = source.partition(' ')
        s.bind(resolved(address, int(port or 0)))
    return s


def internet_sum(data):
    """RFC 1071."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack('!H', ~total & 0xFFFF or 0xFFFF)


def checksum(source, to, protocol, body):
    """Of the upper layer, with the pseudo-header of RFC 8200, section 8.1; of RFC 9293, section 3.1."""
    rest = struct.pack('!HH', protocol, len(body)) if IPV4 else \
        struct.pack('!II', len(body), protocol)
    return internet_sum(packed(source) + packed(to) + rest + body)


def ip_header(source, to, protocol, length, fragment=0, number=0):
    """@length of what comes behind it; @fragment: RFC 791's flags and offset, of IPv4 only."""
    if not IPV4:
        return struct.pack('!IHBB', 6 << 28, length, protocol, 64) + packed(source) + packed(to)
    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + length, number, fragment, 64, protocol, 0)
    addresses = packed(source) + packed(to)
    return head[:10] + internet_sum(head + addresses) + addresses


# ---- attacks

@result
def become(uid):
    """An ordinary process from now on."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


@result
def pktinfo(to, port, source=ANY, device=None):
    index = struct.pack('I', socket.if_nametoindex(device) if device else 0)
    said = (LEVEL, IP_PKTINFO, index + packed(source) + bytes(4)) if IPV4 else \
        (LEVEL, socket.IPV6_PKTINFO, packed(source) + index)
    with new_socket(socket.SOCK_DGRAM) as s:
        s.sendmsg([b'hello'], [said], 0, (to, port))


@result
def marked(to, port, mark):
    with new_socket(socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        s.sendto(b'hello', (to, port))


@result
def unicast_if(to, port, device):
    with new_socket(socket.SOCK_DGRAM) as s:
        s.setsockopt(LEVEL, UNICAST_IF,
                     struct.pack('!I', socket.if_nametoindex(device)))
        s.sendto(b'hello', (to, port))


@result
def multicast(to, port, device):
    with new_socket(socket.SOCK_DGRAM) as s:
        index = struct.pack('I', socket.if_nametoindex(device))
        s.setsockopt(LEVEL, MULTICAST_IF, bytes(8) + index if IPV4 else index)
        s.sendto(b'hello', (to, port))


@result
def fast_open(to, port, source=None):
    """Data in the SYN, without a cookie (net.ipv4.tcp_fastopen, bit 2)."""
    with new_socket(socket.SOCK_STREAM, source=source, timeout=0.1) as s:
        s.sendto(b'hello', MSG_FASTOPEN, (to, port))


@result
def routed(kind, via, final, port, option='lsrr', errors=False):
    """By a segment routing header (RFC 8754), of IPv4 a source route (RFC 791): first stop
    @via, then @final."""
    header = bytes([0, 4, 4, 1, 1, 0, 0, 0]) + packed(final) + packed(via)
    route = bytes([SOURCE_ROUTES[option], 7, 4]) + packed(via) + bytes(1)
    with new_socket(getattr(socket, 'SOCK_' + kind), timeout=0.1) as s:
        s.setsockopt(LEVEL, *((IP_OPTIONS, route) if IPV4 else (IPV6_RTHDR, header)))
        if IPV4 and kind == 'DGRAM':  # connect() would take the source for @final
            if errors:
                s.setsockopt(LEVEL, IP_RECVERR, 1)
            try:
                s.sendto(b'hello', (final, port))
            except PermissionError:
                if not errors:
                    raise
            if errors:  # a drop says nothing else, a reject does
                s.recv(100)
            return
        s.connect((final, port))
        s.send(b'hello')


def upper_layer(kind, source, to, port):
    if kind == 'udp':
        body = struct.pack('!HHHH', 4242, port, 13, 0) + b'hello'
        return socket.IPPROTO_UDP, body[:6] + checksum(source, to, 17, body) + body[8:]
    flags = {'syn': 2, 'rst': 4, 'ack': 16}[kind]
    body = struct.pack('!HHIIBBHHH', 4242, port, 1, 1, 5 << 4, flags, 1024, 0, 0)
    return socket.IPPROTO_TCP, body[:16] + checksum(source, to, 6, body) + body[18:]


fragment_number = itertools.count(1)


def headers(kinds, protocol, body):
    """@body behind the extension headers @kinds, outermost first; one packet or two fragments."""
    bodies = [body]
    for kind in reversed(kinds):
        if kind in ('fragment', 'atomic'):
            number = next(fragment_number)
            parts = [body[:8], body[8:]] if kind == 'fragment' else [bodies[0]]
            bodies = [struct.pack('!BBHI', protocol, 0, i * 8 | (i + 1 < len(parts)), number) + part
                      for i, part in enumerate(parts)]
            protocol = FRAGMENT
        else:  # one PadN option (RFC 8200, section 4.2)
            bodies = [bytes([protocol, 0, 1, 4, 0, 0, 0, 0]) + b for b in bodies]
            protocol = {'hop-by-hop': HOP_BY_HOP, 'destination': DESTINATION}[kind]
    return protocol, bodies


@result
def craft(to, source, port, kinds=(), upper='udp'):
    """A packet of our own making, by the stack's output path (needs CAP_NET_RAW)."""
    protocol, body = upper_layer(upper, source, to, port)
    protocol, bodies = (protocol, [body]) if IPV4 else headers(list(kinds), protocol, body)
    packets = [ip_header(source, to, protocol, len(b)) + b for b in bodies]
    if IPV4 and 'fragment' in kinds:
        number = next(fragment_number)
        packets = [ip_header(source, to, protocol, 8, 0x2000, number) + body[:8],
                   ip_header(source, to, protocol, len(body) - 8, 1, number) + body[8:]]
    with new_socket(socket.SOCK_RAW, socket.IPPROTO_RAW, source=source) as s:
        for packet in packets:
            s.sendto(packet, (to, 0))


@result
def advertise(device, prefix=None, route=None):
    """A router advertisement (RFC 4861) without a default: one prefix (A=1, L=1), or one route
    (RFC 4191)."""
    body = struct.pack('!BBHBBHII', ICMPV6_RA, 0, 0, 64, 0, 0, 0, 0)
    if prefix:
        net, length = prefix.split('/')
        body += struct.pack('!BBBBIII', 3, 4, int(length), 0xC0, 600, 600, 0) + packed(net)
    if route:
        net, length = route.split('/')
        body += struct.pack('!BBBBI', 24, 3, int(length), 8, 600) + packed(net)
    index = socket.if_nametoindex(device)
    with new_socket(socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        s.sendto(body, ('ff02::1', 0, 0, index))


# ---- flows by datagram that last

flows = {}


@result
def flow(name, to, port, source=None):
    flows[name] = new_socket(socket.SOCK_DGRAM, source=source)
    flows[name].connect((to, port))


@result
def say(name):
    flows[name].send(b'hello')


@result
def hear(name):
    flows[name].recv(100)


# ---- load

loads = {}


def attempt(kind, to, port, source):
    try:
        with new_socket(kind, source=source) as s:
            s.setblocking(False)
            s.connect((to, port))
            s.send(b'hello')
    except OSError:
        pass  # refused, or under way: what left is counted elsewhere


def load(name, to, port, sources=(None,)):
    """New connections and datagrams, one after another, until unload."""
    stop = loads[name] = threading.Event()

    def loop():
        while not stop.is_set():
            for source in sources:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    attempt(kind, to, port, source)
            time.sleep(0.001)

    threading.Thread(target=loop, daemon=True).start()
    return 'ok'


def unload(name):
    loads.pop(name).set()
    return 'ok'


# ---- what a link lives on

def hardware_address(device):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        return fcntl.ioctl(s, SIOCGIFHWADDR, struct.pack('16s24x', device.encode()))[18:24]


@result
def solicit(device, source, target):
    """A neighbour solicitation (RFC 4861) from any @source, also ::, and the answer to it."""
    to = socket.inet_ntop(socket.AF_INET6, packed('ff02::1:ff00:0')[:13] + packed(target)[13:])
    mac = hardware_address(device)
    body = struct.pack('!BBHI', ICMPV6_NS, 0, 0, 0) + packed(target)
    if source != '::':
        body += bytes([1, 1]) + mac
    body = body[:2] + checksum(source, to, socket.IPPROTO_ICMPV6, body) + body[4:]
    packet = struct.pack('!IHBB', 6 << 28, len(body), socket.IPPROTO_ICMPV6, 255) + \
        packed(source) + packed(to) + body
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IPV6)) as s:
        s.bind((device, ETH_P_IPV6))
        s.settimeout(0.3)
        s.sendto(packet, (device, ETH_P_IPV6, 0, 0, b'\x33\x33' + packed(to)[12:]))
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            answer = s.recv(2000)
            if answer[6] == socket.IPPROTO_ICMPV6 and answer[40] == ICMPV6_NA and \
                    answer[48:64] == packed(target):
                return 'ok'
    return 'timeout'


@result
def solicit_router(device):
    index = socket.if_nametoindex(device)
    with new_socket(socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        s.sendto(struct.pack('!BBHI', ICMPV6_RS, 0, 0, 0), ('ff02::2', 0, 0, index))


joined = []


@result
def join(group, device):
    s = new_socket(socket.SOCK_DGRAM)
    index = struct.pack('I', socket.if_nametoindex(device))
    s.setsockopt(LEVEL, JOIN_GROUP, packed(group) + (bytes(4) if IPV4 else b'') + index)
    joined.append(s)


@result
def ask(to, port, source):
    """A question to a group or to everybody on a link (%interface); anybody may answer."""
    with new_socket(socket.SOCK_DGRAM, source=source, timeout=0.4) as s:
        device = to.partition('%')[2]
        if IPV4 and device:  # what only IPv6 can say in the address
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.setsockopt(LEVEL, MULTICAST_IF, bytes(8) + struct.pack('I', socket.if_nametoindex(device)))
        s.sendto(b'hello', resolved(to, port))
        s.recv(100)


@result
def too_big(to, port, size, source=None):
    """Sends a datagram that somebody on the way cannot forward: does he say so?"""
    with new_socket(socket.SOCK_DGRAM, source=source, timeout=0.5) as s:
        s.setsockopt(LEVEL, MTU_DISCOVER, 2)
        s.setsockopt(LEVEL, RECVERR, 1)
        s.connect((to, port))
        s.send(bytes(size))
        try:
            s.recv(2000)
            return 'arrived'
        except OSError as e:
            if e.errno != errno.EMSGSIZE:
                raise
    return 'ok'
