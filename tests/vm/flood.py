# SPDX-License-Identifier: LGPL-2.1-or-later
"""flood.py TO SOURCE...: new connections without end: TCP and UDP, from unbound sockets and from
each SOURCE. Runs until it is killed; says what it tried when it is."""
import signal
import socket
import sys
import time

tried = {}


def stop(*_):
    print(' '.join('%s=%d' % t for t in tried.items()), flush=True)
    sys.exit(0)


def attempt(kind, to, source):
    with socket.socket(socket.AF_INET6, kind) as s:
        s.setblocking(False)
        try:
            if source:
                s.bind((source, 0))
            s.connect((to, 9))
            if kind == socket.SOCK_DGRAM:
                s.send(b'hello')
        except OSError:
            pass


signal.signal(signal.SIGTERM, stop)
while True:
    for source in [None] + sys.argv[2:]:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            attempt(kind, sys.argv[1], source)
        tried[source or 'unbound'] = tried.get(source or 'unbound', 0) + 2
    time.sleep(0.002)
