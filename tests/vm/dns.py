# SPDX-License-Identifier: LGPL-2.1-or-later
"""dns.py serve ADDRESS ANSWER: a name server that answers every question for an IPv4 address with ANSWER.
dns.py ask ADDRESS NAME: asks one, as a program does that knows nothing of links; prints the answer."""
import socket
import struct
import sys


def open_socket(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def end_of_name(packet, at):
    while packet[at]:
        at += packet[at] + 1
    return at + 1


def answer_to(packet, answer):
    end = end_of_name(packet, 12) + 4
    kind = struct.unpack_from("!H", packet, end - 4)[0]
    records = 0
    body = packet[12:end]
    if kind == 1:
        records = 1
        body += struct.pack("!HHHIH", 0xC00C, 1, 1, 0, 4) + socket.inet_aton(answer)
    return packet[:2] + struct.pack("!HHHHH", 0x8180, 1, records, 0, 0) + body


def serve(address, answer):
    server = open_socket(address)
    server.bind((address, 53))
    while True:
        packet, who = server.recvfrom(4096)
        server.sendto(answer_to(packet, answer), who)


def ask(address, name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    asking = open_socket(address)
    asking.settimeout(3)
    asking.sendto(struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1", (address, 53))
    print(socket.inet_ntoa(asking.recv(4096)[-4:]))


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
