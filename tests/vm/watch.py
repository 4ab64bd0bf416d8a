# SPDX-License-Identifier: LGPL-2.1-or-later
"""watch.py FILE: notes every change of links, IPv6 addresses, routes, rules, next hops and nftables.

A line each: seconds since boot, "ours", "gone" or "other", what. Ours is what Sixgate wrote, gone
is what a process did to our objects that cannot be asked any more, other is the rest. Table local and neighbours are left out.
"""
import select
import socket
import struct
import sys
import time

PROTOCOL = 106
NETLINK_ROUTE, NETLINK_NETFILTER, SOL_NETLINK, NETLINK_NO_ENOBUFS = 0, 12, 270, 5
SO_RCVBUFFORCE, PID_MAX = 33, 1 << 22
NAMES = {16: 'link+', 17: 'link-', 20: 'address+', 21: 'address-', 24: 'route+', 25: 'route-',
         32: 'rule+', 33: 'rule-', 104: 'nexthop+', 105: 'nexthop-'}


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from('=HH', data)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def who_is(pid):
    # The kernel; and a socket that systemd made for a service has a number that is no process's.
    if pid == 0 or pid > PID_MAX:
        return 'other'
    try:
        with open('/proc/%d/comm' % pid, encoding='ascii') as f:
            return 'ours' if f.read().strip() in ('sixgate-reconci', '50-sixgate') else 'other'
    except OSError:
        return 'gone'


def describe_route(kind, body):
    """(what, whether it is one of our objects), or None."""
    if kind not in NAMES:
        return None
    what = NAMES[kind]
    if kind in (24, 25):
        length, table, protocol = body[1], body[4], body[5]
        found = attributes(body[12:])
        table = struct.unpack('=I', found[15])[0] if 15 in found else table
        if table == 255 or struct.unpack_from('=I', body, 8)[0] & 0x200:
            return None
        to = socket.inet_ntop(socket.AF_INET6, found[1]) if 1 in found else 'default'
        return '%s %s/%d table %d proto %d' % (what, to, length, table, protocol), protocol == PROTOCOL
    if kind in (32, 33):
        found = attributes(body[12:])
        return ('%s pref %d' % (what, struct.unpack('=I', found.get(6, bytes(4)))[0]),
                found.get(21, b'\0')[0] == PROTOCOL)
    if kind in (104, 105):
        return '%s %d' % (what, struct.unpack('=I', attributes(body[8:])[1])[0]), body[2] == PROTOCOL
    if kind in (20, 21):
        found = attributes(body[8:])
        return what + ' ' + socket.inet_ntop(socket.AF_INET6, found[1]), False
    found = attributes(body[16:])
    return what + ' ' + found.get(3, b'?').rstrip(b'\0').decode(), False


def describe_nft(kind, body):
    found = attributes(body[4:])
    if kind & 255 == 15:
        return None
    ours = body[0] == 10 and found.get(1) == b'startos\0'
    return 'nft %d%s' % (kind & 255, ' startos' if ours else ''), ours


def messages(data):
    while len(data) >= 16:
        length, kind, _, _, pid = struct.unpack_from('=IHHII', data)
        yield kind, pid, data[16:length]
        data = data[(length + 3) & ~3:]


def main():
    sockets = {}
    for bus, groups, describe in ((NETLINK_ROUTE, 2147747073, describe_route),
                                  (NETLINK_NETFILTER, 64, describe_nft)):
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, bus)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        s.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
        s.bind((0, groups))
        sockets[s] = describe
    poll = select.poll()
    by_fd = {s.fileno(): s for s in sockets}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    with open(sys.argv[1], 'a', buffering=1, encoding='ascii') as out:
        out.write('0 other start\n')
        known = {}
        while True:
            for fd, _ in poll.poll():
                now = time.clock_gettime(time.CLOCK_BOOTTIME)
                for kind, pid, body in messages(by_fd[fd].recv(65536)):
                    got = sockets[by_fd[fd]](kind, body)
                    if not got:
                        continue
                    what, object_of_ours = got
                    if object_of_ours and pid not in known:
                        known[pid] = who_is(pid)
                    who = known[pid] if object_of_ours else 'other'
                    # Nobody but us adds objects of ours.
                    if object_of_ours and what.split(' ')[0].endswith('+'):
                        who = 'ours'
                    out.write('%.3f %s %s\n' % (now, who, what))


if __name__ == '__main__':
    main()
