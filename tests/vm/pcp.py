#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pcp.py SERVER map INTERNAL [NAME=VALUE...] | announce | listen SECONDS: a PCP client, written from RFC
6887 and from nothing of ours. Prints "RESULT lifetime=… external=… epoch=… size=…"; "silence" when
there is no answer; "wrong-source" when it did not come from the address that was asked.

Names: protocol, lifetime, external, nonce, prefer-failure, filter=PREFIX/LEN[,PORT], set, client,
third-party, version, source; times=N asks so often, the last answer is told; silence of a server that
limits the rate is waited out."""
import ipaddress
import socket
import struct
import sys

RESULTS = ('SUCCESS UNSUPP_VERSION NOT_AUTHORIZED MALFORMED_REQUEST UNSUPP_OPCODE UNSUPP_OPTION '
           'MALFORMED_OPTION NETWORK_FAILURE NO_RESOURCES UNSUPP_PROTOCOL USER_EX_QUOTA '
           'CANNOT_PROVIDE_EXTERNAL ADDRESS_MISMATCH EXCESSIVE_REMOTE_PEERS').split()


def packed(text):
    return ipaddress.IPv6Address(text).packed


def option(code, data=b''):
    return struct.pack('>BBH', code, 0, len(data)) + data + b'\0' * (-len(data) % 4)


def request(opcode, own, options, internal=0):
    version = int(options.get('version', 2))
    lifetime = int(options.get('lifetime', 3600 if opcode == 1 else 0))
    message = struct.pack('>BBHI', version, opcode, 0, lifetime) + packed(options.get('client', own))
    if opcode != 1:
        return message
    protocol = {'tcp': 6, 'udp': 17, 'all': 0}[options.get('protocol', 'tcp')]
    message += options.get('nonce', 'n' * 12).encode().ljust(12, b'\0')
    message += struct.pack('>B3xHH', protocol, internal, int(options.get('external', 0))) + packed('::')
    if 'prefer-failure' in options:
        message += option(2)
    if 'filter' in options:
        prefix, _, port = options['filter'].partition(',')
        address, length = prefix.split('/')
        message += option(3, struct.pack('>BBH', 0, int(length), int(port or 0)) + packed(address))
    if 'set' in options:
        message += option(130, struct.pack('>HHB', int(options['set']), internal, 0))
    if 'third-party' in options:
        message += option(1, packed(options['third-party']))
    return message


def tell(answer):
    code = answer[3]
    lifetime, epoch = struct.unpack('>II', answer[4:12])
    words = [RESULTS[code], f'lifetime={lifetime}', f'epoch={epoch}']
    if answer[1] == 0x81 and code == 0:
        words.insert(2, f'external={struct.unpack(">H", answer[42:44])[0]}')
        if len(answer) >= 72 and answer[60] == 130:
            words.append(f'size={struct.unpack(">H", answer[64:66])[0]}')
    print(*words)


def ask(link, message, server):
    link.settimeout(0.2)
    for _ in range(50):
        link.sendto(message, (server, 5351))
        try:
            link.recv(2048)
            return
        except socket.timeout:
            pass
    sys.exit('no answer in ten seconds')


def main():
    server, verb, *words = sys.argv[1:]
    link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    if verb == 'listen':
        link.bind(('::', 5350))
        link.settimeout(float(words[0]))
    else:
        options = dict(word.partition('=')[::2] for word in words[verb == 'map':])
        if 'source' in options:
            link.bind((options['source'], 0))
        probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        probe.connect((server, 5351))
        own = options.get('source', probe.getsockname()[0])
        opcode = 1 if verb == 'map' else 0
        message = request(opcode, own, options, int(words[0]) if verb == 'map' else 0)
        for _ in range(int(options.get('times', 1)) - 1):
            ask(link, message, server)
        link.sendto(message, (server, 5351))
        link.settimeout(float(options.get('wait', 5)))
    try:
        answer, peer = link.recvfrom(2048)
    except socket.timeout:
        print('silence')
        return
    if peer[0] != server and verb != 'listen':
        print('wrong-source', peer[0])
        return
    tell(answer)


main()
