# SPDX-License-Identifier: LGPL-2.1-or-later
"""One host of the small internet: runs in its network namespace, takes commands.

Reads lines of the form repr ((name, keywords)) from standard input and answers each with
repr (result). A prober that would be a process per probe costs fifty times as much.
"""
import ast
import errno
import fcntl
import itertools
import os
import socket
import struct
import sys
import threading
import time

from family import AF, IPV4
from tricks import *  # noqa: F403: each is a command, too

ETH_P_ALL, ETH_P = 3, 0x0800 if IPV4 else 0x86DD
IPV6_RTHDR = 57
# of the family: level, option that asks for errors, option that asks where a datagram went
LEVEL, RECVERR, RECVPKTINFO = (0, 11, 8) if IPV4 else (socket.IPPROTO_IPV6, 25, 49)
PKTINFO = 8 if IPV4 else socket.IPV6_PKTINFO
ICMP, ECHO, ECHO_REPLY = (1, 8, 0) if IPV4 else (socket.IPPROTO_ICMPV6, 128, 129)
IGMP = 2
SO_BINDTODEVICE, SO_MARK, MSG_ERRQUEUE = 25, 36, 0x2000
SO_RCVBUFFORCE = 33
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
UDP_NO_CHECK6_TX = 101
PATIENCE = 3 if 'SIXGATE_IN_GUEST' in os.environ else 1.5  # the guest's system calls are slow
NEIGHBOUR_DISCOVERY = range(130, 144)  # also multicast listener (RFC 3810): never "a packet"


def name_of(error):
    return 'timeout' if isinstance(error, TimeoutError) else errno.errorcode.get(error.errno, str(error))


def new_socket(kind, protocol=0, source=None, device=None, mark=None, timeout=0.4, **_):
    s = socket.socket(AF, kind, protocol)
    s.settimeout(timeout * PATIENCE)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if device:
        s.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device.encode())
    if mark:
        s.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    if source:
        address, _, port = source.partition(' ')
        s.bind((address, int(port or 0)))
    return s


# ---- what a client does; each returns 'ok' or what happened instead

def tcp(to, port=7, **options):
    with new_socket(socket.SOCK_STREAM, **options) as s:
        try:
            s.connect((to, port))
            s.sendall(b'hello')
            return 'ok' if s.recv(100) == b'hello' else 'nonsense'
        except OSError as e:
            return name_of(e)


def udp(to, port=7, rthdr=None, errors=False, **options):
    """An echo by datagram; answers of another source than the one asked do not count. @errors:
    asks for every ICMP error, also those that the kernel calls soft (no route)."""
    with new_socket(socket.SOCK_DGRAM, **options) as s:
        try:
            if errors:
                s.setsockopt(LEVEL, RECVERR, 1)
            if rthdr:  # a segment routing header (RFC 8754) whose next stop is `to`
                s.setsockopt(LEVEL, RECVERR, 1)
                # The checksum is one for the last stop; on the way a reject takes it for wrong
                # and says nothing.
                s.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_TX, 1)
                final = socket.inet_pton(socket.AF_INET6, rthdr)
                via = socket.inet_pton(socket.AF_INET6, to)
                s.setsockopt(socket.IPPROTO_IPV6, IPV6_RTHDR,
                             bytes([0, 4, 4, 1, 1, 0, 0, 0]) + final + via)
                try:
                    s.sendto(b'hello', (rthdr, port))
                except PermissionError:
                    pass  # what a drop says; whether there is a word for it comes next
            else:
                s.connect((to, port))
                s.send(b'hello')
            return 'ok' if s.recv(100) == b'hello' else 'nonsense'
        except OSError as e:
            return name_of(e)


def closed(to, port=9, **options):
    """A datagram to a port where nobody listens: who says so?"""
    with new_socket(socket.SOCK_DGRAM, **options) as s:
        s.setsockopt(LEVEL, RECVERR, 1)
        try:
            s.connect((to, port))
            s.send(b'hello')
            s.recv(100)
            return 'somebody listens'
        except OSError as e:
            if e.errno != errno.ECONNREFUSED:
                return name_of(e)
        _, ancillary, _, _ = s.recvmsg(100, 500, MSG_ERRQUEUE)
        for _, kind, data in ancillary:
            if kind == RECVERR:  # struct sock_extended_err, then the offender's sockaddr
                offender = socket.inet_ntop(AF, data[20:24] if IPV4 else data[24:40])
                return 'ok' if offender == to else 'refused by ' + offender
        return 'refused by nobody'


echo_number = itertools.count(4711)


def echo(to, **options):
    to, _, link = to.partition('%')
    if link:
        options['device'] = link
    with new_socket(socket.SOCK_RAW, ICMP, **options) as s:
        try:
            # a number of its own: to conntrack each is a new flow
            number = struct.pack('!HH', next(echo_number) & 0xFFFF, 1)
            head = struct.pack('!BBH', ECHO, 0, 0)
            if IPV4:  # there the kernel leaves the sum to us
                head = head[:2] + internet_sum(head + number)
            s.sendto(head + number, (to, 0))
            end = time.monotonic() + s.gettimeout()
            while time.monotonic() < end:
                data, peer = s.recvfrom(200)
                data = data[(data[0] & 15) * 4:] if IPV4 else data
                if data[0] == ECHO_REPLY and data[4:8] == number:
                    return 'ok' if link or peer[0] == to else 'answered by ' + peer[0]
            return 'timeout'
        except OSError as e:
            return name_of(e)


def choose(to, **options):
    """Only asks the kernel for a route and a source; sends nothing."""
    with new_socket(socket.SOCK_DGRAM, **options) as s:
        try:
            s.connect((to, 9))
            return 'ok'
        except OSError as e:
            return name_of(e)


def send(to, port, **options):
    """A datagram, and no waiting."""
    with new_socket(socket.SOCK_DGRAM, **options) as s:
        try:
            s.sendto(b'hello', (to, port))
            return 'ok'
        except OSError as e:
            return name_of(e)


def shout(to, port, device):
    """A datagram to everybody on a link."""
    with new_socket(socket.SOCK_DGRAM, device=device) as s:
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.sendto(b'hello', (to, port))
            return 'ok'
        except OSError as e:
            return name_of(e)


held = {}


def hold(name, to, port=7, **options):
    """Opens a TCP connection that stays until it is dropped."""
    s = new_socket(socket.SOCK_STREAM, **options)
    try:
        s.connect((to, port))
        held[name] = s
        return 'ok'
    except OSError as e:
        return name_of(e)


def talk(name):
    try:
        held[name].sendall(b'hello')
        return 'ok' if held[name].recv(100) == b'hello' else 'nonsense'
    except OSError as e:
        return name_of(e)


def drop(name):
    held.pop(name).close()
    return 'ok'


def forge(device, mac, source, sport, to, port):
    """A UDP datagram with a source that is not ours, straight to a neighbour."""
    body = struct.pack('!HHHH', sport, port, 13, 0) + b'hello'
    body = body[:6] + checksum(source, to, socket.IPPROTO_UDP, body) + body[8:]
    packet = ip_header(source, to, socket.IPPROTO_UDP, len(body)) + body
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P)) as p:
        p.sendto(packet, (device, ETH_P, 0, 0, bytes.fromhex(mac.replace(':', ''))))
    return 'ok'


# ---- servers

spoken_to = []


def serve_tcp(port):
    s = socket.create_server((ANY, port), family=AF, backlog=64)

    def one(c):
        """Until the client ends it: what stays open is counted against us (RLIMIT_NOFILE)."""
        try:
            while data := c.recv(100):
                c.sendall(data)
        except OSError:
            pass
        spoken_to.remove(c)
        c.close()

    while True:
        c, _ = s.accept()
        spoken_to.append(c)
        threading.Thread(target=one, args=(c,), daemon=True).start()


def answering(pktinfo):
    """The source that was asked, by any interface: struct in_pktinfo, in6_pktinfo."""
    return bytes(4) + pktinfo[8:12] + bytes(4) if IPV4 else pktinfo[:16] + bytes(4)


def is_multicast(pktinfo):
    """Or broadcast: no source to answer from."""
    return pktinfo[8] >= 224 if IPV4 else pktinfo[0] == 0xff


def serve_udp(port):
    """Answers from the address that was asked, as a good server on several addresses does."""
    s = socket.socket(AF, socket.SOCK_DGRAM)
    s.setsockopt(LEVEL, RECVPKTINFO, 1)
    s.bind((ANY, port))
    while True:
        data, ancillary, _, peer = s.recvmsg(100, 100)
        asked = [(LEVEL, PKTINFO, answering(d)) for _, kind, d in ancillary
                 if kind == PKTINFO and not is_multicast(d)]
        try:
            s.sendmsg([data], asked, 0, peer)
        except OSError:
            pass


def serve(port=7):
    for server in (serve_tcp, serve_udp):
        threading.Thread(target=server, args=(port,), daemon=True).start()
    time.sleep(0.05)
    return 'ok'


def speak():
    """The server's side of the newest connection speaks first."""
    spoken_to[-1].sendall(b'hello')
    return 'ok'


def listen(name):
    try:
        return 'ok' if held[name].recv(100) == b'hello' else 'nonsense'
    except OSError as e:
        return name_of(e)


# ---- what came by on a link

sniffers = {}  # device → its socket
seen, controls = {}, {}  # what somebody meant; what the link lives on


def describe(packet):
    """(source, destination, protocol, source port, destination port) and whether anybody meant it:
    neighbour and multicast listener discovery nobody does."""
    return describe_ipv4(packet) if IPV4 else describe_ipv6(packet)


def describe_ipv4(packet):
    protocol, at = packet[9], (packet[0] & 15) * 4
    source, to = (socket.inet_ntop(socket.AF_INET, packet[a:a + 4]) for a in (12, 16))
    if packet[6] & 0x1f or packet[7] or len(packet) < at + 4:  # a later fragment
        return (source, to, protocol, 0, 0), True
    if protocol == ICMP:
        return (source, to, protocol, packet[at], packet[at + 1]), True
    if protocol == IGMP:
        return (source, to, protocol, packet[at], packet[at + 1]), False
    return (source, to, protocol) + struct.unpack('!HH', packet[at:at + 4]), True


def describe_ipv6(packet):
    protocol, at = packet[6], 40
    source, to = (socket.inet_ntop(socket.AF_INET6, packet[a:a + 16]) for a in (8, 24))
    while protocol in (0, 43, 60) and len(packet) >= at + 8:
        protocol, at = packet[at], at + 8 * (packet[at + 1] + 1)
    if len(packet) < at + 4:
        return (source, to, protocol, 0, 0), True
    if protocol == socket.IPPROTO_ICMPV6:
        return ((source, to, protocol, packet[at], packet[at + 1]),
                packet[at] not in NEIGHBOUR_DISCOVERY)
    return (source, to, protocol) + struct.unpack('!HH', packet[at:at + 4]), True


def note(device, packet):
    if packet[0] >> 4 != (4 if IPV4 else 6):
        return
    what, meant = describe(packet)
    (seen if meant else controls)[device].append(what)


def sniff(device):
    """Notes every packet of the family that comes in by `device` from now on."""
    # ETH_P_ALL: the port of a bridge gives its packets away before others are asked.
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    # They wait in the socket until somebody asks: a thread that fetches them may come too late.
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    s.setblocking(False)
    s.bind((device, ETH_P_ALL))
    sniffers[device], seen[device], controls[device] = s, [], []
    return 'ok'


def fetch(device):
    """Takes what came by until now out of the socket; of a tunnel (below) a thread takes it."""
    if device not in sniffers:
        time.sleep(0.01)
    while device in sniffers:
        try:
            packet, meta = sniffers[device].recvfrom(2000)
        except BlockingIOError:
            return
        except OSError:
            continue  # the device went down, which is said once
        if meta[1] == ETH_P and meta[2] != socket.PACKET_OUTGOING:
            note(device, packet)


def tun(device):
    """Makes a tunnel interface that is up as long as this host lives, and watches it."""
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', device.encode(), IFF_TUN | IFF_NO_PI))
    seen[device], controls[device] = [], []

    def run():
        while True:
            try:
                note(device, os.read(fd, 2000))
            except OSError:
                return  # somebody removed the interface

    threading.Thread(target=run, daemon=True).start()
    return 'ok'


def packets(device):
    """What was seen since the last time, and forgets it."""
    fetch(device)
    got, seen[device] = seen[device], []
    return got


def icmp_types(device):
    """The types of the discovery packets since the last time; of IPv4, of IGMP."""
    fetch(device)
    got, controls[device] = controls[device], []
    return sorted({p[3] for p in got})


def main():
    for line in sys.stdin:
        name, keywords = ast.literal_eval(line)
        try:
            print(repr(globals()[name](**keywords)), flush=True)
        except Exception as e:  # the test has to see it, whatever it is
            print(repr('broken: %r' % e), flush=True)


main()
