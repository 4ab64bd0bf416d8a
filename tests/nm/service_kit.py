# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the D-Bus service share: callers by GLib's client, cases as TAP. Used in the namespaces of
test-service.sh, which have the gateways nm0 and nm1, and in the guest."""
import fcntl
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

NAME, ROOT = 'org.sixgate.Sixgate1', '/org/sixgate/Sixgate1'
MANAGER, GATEWAY = NAME + '.Manager', NAME + '.Gateway'
SUBNET, DEVICE, PINHOLE = NAME + '.Subnet', NAME + '.Device', NAME + '.Pinhole'
ERROR = NAME + '.Error.'
PROPERTIES = 'org.freedesktop.DBus.Properties'
HERE = os.path.dirname(os.path.abspath(__file__))
XML = os.path.join(HERE, '../../data/org.sixgate.Sixgate1.xml')
LONG = bool(os.environ.get('SIXGATE_LONG'))
LOCK = '/run/sixgate/lock'
POLKIT = os.path.join(HERE, 'polkit.py')
_number, _failed = 0, False


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def same(seen, expected, what=''):
    check(seen == expected, f'{what}: {seen!r}, not {expected!r}')


def case(what):
    """Runs the function that follows at once, as one case."""
    def run(function):
        global _number, _failed
        _number += 1
        try:
            function()
            print(f'ok {_number} - {what}', flush=True)
        except Exception as error:  # pylint: disable=broad-except
            _failed = True
            print(f'not ok {_number} - {what}', flush=True)
            for line in f'{type(error).__name__}: {error}'.splitlines():
                print('# ' + line, flush=True)
    return run


def connect():
    flags = Gio.DBusConnectionFlags
    return Gio.DBusConnection.new_for_address_sync(
        'unix:path=/run/dbus/system_bus_socket',
        flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)


class Caller:
    """One connection."""

    def __init__(self):
        self.bus = connect()

    def call(self, member, *arguments, signature=None, path=ROOT, interface=MANAGER, timeout=30):
        body = GLib.Variant(signature, arguments) if signature else None
        return self.bus.call_sync(NAME, path, interface, member, body, None,
                                  Gio.DBusCallFlags.NONE, timeout * 1000, None).unpack()

    def start(self, answers, member, *arguments, signature=None, path=ROOT, interface=MANAGER):
        """Without waiting: the answer, or the error, is appended to @answers."""
        def done(bus, result):
            try:
                answers.append(bus.call_finish(result).unpack())
            except GLib.Error as error:
                answers.append(error_name(error))
        body = GLib.Variant(signature, arguments) if signature else None
        self.bus.call(NAME, path, interface, member, body, None, Gio.DBusCallFlags.NONE, 60000,
                      None, done)

    def get(self, name, path=ROOT, interface=MANAGER):
        return self.call('Get', interface, name, signature='(ss)', path=path,
                         interface=PROPERTIES)[0]

    def close(self):
        self.bus.close_sync(None)


def error_name(error):
    return Gio.DBusError.get_remote_error(error) or error.message


def fails(name, words, call, *arguments, **more):
    """The call fails with that error, and its sentence has @words."""
    try:
        answer = call(*arguments, **more)
    except GLib.Error as error:
        same(error_name(error), name, error.message)
        check(words in error.message, f'no “{words}” in: {error.message}')
        return
    raise AssertionError(f'it did not fail: {answer!r}')


def wait_until(condition, seconds, what):
    """Lets GLib's loop run until @condition holds."""
    loop, end = GLib.MainContext.default(), time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f'not within {seconds} s: {what}')
        if not loop.iteration(False):
            time.sleep(0.002)


def gateway(name):
    return f'{ROOT}/gateway/{name}'


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def service_pid():
    out = subprocess.run(['pidof', 'sixgate-service'], capture_output=True, text=True, check=False)
    return [int(word) for word in out.stdout.split()]


def wait_gone(seconds=10):
    wait_until(lambda: not service_pid(), seconds, 'the service ends')


def set_config(**keys):
    """A configuration, and a service that has read it."""
    os.makedirs('/etc/sixgate', exist_ok=True)
    with open('/etc/sixgate/sixgate.conf', 'w', encoding='utf-8') as out:
        out.write('[sixgate]\n' + ''.join(f'{k}={v}\n' for k, v in keys.items()))
    for pid in service_pid():
        os.kill(pid, signal.SIGTERM)
    wait_gone()


def system_state():
    """What a call without the right must not change."""
    state = ''
    if os.path.exists('/var/lib/sixgate/host.conf'):
        with open('/var/lib/sixgate/host.conf', encoding='utf-8') as file:
            state = file.read()
    return (state, run('ip', '-6', 'rule'), run('nmcli', '-t', '-f', 'UUID,NAME', 'connection'),
            run('nft', '-s', 'list', 'table', 'ip6', 'startos'))


class Lock:
    """Another program of Sixgate that writes."""

    def __enter__(self):
        self.file = open(LOCK, 'w', encoding='utf-8')
        fcntl.flock(self.file, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_):
        self.file.close()


def as_nobody(*words):
    """What service-nobody.py tries as an unprivileged user, with a connection of its own."""
    done = subprocess.run([sys.executable, os.path.join(HERE, 'service-nobody.py'), *words], user=65534,
                          group=65534, extra_groups=[], capture_output=True, text=True, timeout=90,
                          check=False)
    same(done.returncode, 0, done.stderr)


class Polkit:
    """One that always answers @answer."""

    def __init__(self, answer):
        self.answer = answer

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, POLKIT, self.answer], stdout=subprocess.PIPE,
                                        text=True)
        same(self.process.stdout.readline(), 'ready\n')

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def finish():
    print(f'1..{_number}')
    sys.exit(_failed)


root = Caller()
WG = open(os.path.join(HERE, '../unit/wg/mullvad.conf'), encoding='utf-8').read()
WG2 = open(os.path.join(HERE, '../unit/wg/starttunnel.conf'), encoding='utf-8').read()


# ---- the contract ----

def members(interface):
    """What an interface of an introspection says, but for the order and the comments."""
    found = set()
    for member in interface:
        if member.tag in ('method', 'signal'):
            found.add((member.tag, member.get('name'),
                       tuple((a.get('direction'), a.get('name'), a.get('type'))
                             for a in member.findall('arg'))))
        if member.tag == 'property':
            note = [a.get('value') for a in member.findall('annotation')
                    if a.get('name').endswith('EmitsChangedSignal')]
            found.add((member.tag, member.get('name'), member.get('type'), member.get('access'),
                       (note or ['true'])[0]))
    return found


def interfaces(node):
    return {i.get('name'): members(i) for i in node.findall('interface')}


CONTRACT = interfaces(ET.parse(XML).getroot())


def introspects(path, name):
    """The object says of that interface what the contract says."""
    text, = root.call('Introspect', path=path, interface='org.freedesktop.DBus.Introspectable')
    same(interfaces(ET.fromstring(text))[name], CONTRACT[name], path)
