# SPDX-License-Identifier: LGPL-2.1-or-later
"""The D-Bus service called so fast that a process for each call would be too slow; no module but Python's
smallest is needed.

bus.py race TRIES: as many calls around the moment at which an idle service releases its name.
bus.py subscribe PATH COMMAND…: how long after COMMAND a subscriber is told of CanCarryIPv6 at PATH."""
import os
import select
import socket
import struct
import subprocess
import sys
import time

NAME, ROOT = 'org.sixgate.Sixgate1', '/org/sixgate/Sixgate1'
PROPERTIES = 'org.freedesktop.DBus.Properties'
BUS = ('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus')
METHOD_RETURN, ERROR, SIGNAL = 2, 3, 4


def text(value):
    data = value.encode()
    return struct.pack('<I', len(data)) + data + b'\0'


def pad(data, size):
    return data + b'\0' * (-len(data) % size)


class Bus:
    """A connection (D-Bus Specification, "Message Protocol")."""

    def __init__(self):
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect('/run/dbus/system_bus_socket')
        uid = ''.join(f'{ord(c):02x}' for c in str(os.getuid()))
        self.line.sendall(b'\0AUTH EXTERNAL ' + uid.encode() + b'\r\n')
        assert self.line.recv(512).startswith(b'OK')
        self.line.sendall(b'BEGIN\r\n')
        self.serial, self.data, self.signals = 0, b'', []
        self.call(*BUS, 'Hello')

    def send(self, destination, path, interface, member, *words):
        self.serial += 1
        body = b''
        for word in words:
            body = pad(body, 4) + text(word)
        fields = b''
        for code, kind, value in ((1, 'o', path), (2, 's', interface), (3, 's', member), (6, 's', destination)):
            fields = pad(fields, 8) + bytes([code, 1]) + kind.encode() + b'\0' + text(value)
        if words:
            signature = b's' * len(words)
            fields = pad(fields, 8) + b'\x08\x01g\0' + bytes([len(signature)]) + signature + b'\0'
        header = struct.pack('<cBBBII', b'l', 1, 0, 1, len(body), self.serial)
        self.line.sendall(pad(header + struct.pack('<I', len(fields)) + fields, 8) + body)
        return self.serial

    def receive(self, seconds):
        """A message, whole, as its type and its bytes; None when the time is up."""
        end = time.monotonic() + seconds
        while True:
            if len(self.data) >= 16:
                body, _, fields = struct.unpack_from('<III', self.data, 4)
                size = 16 + fields + -fields % 8 + body
                if len(self.data) >= size:
                    message, self.data = self.data[:size], self.data[size:]
                    return message[1], message
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.line], [], [], left)[0]:
                return None
            more = self.line.recv(65536)
            assert more, 'the bus closed the connection'
            self.data += more

    def call(self, *arguments):
        serial = struct.pack('<I', self.send(*arguments))
        while True:
            message = self.receive(30)
            assert message, f'no answer to {arguments}'
            kind, data = message
            if kind == SIGNAL:
                self.signals.append((time.monotonic(), data))
            elif data.find(b'\x05\x01u\0' + serial) >= 0:
                assert kind == METHOD_RETURN, f'{arguments}: {data!r}'
                return data

    def take_signals(self):
        while True:
            message = self.receive(0)
            if not message:
                return
            self.signals.append((time.monotonic(), message[1]))


def race(tries):
    bus = Bus()
    bus.call(*BUS, 'AddMatch', f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{NAME}'")
    get = (NAME, ROOT, PROPERTIES, 'Get', NAME + '.Manager', 'Version')
    bus.call(*get)
    asked, delay, missed, near = time.monotonic(), 0.05, 0, 0
    for i in range(tries):
        aim = asked + delay + (i % 101 - 50) / 10000
        bus.signals.clear()
        while time.monotonic() < aim:
            bus.take_signals()
        bus.call(*get)
        # Its name went: the new owner is the empty string, which ends the body.
        gone = [at for at, data in bus.signals if data.endswith(b'\0\0\0\0\0')]
        if gone:
            delay, missed = 0.8 * delay + 0.2 * min(gone[0] - asked, 0.2), 0
            near += abs(gone[0] - aim) < 0.005
        else:
            missed += 1
            delay += 0.001 if missed > 5 else 0
        asked = time.monotonic()
    print(f'# of {tries} calls {near} came within 5 ms of the release, {1000 * delay:.0f} ms after the last')
    assert near > tries / 20, f'only {near} came near the release'


def subscribe(path, *command):
    bus = Bus()
    bus.call(*BUS, 'AddMatch', f"type='signal',sender='{NAME}',member='PropertiesChanged',path='{path}'")
    bus.call(NAME, ROOT, NAME + '.Manager', 'Subscribe')
    begin = time.monotonic()
    subprocess.run(command, check=True)
    while True:
        message = bus.receive(begin + 5 - time.monotonic())
        assert message, 'not told within 5 s'
        if message[0] == SIGNAL and b'CanCarryIPv6' in message[1]:
            break
    took = time.monotonic() - begin
    print(f'# CanCarryIPv6 after {" ".join(command[:3])}: {1000 * took:.0f} ms')
    assert took < 1, 'within 1 s'


if sys.argv[1] == 'race':
    race(int(sys.argv[2]))
else:
    subscribe(*sys.argv[2:])
