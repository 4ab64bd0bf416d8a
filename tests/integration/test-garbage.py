#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Garbage on every input of every program: one sentence, and nothing is changed.

HERE and ELSEWHERE are the survey: each input that a program has. What a parser does with bytes is tests/fuzz's; here are the built programs.
"""
import contextlib
import fcntl
import hashlib
import itertools
import os
import random
import socket
import subprocess
import sys
import threading

from gi.repository import Gio, GLib

import kit
from kit import CONFIG, ENV, MEMORY, PROGRAM, STATE, case, check, complete, get, kernel, put, reset, same

TUNNEL_STATE = '/var/lib/sixgate/tunnel.state'
LIMITS = '/run/sixgate/limits'
UPDATE = '/run/sixgate/update'  # what an update in place is undone from
WG_FILE = '/run/given.conf'
FOLDERS = ('/etc/sixgate', os.path.dirname(CONFIG), '/var/lib/sixgate', '/run/sixgate')
LONG = kit.LONG
SHORT_ANSWERS = os.environ['SIXGATE_SHORT_ANSWERS']
PROGRAMS = {name: os.path.abspath(os.environ['SIXGATE_' + name.upper()])
            for name in ('reconcile', 'gateway', 'tunnel', 'doctor', 'service', 'ctl', 'pcp')}
turns = itertools.count()


def some(things, n=1):
    """All of them; by default @n, each time the next ones, so that all have their turn."""
    things = list(things)
    return things if LONG else [things[(next(turns)) % len(things)] for _ in range(min(n, len(things)))]


SEED = int(os.environ.get('SIXGATE_SEED', '1'))
# The system bus is not there, or is what a case puts there.
BUS = '/run/garbage-bus'
QUIET = dict(ENV, DBUS_SYSTEM_BUS_ADDRESS='unix:path=' + BUS, LC_ALL='C.UTF-8')

# Every input of every program; those that are tried elsewhere, with the file.
ELSEWHERE = {
    'service: calls': 'tests/nm/service-stress.py', 'ctl: answers of the service': 'tests/nm/sixgatectl.py',
    'ctl: a backup': 'tests/fuzz/fuzz-backup.c', 'nm-plugin: a WireGuard file': 'tests/fuzz/fuzz-wg-conf.c',
    'gateway: what is in a WireGuard file': 'tests/fuzz/fuzz-wg-conf.c',
    'gateway: profiles of NetworkManager': 'tests/fuzz/fuzz-profile.c',
    'reconcile: what the kernel announces': 'tests/fuzz/fuzz-rtnl.c',
    'pcp: datagrams': 'tests/fuzz/fuzz-pcp.c', 'pcp: what it remembers': 'tests/fuzz/fuzz-pcp-journal.c',
}
HERE = {
    'reconcile: arguments', 'gateway: arguments', 'tunnel: arguments', 'doctor: arguments',
    'service: arguments', 'ctl: arguments', 'pcp: arguments', "reconcile: the dispatcher's words",
    'reconcile: sixgate.conf', 'gateway: sixgate.conf', 'tunnel: sixgate.conf', 'doctor: sixgate.conf',
    'reconcile: host.conf', 'reconcile: tunnel.state', 'tunnel: tunnel.state', 'reconcile: memory',
    'reconcile: limits', 'gateway: update', 'gateway: given.conf', 'ctl: given.conf',
    'reconcile: sockets of systemd', 'reconcile: answers of the kernel', 'doctor: answers of the kernel',
    'reconcile: answers of NetworkManager',
}
tried_here = set()


def run(name, *words, env=None, stdin=None, timeout=30):
    return subprocess.run([PROGRAMS[name], *words], env=env or QUIET, capture_output=True,
                          check=False, timeout=timeout, input=stdin)


def files():
    """Everything below our folders, but for what every run may touch: the lock."""
    found = {}
    for folder in FOLDERS:
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                if name != 'lock' and os.path.isfile(path) and os.path.getsize(path) < 1 << 24:
                    found[path] = hashlib.sha256(get(path)).hexdigest()
    return found


NO_BUS = b'sixgate: cannot ask NetworkManager over the system bus: No such file or directory\n'


def one_sentence(done, name, what):
    """One line that begins with who says it, without control characters; NetworkManager's absence,
    a warning of its own, apart."""
    if name != 'ctl' and done.stderr != NO_BUS:
        done.stderr = done.stderr.replace(NO_BUS, b'')
    said = done.stderr.decode('utf-8', 'surrogateescape')
    prefix = b'sixgatectl: ' if name == 'ctl' else b'sixgate: '
    check(done.returncode > 0, f'{what}: status {done.returncode}: {said}')
    check(done.stderr.startswith(prefix) and done.stderr.count(b'\n') == 1 and
          done.stderr.endswith(b'\n') and len(said) < 700, f'{what}: no single sentence: {said[:600]!r}')
    check(not any(c < ' ' or c == '\x7f' or '\udc80' <= c <= '\udcff' for c in said[:-1]),
          f'{what}: control characters or broken text: {said!r}')
    return said


def refused(name, what, *words, holds='', status=None):
    """Ends with one sentence that holds @holds."""
    done = run(name, *words)
    said = one_sentence(done, name, what)
    check(holds in said, f'{what}: no “{holds}” in: {said}')
    if status is not None:
        same(done.returncode, status, f'{what}: {said}')


@contextlib.contextmanager
def unchanged(what):
    """Kernel and files are afterwards what they were before."""
    before = kernel(), files()
    yield
    same(kernel(), before[0], f'{what}: the kernel was changed')
    same(files(), before[1], f'{what}: files were changed')


# ---- arguments

def garbage_words():
    yield from (['--frobnicate'], ['frobnicate'], ['-x'], ['--', 'x'], [''], ['a\nb', 'c\x1b[31md', 'e'],
                ['--a\nb\x1b[2J'], [b'\xff\xfe\x80'], [b'--\xff\xfe'], ['x' * 100000], ['--' + 'y' * 100000],
                ['‮'], ['--json=1'], ['%s%n%s%n'], ['--%s%n'])


USAGE = [['--frobnicate'], ['-x'], ['frobnicate'], ['--', 'x'], [b'--\xff\xfe']]
# what a program takes, with garbage in one place
NEARLY = {
    'reconcile': [['--outbound'], ['--outbound='], ['--outbound', 'a/b'], ['--outbound', 'a\nb'],
                  ['--outbound', 'x' * 16], ['--outbound', b'\xff'], ['--add-override', 'wg0'],
                  ['--add-override', '2001:db8::/200=wg0'], ['--add-override', '=wg0'],
                  ['--add-override', '2001:db8::/64='], ['--add-override', 'x\ny=wg0'],
                  ['--remove-override', 'x'], ['--listen', '--boot'], ['eth0', 'up', 'more']],
    'gateway': [['import'], ['import', WG_FILE, 'more'], ['import', '--name', 'a/b', '-'],
                ['import', '/nowhere'], ['import', '/nowhere\n/x'], ['update', 'wg0'], ['export'],
                ['export', 'a\nb'], ['export', 'wg7'], ['set-type', 'wg0', 'frob'],
                ['import', '/dev/null', '--type', 'frob']],
    'tunnel': [['subnet'], ['subnet', 'add', '10.59.0.0/99', 'x'], ['subnet', 'add', 'x\ny', 'x'],
               ['subnet', 'add', '10.59.0.0/24', 'x\ny'], ['subnet', 'add', '10.59.0.0/24', b'\xff'],
               ['device', 'add', 'nowhere', 'x'], ['device', 'list', 'a\nb'],
               ['device', 'add', 'home', 'x', '--ip', '999.1.1.1'],
               ['device', 'add', 'home', 'x', '--public-key', 'short'],
               ['device', 'add', 'home', 'x', '--kind', 'frob'],
               ['subnet', 'set-ipv6', 'home', '::/129'], ['device', 'show-config', 'home', 'x\ny']],
    'doctor': [['wg0'], ['--json', 'x']],
    'service': [['x'], ['--x'], ['--version=1']],
    'pcp': [[], ['wg0']],
    'ctl': [['outbound', 'a\nb'], ['gateway', 'show'], ['gateway', 'frob'], ['status', '--frob'],
            ['override', 'add', 'x'], ['backup'], ['restore', '/nowhere'], ['restore', '/nowhere\n/x'],
            ['gateway', 'import', '/nowhere'], ['explain'], ['status', b'\xff'], ['--frob', 'status']],
}


@case('arguments: of every program, none of it is taken')
def arguments():
    complete('--outbound', 'eth0')
    tunnel_state()
    tried = 0
    for name in PROGRAMS:
        with unchanged(name):
            tried_here.add(f'{name}: arguments')
            for words in [*garbage_words(), *NEARLY[name]]:
                # Of a word too many, or of what is none, the status is that of usage.
                refused(name, f'{name} {words}'[:120], *words, status=2 if words in USAGE else None)
                tried += 1
    print(f'# sized: {tried} lines of arguments')


@case('the dispatcher\'s words: what is none of them is passed over')
def dispatcher_words():
    tried_here.add("reconcile: the dispatcher's words")
    complete('--outbound', 'eth0')
    before = kernel(), files()
    for words in (['eth0', 'x\ny'], ['a/b', 'frob'], [b'\xff', b'\xfe'], ['x' * 5000, 'y' * 5000]):
        done = run('reconcile', *words)
        same((done.returncode, done.stderr), (0, b''), str(words)[:100])
    same((kernel(), files()), before, 'changed')


# ---- files

def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)


def random_bytes(n):
    return random.Random(SEED).randbytes(n)


def damages(good):
    """What may lie in a file's place; each is seen to be refused."""
    yield 'NULs', b'\0' * 64
    yield 'random bytes', random_bytes(4096)
    yield 'no text', b'\xff\xfe' + good
    yield 'a NUL in it', good[:len(good) // 2] + b'\0' + good[len(good) // 2:]
    yield 'a line without an end', b'x' * 300000
    yield 'something else', b'{"a": [1, 2, 3]}\n'
    yield 'a control character', b'[\x1b[2J\n]\x07\n'
    yield 'too much', good + b'# more\n' * 200000


def places(path):
    """What may stand in its place and is no file; each is made and removed."""
    for what, make in (('a folder', os.mkdir), ('a pipe', os.mkfifo),
                       ('a link to itself', lambda p: os.symlink(p, p)),
                       ('zeros without end', lambda p: os.symlink('/dev/zero', p)),
                       ('a socket', lambda p: socket.socket(socket.AF_UNIX).bind(p))):
        remove(path)
        make(path)
        yield what
        remove(path)


def tunnel_state():
    """With a subnet: without NetworkManager it is kept, and that is said."""
    if not os.path.exists(TUNNEL_STATE):
        run('tunnel', 'subnet', 'add', '10.59.0.0/24', 'home')
    return get(TUNNEL_STATE)


GOOD = {CONFIG: b'[sixgate]\nFamilies=ipv6\n', WG_FILE: b'[Interface]\nPrivateKey=x\n',
        UPDATE: b'sixgate-update version=1\n'}
# path: the programs that read it, as they are called
READERS = {
    CONFIG: (('reconcile',), ('reconcile', '--boot'), ('reconcile', '--dry-run'),
             ('gateway', 'export', 'wg0'), ('tunnel', 'subnet', 'list'), ('doctor',)),
    STATE: (('reconcile',), ('reconcile', '--boot'), ('reconcile', '--outbound', 'eth1')),
    TUNNEL_STATE: (('reconcile',), ('tunnel', 'subnet', 'list'),
                   ('tunnel', 'device', 'add', 'home', 'x')),
    UPDATE: (('gateway', 'recover'),),
    WG_FILE: (('gateway', 'import', WG_FILE), ('gateway', 'update', 'wg0', WG_FILE),
              ('ctl', 'gateway', 'import', WG_FILE), ('ctl', 'restore', WG_FILE)),
}


def not_taken(path, what, readers):
    readers = some(readers)
    for reader in readers:
        tried_here.add(f'{reader[0]}: {os.path.basename(path)}')
        # sixgatectl hands a text on as it is; there is nobody who would look into it.
        holds = '' if reader[0] == 'ctl' else os.path.basename(path)
        refused(reader[0], f'{path}: {what}: {reader}', *reader[1:], holds=holds)
    return len(readers)


@case('files: what people write and what is ours, damaged: each is named, none is overwritten')
def damaged_files():
    tried = 0
    for path, readers in READERS.items():
        reset()
        end = complete('--outbound', 'eth0')
        good = GOOD.get(path) or (tunnel_state() if path == TUNNEL_STATE else get(path))
        cuts = [('cut', good[:-7])] if path in (STATE, TUNNEL_STATE) else []
        for what, text in [*damages(good), *cuts]:
            put(path, text)
            with unchanged(f'{path}: {what}'):
                tried += not_taken(path, what, readers)
        for what in places(path):
            # Of a pipe sixgatectl reads as cat(1) would: <(…) is one.
            tried += not_taken(path, what, [r for r in readers if (what, r[0]) != ('a pipe', 'ctl')])
        same(kernel(), end, f'{path}: no file')
        remove(path)
    print(f'# {"sized" if LONG else "reduced"}: {tried} damaged files, '
          f'{"all readers" if LONG else "one reader"} each')


@case('files of our own memory: said once, written anew, and no gateway is given up')
def damaged_memory():
    complete('--outbound', 'eth0')
    tried_here.add('reconcile: memory')
    good, end = get(MEMORY), kernel()
    for what, text in some(damages(good), 3):
        put(MEMORY, text)
        done = run('reconcile')
        same(done.returncode, 0, f'{what}: {done.stderr}')
        check(done.stderr.count(MEMORY.encode()) == 1, f'{what}: {done.stderr}')
        put(MEMORY, good)
        same(run('reconcile').returncode, 0)
        same(kernel(), end, what)


@case('a file of the limiter, damaged: said once by who listens, and written anew')
def damaged_limits():
    complete('--outbound', 'eth0')
    end = kernel()
    tried_here.add('reconcile: limits')
    for what, text in some(damages(b'[limits]\n'), 2):
        put(LIMITS, text)
        with held_sockets() as sockets:
            listener = listen(sockets)
        check(listener.returncode == 0 and LIMITS.encode() in listener.stderr,
              f'{what}: {listener.returncode}: {listener.stderr}')
        same(kernel(), end, what)


# ---- sockets from systemd

@contextlib.contextmanager
def held_sockets():
    """As socket units hold them: of rtnetlink (links, addresses, routes, rules, next hops), of nftables."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as route, \
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as nftables:
        route.bind((0, 0x1 | 0x100 | 0x400 | 0x40000 | 0x80000000))
        nftables.bind((0, 1 << 6))
        yield route, nftables


def listen(passed, variables=None):
    """--listen with what systemd passes from descriptor 3 on; the process says its own number."""
    variables = variables or {'LISTEN_FDS': str(len(passed)), 'LISTEN_PID': '$$'}
    says = ' '.join(f'{k}={v}' for k, v in variables.items())
    # High numbers first, so that none is overwritten on the way to its place.
    moved = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 50) for s in passed]
    redirections = ' '.join(f'{3 + i}<&{fd}' for i, fd in enumerate(moved))
    try:
        return subprocess.run(['bash', '-c', f'exec env {says} "$0" --listen {redirections}',
                               PROGRAMS['reconcile']], env=QUIET, capture_output=True, check=False,
                              timeout=60, pass_fds=moved)
    finally:
        for fd in moved:
            os.close(fd)


@case('what systemd should pass and does not: a sentence, no waiting, nothing is changed')
def strange_sockets():
    tried_here.add('reconcile: sockets of systemd')
    complete('--outbound', 'eth0')
    with unchanged('sockets'):
        for variables in ({'LISTEN_FDS': '0', 'LISTEN_PID': '$$'}, {'LISTEN_FDS': 'x', 'LISTEN_PID': '$$'},
                          {'LISTEN_FDS': '-1', 'LISTEN_PID': '$$'},
                          {'LISTEN_FDS': '99999999999', 'LISTEN_PID': '$$'},
                          {'LISTEN_FDS': '1', 'LISTEN_PID': 'x'}, {'LISTEN_FDS': '1', 'LISTEN_PID': '1'}):
            with held_sockets() as sockets:
                one_sentence(listen(sockets, variables), 'reconcile', str(variables))
        for what, s in (('a file', open('/dev/null', 'rb')),
                        ('TCP', socket.socket(socket.AF_INET6, socket.SOCK_STREAM)),
                        ('another netlink', socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15))):
            with s:
                one_sentence(listen([s]), 'reconcile', what)


# ---- answers of the kernel

FAULTS = ('half', 'last', 'header', 'length', 'zero', 'noise')
CHOOSE = ('--outbound', 'eth0')


def spoiled(number, fault, *words, program='reconcile'):
    """A run whose answer number @number is spoiled, begun; and where it counts its answers."""
    count = f'/run/answers-{number}-{fault}'
    env = dict(QUIET, LD_PRELOAD=SHORT_ANSWERS, SG_ANSWERS=count, SG_ANSWER=str(number),
               SG_ANSWER_FAULT=fault, ASAN_OPTIONS=QUIET['ASAN_OPTIONS'] + ':verify_asan_link_order=0')
    return subprocess.Popen([PROGRAMS[program], *words], env=env, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE), count


def ended(started, what, findings=False):
    """How it ended: status, what it would do. Never by a crash, nor without a word (@findings: on
    standard output)."""
    process, _ = started
    out, errors = process.communicate(timeout=60)
    check(process.returncode >= 0, f'{what}: crashed: {process.returncode}: {errors}')
    check(process.returncode == 0 or (findings and out) or errors.replace(NO_BUS, b'').startswith(b'sixgate: '),
          f'{what}: not a word: {errors}')
    return process.returncode, out


def answers(*words):
    started = spoiled(0, 'none', *words)
    plan = ended(started, 'undisturbed')[1]
    return int(get(started[1])), plan


@case('what the kernel answers to questions, cut or spoiled: a sentence, or the same plan')
def spoiled_answers():
    """At once, for each may wait for what it did not get, up to 5 s; a dry run needs no lock."""
    complete()
    tried_here.update({'reconcile: answers of the kernel', 'doctor: answers of the kernel'})
    reads, plan = answers('--dry-run', *CHOOSE)
    check(reads >= 10, f'only {reads} answers')
    wanted = [(number, fault) for number in range(1, reads + 1) for fault in some(FAULTS)]
    refusals = 0
    with unchanged('spoiled answers'):
        for at in range(0, len(wanted), 60):
            runs = [(w, spoiled(*w, '--dry-run', *CHOOSE)) for w in wanted[at:at + 60]]
            for (number, fault), started in runs:
                status, said = ended(started, f'answer {number}, {fault}')
                refusals += status != 0
                check(status or fault == 'noise' or said == plan,
                      f'answer {number}, {fault}: status 0, and another plan:\n{said}')
        runs = [spoiled(n, FAULTS[n % len(FAULTS)], '--json', program='doctor')
                for n in range(1, reads + 1, 1 if LONG else 5)]
        for number, started in enumerate(runs, 1):
            ended(started, f'doctor: answer {number}', findings=True)
    check(refusals > len(wanted) / 2, f'only {refusals} of {len(wanted)} were noticed')
    print(f'# {"sized" if LONG else "reduced"}: {len(wanted)} spoiled answers to questions, {refusals} refused')


@case('what the kernel answers to changes, cut or spoiled: a sentence, and the next run converges')
def spoiled_acknowledgements():
    complete()
    end = complete(*CHOOSE)
    reset()
    complete()
    reads, total = answers('--dry-run', *CHOOSE)[0], answers(*CHOOSE)[0]
    check(total > reads, f'{total} answers')
    # Each is waited for in vain, 5 s.
    faults = FAULTS if LONG else FAULTS[:1]
    numbers = range(reads + 1, total + 1 if LONG else reads + 2)
    for number in numbers:
        for fault in faults:
            reset()
            complete()
            ended(spoiled(number, fault, *CHOOSE), f'answer {number}, {fault}')
            same(run('reconcile', *CHOOSE).returncode, 0, f'answer {number}, {fault}')
            same(kernel(), end, f'answer {number}, {fault}: the next run')
    print(f'# {"sized" if LONG else "reduced"}: {len(numbers) * len(faults)} of {(total - reads) * len(FAULTS)} '
          'spoiled answers to changes')


# ---- answers of the bus and of NetworkManager

def bus_message(kind, serial, reply_to, body=None):
    """The bytes of an answer (1: a return, 2: an error)."""
    message = Gio.DBusMessage()
    message.set_message_type(Gio.DBusMessageType(kind))
    message.set_serial(serial)
    message.set_reply_serial(reply_to)
    message.set_sender('org.freedesktop.DBus')
    message.set_destination(':1.1')
    if kind == 3:
        message.set_error_name('org.freedesktop.DBus.Error.Failed')
    if body is not None:
        message.set_body(body)
    return bytes(message.to_blob(Gio.DBusCapabilityFlags.NONE))


def objects(spec):
    return GLib.Variant('(a{oa{sa{sv}}})', (spec,))


DEVICE = 'org.freedesktop.NetworkManager.Device'
ROOT = {'org.freedesktop.NetworkManager': {'State': GLib.Variant('u', 70)}}
GOOD_DEVICE = {DEVICE: {'Interface': GLib.Variant('s', 'eth0'), 'DeviceType': GLib.Variant('u', 1),
                        'State': GLib.Variant('u', 100), 'Managed': GLib.Variant('b', True)}}
# what NetworkManager answers instead of its objects
BODIES = {
    'nothing': None, 'a word': GLib.Variant('(s)', ('hello',)), 'no objects': objects({}),
    'another map': GLib.Variant('(a{sv})', ({'a': GLib.Variant('u', 1)},)),
    'an interface of numbers': objects({'/a': {DEVICE: {'Interface': GLib.Variant('u', 7)}}}),
    'a name that is none': objects({'/a': {DEVICE: {
        'Interface': GLib.Variant('s', 'a/b\n\x1b[2J' + 'x' * 4000),
        'DeviceType': GLib.Variant('s', '1'), 'State': GLib.Variant('x', -1)}}}),
    'states of another type': objects({'/a': {DEVICE: {
        'Interface': GLib.Variant('s', 'eth0'), 'State': GLib.Variant('as', ['x']),
        'DeviceType': GLib.Variant('d', 1.5)}}}),
    'ten thousand devices': objects({f'/d{i}': GOOD_DEVICE for i in range(10000)}),
}


class Bus:
    """A system bus on which everything is answered: Hello with a name, the rest with @answer(serial,
    request number), bytes that are sent as they are; None ends the connection."""
    def __init__(self, answer):
        self.answer, self.socket = answer, socket.socket(socket.AF_UNIX)
        remove(BUS)
        self.socket.bind(BUS)
        self.socket.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        data, begun, number = b'', False, 0
        with contextlib.suppress(OSError), connection:
            while chunk := connection.recv(65536):
                data += chunk
                if not begun and b'BEGIN\r\n' in data:
                    connection.sendall(b'DATA\r\nOK ' + b'a' * 32 + b'\r\nAGREE_UNIX_FD\r\n')
                    data, begun = data.split(b'BEGIN\r\n', 1)[1], True
                while begun and len(data) >= 16:
                    needed = Gio.DBusMessage.bytes_needed(data[:16])
                    if len(data) < needed:
                        break
                    request, data = Gio.DBusMessage.new_from_blob(
                        data[:needed], Gio.DBusCapabilityFlags.UNIX_FD_PASSING), data[needed:]
                    if request.get_member() == 'Hello':
                        said = bus_message(2, 1, request.get_serial(), GLib.Variant('(s)', (':1.1',)))
                    else:
                        number += 1
                        said = self.answer(request.get_serial(), number)
                    if said is None:
                        return
                    connection.sendall(said)

    def close(self):
        self.socket.close()
        remove(BUS)


def bus_answers():
    """(what, answer): bodies of another kind, and bytes that are no message."""
    for what, body in BODIES.items():
        yield what, lambda serial, n, b=body: bus_message(2, n + 1, serial, b)
    yield 'an error', lambda serial, n: bus_message(3, n + 1, serial, GLib.Variant('(s)', ('a\nb',)))
    whole = lambda serial, n: bus_message(2, n + 1, serial, objects({'/a': GOOD_DEVICE, '/r': ROOT}))
    yield 'the end', lambda serial, n: None
    for cut in (1, 16, 40, -1):
        yield f'cut at {cut}', lambda serial, n, c=cut: whole(serial, n)[:c]
    for seed in range(40 if LONG else 3):
        def noise(serial, n, seed=seed):
            data = bytearray(whole(serial, n))
            chance = random.Random(SEED * 1000 + seed)
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            return bytes(data)
        yield f'noise {seed}', noise


@case('answers of NetworkManager, wrong, cut or spoiled: said, and nothing is given up for them')
def bus():
    tried_here.add('reconcile: answers of NetworkManager')
    put(CONFIG, '[sixgate]\nNetworkManagerTimeoutMSec=500\n')
    complete(*CHOOSE)
    memory, end, tried = get(MEMORY), kernel(), 0
    server = Bus(lambda serial, n: bus_message(2, n + 1, serial, objects({'/a': GOOD_DEVICE, '/r': ROOT})))
    check('cannot ask' not in run('reconcile').stderr.decode(), 'nobody answers on the bus')
    server.close()
    put(MEMORY, memory)
    run('reconcile')
    for what, answer in bus_answers():
        server = Bus(answer)
        try:
            done = run('reconcile')
        finally:
            server.close()
        tried += 1
        said = done.stderr.decode('utf-8', 'surrogateescape')
        check(done.returncode >= 0, f'{what}: crashed: {done.returncode}: {said}')
        check(all(line.startswith('sixgate: ') and line.isprintable() for line in said.splitlines()),
              f'{what}: {said!r}')
        if what not in KNOWN:
            check(done.stderr, f'{what}: not a word')
            same(kernel(), end, f'{what}: {said}')
        put(MEMORY, memory)
        run('reconcile')
        same(kernel(), end, f'{what}: the next run')
    print(f'# {"sized" if LONG else "reduced"}: {tried} answers of NetworkManager')


# NetworkManager really has none of the gateways; or what was spoiled may still be an answer.
KNOWN = {'no objects', 'ten thousand devices'} | {f'noise {i}' for i in range(40)}


@case('every input of every program has been tried, or is tried elsewhere')
def survey():
    if len(sys.argv) > 1:
        return 'only some cases ran'
    same(sorted(tried_here ^ HERE), [], 'the survey and the cases')
    for what, path in ELSEWHERE.items():
        check(os.path.exists(os.path.join(os.path.dirname(__file__), '../..', path)), f'{what}: no {path}')
    same({what.split(':')[0] for what in HERE | set(ELSEWHERE)} - {'nm-plugin'}, set(PROGRAMS), 'programs')
    return None


if __name__ == '__main__':
    kit.enter()
    kit.build_host()
    print(f'# seed {SEED}')
    kit.main(sys.argv[1:])
