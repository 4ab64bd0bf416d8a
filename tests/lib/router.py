# SPDX-License-Identifier: LGPL-2.1-or-later
"""router.py INTERFACE PREFIX: advertises itself as the default router and PREFIX (a /64) as on-link and for
autoconfiguration, twice a second (RFC 4861, section 4.2; the prefix: section 4.6.2), until it is killed."""
import socket
import struct
import sys
import time

ADVERTISEMENT, PREFIX_INFORMATION, ON_LINK, AUTONOMOUS = 134, 3, 0x80, 0x40
LIFETIME_S, VALID_S, PREFERRED_S, PAUSE_S = 1800, 86400, 14400, 0.5


def main():
    interface, prefix = sys.argv[1], socket.inet_pton(socket.AF_INET6, sys.argv[2])
    index = socket.if_nametoindex(interface)
    message = struct.pack('!BBHBBHII', ADVERTISEMENT, 0, 0, 64, 0, LIFETIME_S, 0, 0) + struct.pack(
        '!BBBBIII', PREFIX_INFORMATION, 4, 64, ON_LINK | AUTONOMOUS, VALID_S, PREFERRED_S, 0) + prefix
    link = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    while True:
        try:
            link.sendto(message, ('ff02::1', 0, 0, index))
        except OSError:
            pass  # the link is down, or has no address yet
        time.sleep(PAUSE_S)


main()
