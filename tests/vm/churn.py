# SPDX-License-Identifier: LGPL-2.1-or-later
"""churn.py TABLE DEVICE COUNT: COUNT changes of IPv6 routes by DEVICE in TABLE, as fast as it can: as a
routing daemon does, 500 come and go, again and again. Leaves none behind; says how long it took."""
import socket
import struct
import sys
import time

NEW, DELETE = 24, 25
REQUEST, ACK, CREATE = 1, 4, 0x400
PROTOCOL_BGP, GLOBAL, UNICAST = 186, 0, 1
ATTR_TO, ATTR_OIF, ATTR_TABLE = 1, 4, 15
AT_ONCE, ROUTES = 50, 500


def attribute(kind, value):
    return struct.pack('=HH', 4 + len(value), kind) + value


def message(kind, number, flags, table, oif):
    to = socket.inet_pton(socket.AF_INET6, 'fd99:%x::' % (0x1000 + number))
    body = struct.pack('=BBBBBBBBI', socket.AF_INET6, 48, 0, 0, 0, PROTOCOL_BGP, GLOBAL, UNICAST, 0)
    body += attribute(ATTR_TO, to) + attribute(ATTR_OIF, struct.pack('=I', oif))
    body += attribute(ATTR_TABLE, struct.pack('=I', table))
    return struct.pack('=IHHII', 16 + len(body), kind, REQUEST | flags, number, 0) + body


def send(s, messages):
    """The last one of a datagram is acknowledged: the kernel takes them one after the other."""
    for i in range(0, len(messages), AT_ONCE):
        s.send(b''.join(messages[i:i + AT_ONCE]))
        error = struct.unpack_from('=i', s.recv(4096), 16)[0]
        if error:
            sys.exit('the kernel says error %d' % error)


def batch(kind, create, table, oif):
    return [message(kind, n, create | (ACK if n % AT_ONCE == AT_ONCE - 1 else 0), table, oif)
            for n in range(ROUTES)]


def main():
    table, oif, count = int(sys.argv[1]), socket.if_nametoindex(sys.argv[2]), int(sys.argv[3])
    coming, going = batch(NEW, CREATE, table, oif), batch(DELETE, 0, table, oif)
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    begin = time.monotonic()
    for _ in range(count // (2 * ROUTES)):
        send(s, coming)
        send(s, going)
    print('%.1f' % (time.monotonic() - begin))


main()
