# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tunnel role on the bus, call by call, with a real NetworkManager and without WireGuard in the kernel:
subnets, devices, the server's profile, rights, conflicts. TAP."""
import contextlib
import os
import re
import time

from service_kit import *  # pylint: disable=wildcard-import,unused-wildcard-import

STATE = '/var/lib/sixgate/tunnel.state'
KEY = re.compile(r'[A-Za-z0-9+/]{43}=')
HIDDEN = {'PublicKey': '', 'Endpoint': '', 'LatestHandshake': 0, 'RxBytes': 0, 'TxBytes': 0}


def escape(text):
    return ''.join(c if c.isalnum() and (i or not c.isdigit()) else f'_{ord(c):02x}' for i, c in enumerate(text))


def at(network, ip4=None):
    path = f'{ROOT}/subnet/{escape(network)}'
    return f'{path}/{escape(ip4)}' if ip4 else path


def state():
    with open(STATE, encoding='utf-8') as file:
        return file.read()


def subnet(member, *arguments, signature=None, path=None, caller=None):
    return (caller or root).call(member, *arguments, signature=signature, path=path or HOME, interface=SUBNET)


def device(member, *arguments, signature=None, path=None, caller=None):
    return (caller or root).call(member, *arguments, signature=signature, path=path or ONE, interface=DEVICE)


def add(name, ip4='', kind='', **options):
    return subnet('AddDevice', name, ip4, kind, options, signature='(sssa{sv})')[0]


def tunnel_state():
    """The state, and every profile of NetworkManager."""
    folder = '/etc/NetworkManager/system-connections'
    return [state()] + [open(os.path.join(folder, name), encoding='utf-8').read() for name in sorted(os.listdir(folder))]


def refused(name, words, call, *arguments, **more):
    """With that error, and nothing is changed."""
    before = tunnel_state()
    fails(ERROR + name, words, call, *arguments, **more)
    same(tunnel_state(), before)


HOME, ONE = at('10.59.0.0/24'), at('10.59.0.0/24', '10.59.0.2')


@case('without the role: no key, no subnet')
def _():
    same(root.get('TunnelPublicKey'), '')
    same(root.get('TunnelPort'), 51820)
    same(root.call('ReadPeers'), ([],))


@case('the first subnet, while NetworkManager can keep no profile: nothing is left of it')
def _():
    folder = '/etc/NetworkManager/system-connections'
    run('mount', '--bind', folder, folder)
    run('mount', '-o', 'remount,bind,ro', folder)
    try:
        fails(ERROR + 'Failed', 'NetworkManager', root.call, 'AddSubnet', '10.59.0.0/24', 'home', signature='(ss)')
    finally:
        run('umount', folder)
    check(not os.path.exists(STATE), 'no state')
    same(root.get('TunnelPublicKey'), '')


@case('AddSubnet: the object, the state, the profile; a subscriber is told')
def _():
    told = []
    root.bus.signal_subscribe(NAME, None, None, None, None, Gio.DBusSignalFlags.NONE,
                              lambda *a: told.append((a[4], a[5].unpack())))
    root.call('Subscribe')
    same(root.call('AddSubnet', '10.59.0.0/24', 'home', signature='(ss)'), (HOME,))
    wait_until(lambda: any(t[0] == 'InterfacesAdded' and t[1][0] == HOME for t in told), 5, 'it is told')
    wait_until(lambda: any(t[0] == 'PropertiesChanged' and 'TunnelPublicKey' in t[1][1] for t in told), 5, told)
    root.call('Unsubscribe')
    check(KEY.fullmatch(root.get('TunnelPublicKey')), 'the key')
    check('wg-sixgate' not in str(root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')),
          'its interface is no gateway')
    check('10.59.0.1/24' in run('nmcli', '-g', 'ipv4.addresses', 'connection', 'show', 'wg-sixgate'), 'profile')
    values, = root.call('GetAll', SUBNET, signature='(s)', path=HOME, interface=PROPERTIES)
    same(values, {'Network': '10.59.0.0/24', 'Name': 'home', 'IPv6Prefix': '', 'ServerAddress4': '10.59.0.1',
                  'ServerAddress6': ''})


@case('AddDevice, its properties one by one and all at once, ReadPeers')
def _():
    same(add('one'), ONE)
    values, = root.call('GetAll', DEVICE, signature='(s)', path=ONE, interface=PROPERTIES)
    same(values, {'Subnet': HOME, 'Name': 'one', 'Address4': '10.59.0.2', 'Address6': '', 'Kind': 'client',
                  'AllowPinholes': False})
    for key, value in values.items():
        same(root.get(key, ONE, DEVICE), value, key)
    key = root.get('PublicKey', ONE, DEVICE)
    check(KEY.fullmatch(key), key)
    for name in ('Endpoint', 'LatestHandshake', 'RxBytes', 'TxBytes'):
        same(root.get(name, ONE, DEVICE), HIDDEN[name], name)
    same(root.call('ReadPeers'), ([(ONE, key, '', 0, 0, 0)],))
    same(add('box', '10.59.0.9', 'server'), at('10.59.0.0/24', '10.59.0.9'))
    same(root.get('AllowPinholes', at('10.59.0.0/24', '10.59.0.9'), DEVICE), True)
    fails('org.freedesktop.DBus.Error.UnknownProperty', '', root.get, 'Nonsense', ONE, DEVICE)


@case('introspection of both equals the contract')
def _():
    introspects(HOME, SUBNET)
    introspects(ONE, DEVICE)


@case('SetIPv6: every host has its address at once, a warning where nothing shows the prefix; taken back')
def _():
    warnings, = subnet('SetIPv6', '2001:db8:59::/64', {}, signature='(sa{sv})')
    check(warnings, 'a warning')
    same(root.get('Address6', ONE, DEVICE), '2001:db8:59::a3b:2')
    same(root.get('ServerAddress6', HOME, SUBNET), '2001:db8:59::a3b:1')
    check('2001:db8:59::a3b:1' in run('nmcli', '-g', 'ipv6.addresses', 'connection', 'show', 'wg-sixgate')
          .replace('\\', ''), 'the profile')
    same(root.call('Plan'), ([],), 'it is in force')
    config, = device('ShowConfig', '192.0.2.1:1234', signature='(s)')
    for line in ('# StartTunnel config for one', 'Endpoint = 192.0.2.1:1234', 'PrivateKey = ', '::/0'):
        check(line in config, line)
    subnet('ClearIPv6')
    same(root.get('Address6', ONE, DEVICE), '')
    subnet('SetIPv6', 'fd59::/64', {'allow-ula': GLib.Variant('b', True)}, signature='(sa{sv})')
    same(root.get('IPv6Prefix', HOME, SUBNET), 'fd59::/64')
    subnet('ClearIPv6')


@case('names, kinds, pinholes; the generation counts each')
def _():
    device('SetName', 'phone', signature='(s)')
    device('SetKind', 'server', signature='(s)')
    device('SetAllowPinholes', True, signature='(b)')
    subnet('SetName', 'house', signature='(s)')
    same([root.get(n, ONE, DEVICE) for n in ('Name', 'Kind', 'AllowPinholes')], ['phone', 'server', True])
    same(root.get('Name', HOME, SUBNET), 'house')
    before = int(re.search('generation=([0-9]+)', state())[1])
    device('SetName', 'one', signature='(s)')
    same(int(re.search('generation=([0-9]+)', state())[1]), before + 1)


@case('a device with its own key: no private one is known')
def _():
    key = run('sh', '-c', 'head -c 32 /dev/urandom | base64').strip()
    path = add('own', **{'public-key': GLib.Variant('s', key)})
    same(root.get('PublicKey', path, DEVICE), key)
    config, = device('ShowConfig', '192.0.2.1', signature='(s)', path=path)
    check(not re.search('(?m)^PrivateKey', config), 'no private key')
    device('Remove', path=path)
    check(path not in str(root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')), 'gone')


@case('refusals, each with its error and its sentence; nothing changed')
def _():
    refused('Overlap', '10.59.0.0/24', root.call, 'AddSubnet', '10.59.0.0/16', 'other', signature='(ss)')
    refused('Exists', 'house', root.call, 'AddSubnet', '10.60.0.0/24', 'house', signature='(ss)')
    refused('InvalidArgument', '8.8.8.0/24', root.call, 'AddSubnet', '8.8.8.0/24', 'x', signature='(ss)')
    refused('InvalidArgument', '', root.call, 'AddSubnet', 'x' * 1048576, 'x', signature='(ss)')
    refused('InvalidArgument', '', subnet, 'SetName', '', signature='(s)')
    refused('InvalidArgument', 'fe80::/64', subnet, 'SetIPv6', 'fe80::/64', {}, signature='(sa{sv})')
    refused('InvalidArgument', '2001:db8:59::/64', subnet, 'SetIPv6', '2001:db8:59::1/64', {}, signature='(sa{sv})')
    refused('InvalidArgument', 'allow', subnet, 'SetIPv6', 'fd59::/64', {}, signature='(sa{sv})')
    refused('InvalidArgument', 'unknown', subnet, 'SetIPv6', '2001:db8:59::/64', {'x': GLib.Variant('b', True)},
            signature='(sa{sv})')
    refused('InvalidArgument', 'client or server', subnet, 'AddDevice', 'x', '', 'tablet', {}, signature='(sssa{sv})')
    refused('InvalidArgument', 'no IPv4 address', subnet, 'AddDevice', 'x', '10.59', '', {}, signature='(sssa{sv})')
    refused('Exists', 'one', subnet, 'AddDevice', 'one', '', '', {}, signature='(sssa{sv})')
    refused('Exists', '10.59.0.2', subnet, 'AddDevice', 'x', '10.59.0.2', '', {},
            signature='(sssa{sv})')
    refused('InvalidArgument', '', device, 'SetKind', 'tablet', signature='(s)')
    invalid = 'org.freedesktop.DBus.Error.InvalidArgs'
    fails(invalid, '', device, 'SetAllowPinholes', 'yes', signature='(s)')
    fails(invalid, '', root.call, 'AddSubnet', 7, 'x', signature='(us)')
    fails(invalid, '', subnet, 'Remove', 'x', signature='(s)')
    for path, name in ((at('10.99.0.0/24'), SUBNET), (at('10.59.0.0/24', '10.59.0.99'), DEVICE),
                       (HOME + '/x/y', DEVICE), (f'{ROOT}/subnet/x', SUBNET)):
        fails('org.freedesktop.DBus.Error.UnknownObject', '', root.call, 'Remove', path=path, interface=name)


@case('an unprivileged user: denied but for names and addresses, without polkit or by it; granted when polkit says so')
def _():
    key = root.get('PublicKey', ONE, DEVICE)
    before = tunnel_state()
    as_nobody('tunnel-denied', 'polkit is not there', HOME, ONE, key)
    with Polkit('no'):
        as_nobody('tunnel-denied', 'does not grant', HOME, ONE, key)
    same(tunnel_state(), before)
    with Polkit('yes'):
        as_nobody('tunnel-granted', '', HOME, ONE, key)


@case('what everybody is told on the bus holds no key of a device')
def _():
    told = []
    watcher = root.bus.signal_subscribe(NAME, None, None, None, None, Gio.DBusSignalFlags.NONE,
                                        lambda *a: told.append(str(a[5])))
    root.call('Subscribe')
    path = add('seen')
    key = root.get('PublicKey', path, DEVICE)
    wait_until(lambda: any(path in t for t in told), 5, 'it is told')
    check(not any(key in t for t in told), told)
    device('Remove', path=path)
    root.call('Unsubscribe')
    root.bus.signal_unsubscribe(watcher)


@case('two administrators: who did not see the other one\'s change is refused')
def _():
    first, second, answers = Caller(), Caller(), []
    with Lock():
        first.start(answers, 'SetName', 'tablet', signature='(s)', path=ONE, interface=DEVICE)
        second.start(answers, 'SetKind', 'client', signature='(s)', path=ONE, interface=DEVICE)
        first.start(answers, 'SetKind', 'client', signature='(s)', path=ONE, interface=DEVICE)
        for _ in range(5):
            root.get('Version')
    wait_until(lambda: len(answers) == 3, 20, lambda: answers)
    same(sorted(answers, key=str), sorted([(), (), ERROR + 'Conflict'], key=str))
    same(root.get('Kind', ONE, DEVICE), 'client')
    device('SetName', 'one', signature='(s)')


@case('what another program changed is a Conflict as well: a subnet whose devices changed is not removed')
def _():
    answers = []
    with Lock():
        root.start(answers, 'Remove', path=HOME, interface=SUBNET)
        root.get('Version')
        before = state()
        text = before.replace('name=box', 'name=changed')
        check(text != before, 'another text')
        with open(STATE, 'w', encoding='utf-8') as file:
            file.write(text)
    wait_until(lambda: answers, 20, 'an answer')
    same(answers, [ERROR + 'Conflict'])
    same(state(), text)


@case('AddDevice six times at once: each has an address of its own')
def _():
    answers = []
    for n in range(6):
        root.start(answers, 'AddDevice', f'd{n}', '', '', {}, signature='(sssa{sv})', path=HOME, interface=SUBNET)
    wait_until(lambda: len(answers) == 6, 30, lambda: answers)
    same(len({a[0] for a in answers}), 6, answers)


@case('somebody else writes: Busy in the end, and nothing is changed')
def _():
    set_config(LockTimeoutMSec=100)
    with Lock():
        refused('Busy', '', device, 'SetName', 'x', signature='(s)')
    set_config()


class Stuck:
    """No change of the kernel succeeds: a chain of somebody else keeps the guard's from being taken away, which
    the next change has to do."""

    def __enter__(self):
        choices = '/var/lib/sixgate/host.conf'
        root.call('SetDefaultOutbound', '', signature='(s)')
        with open(choices, encoding='utf-8') as file:
            auto = file.read()
        root.call('SetDefaultOutbound', 'nm1', signature='(s)')
        run('nft', 'add chain ip6 startos theirs; add rule ip6 startos theirs jump choice')
        with open(choices, 'w', encoding='utf-8') as file:
            file.write(auto)

    def __exit__(self, *_):
        run('nft', 'delete chain ip6 startos theirs')


@case('a change that cannot be put in force is undone as a whole')
def _():
    with Stuck():
        refused('Kernel', 'busy', device, 'SetName', 'late', signature='(s)')
        refused('Kernel', 'busy', subnet, 'Remove')
        same(root.get('Name', ONE, DEVICE), 'one')
    root.call('Reconcile')


class NoRole:
    """The state is not there; what NetworkManager has is."""

    def __enter__(self):
        os.rename(STATE, STATE + '.kept')

    def __exit__(self, *_):
        os.rename(STATE + '.kept', STATE)


def add_first(error, words):
    fails(ERROR + error, words, root.call, 'AddSubnet', '10.60.0.0/24', 'other', signature='(ss)')
    check(not os.path.exists(STATE), 'a state is left')


@case('the first subnet, where a profile for its interface is somebody else\'s: refused, and it is left alone')
def _():
    kept, shown = state(), ('nmcli', '-s', 'connection', 'show', 'wg-sixgate')
    profile = run(*shown)
    with NoRole():
        add_first('Exists', 'nmcli connection delete')
    same(run(*shown), profile)
    root.call('Reconcile')
    same(state(), kept)


@case('a profile whose key somebody changed is not overwritten by the way: refused, and nothing is changed')
def _():
    def key(*value):
        verb = ('modify', 'wg-sixgate', 'wireguard.private-key', *value) if value else ('show', 'wg-sixgate')
        return run('nmcli', '-s', '-g', 'wireguard.private-key', 'connection', *verb).strip().replace('\\', '')
    kept, right = state(), key()
    theirs = 'A' * 42 + '8='
    key(theirs)
    try:
        fails(ERROR + 'Exists', "not the tunnel's", root.call, 'AddSubnet', '10.77.0.0/24', 'late', signature='(ss)')
        same(key(), theirs)
    finally:
        key(right)
    before, after = kept.split('\n', 1), state().split('\n', 1)
    same(after[1], before[1])


@case('the first subnet, undone: neither a state nor a profile is left')
def _():
    def interface(name):
        run('nmcli', 'connection', 'modify', 'wg-sixgate', 'connection.interface-name', name)
    before = run('nmcli', '-g', 'uuid', 'connection')
    interface('elsewhere')
    try:
        with NoRole(), Stuck():
            add_first('Kernel', 'busy')
    finally:
        interface('wg-sixgate')
    same(run('nmcli', '-g', 'uuid', 'connection'), before)
    root.call('Reconcile')


@case('a damaged state is refused with its line, and left alone')
def _():
    good = state()
    with open(STATE, 'w', encoding='utf-8') as file:
        file.write(good[:200])
    try:
        fails(ERROR + 'StateCorrupt', 'tunnel.state', root.call, 'AddSubnet', '10.61.0.0/24', 'x', signature='(ss)')
        same(state(), good[:200])
    finally:
        with open(STATE, 'w', encoding='utf-8') as file:
            file.write(good)
    wait_until(lambda: root.get('TunnelPublicKey') and 'tunnel.state' not in str(root.get('Warnings')), 10,
               'the role is back')


# ---- pinholes ----

def pinhole(member, *arguments, signature=None, path=None):
    return root.call(member, *arguments, signature=signature, path=path or ONE + '/tcp993', interface=PINHOLE)


def add_pinhole(*arguments):
    return device('AddPinhole', *arguments, signature='(sqqs)')[0]


@contextlib.contextmanager
def subscribed():
    """What is signalled meanwhile, as text."""
    told = []
    root.call('Subscribe')
    watcher = root.bus.signal_subscribe(NAME, None, None, None, None, Gio.DBusSignalFlags.NONE,
                                        lambda *signal: told.append(f'{signal[2]} {signal[4]} {signal[5].unpack()}'))
    yield told
    root.call('Unsubscribe')
    root.bus.signal_unsubscribe(watcher)


@case('AddPinhole: the object, the state; a subscriber is told')
def _():
    with subscribed() as told:
        same(add_pinhole('tcp', 993, 8993, 'the web'), ONE + '/tcp993')
        wait_until(lambda: any(ONE + '/tcp993' in signal for signal in told), 5, lambda: told)
    introspects(ONE + '/tcp993', PINHOLE)
    same([root.get(name, ONE + '/tcp993', PINHOLE) for name in
          ('Device', 'Protocol', 'ExternalPort', 'InternalPort', 'Label', 'Enabled', 'Source', 'Expires')],
         [ONE, 'tcp', 993, 8993, 'the web', True, 'manual', 0])
    check(re.search('pinhole protocol=\\S+ external=993 internal=8993', state()), state())


@case('SetEnabled and SetLabel: PropertiesChanged names what changed, and nothing else')
def _():
    with subscribed() as told:
        pinhole('SetEnabled', False, signature='(b)')
        same(root.get('Enabled', ONE + '/tcp993', PINHOLE), False)
        pinhole('SetLabel', '', signature='(s)')
        same(root.get('Label', ONE + '/tcp993', PINHOLE), '')
        wait_until(lambda: 'Enabled' in str(told) and 'Label' in str(told), 5, lambda: told)
        check('InternalPort' not in str(told), told)
        pinhole('SetEnabled', True, signature='(b)')


@case('pinholes that cannot be: each has its error, nothing is changed')
def _():
    for name, words, arguments in (
            ('Exists', '993', ('tcp', 993, 993, '')), ('InvalidArgument', 'tcp or udp', ('sctp', 5, 5, '')),
            ('InvalidArgument', '1 to 65535', ('tcp', 0, 80, '')), ('InvalidArgument', '1 to 65535', ('tcp', 80, 0, '')),
            ('Limit', 'label', ('udp', 53, 53, 'x' * 200))):
        refused(name, words, device, 'AddPinhole', *arguments, signature='(sqqs)')
    for path in ('/tcp444', '/udp993', '/tcp0993', '/tcp0', '/tcp65536', '/tcp', '/993', '/tcp993/x'):
        try:
            pinhole('Remove', path=ONE + path)
        except GLib.Error as error:
            check('UnknownMethod' in str(error) or 'UnknownObject' in str(error), error)
        else:
            raise AssertionError(f'{path} is an object')


@case('what a device opened itself is shown while it lasts, also to who subscribed, and not changed from here')
def _():
    subnet('SetIPv6', 'fd59::/64', {'allow-ula': GLib.Variant('b', True)}, signature='(sa{sv})')
    device('SetAllowPinholes', True, signature='(b)')
    one, two = ONE + '/tcp8080', ONE + '/tcp8081'
    ends = time.monotonic() + 60

    def write(end):
        with open('/run/sixgate/pcp.new', 'w', encoding='ascii') as file:
            file.write('sixgate-pcp version=1 epoch=0\nopen device=fd59::a3b:2 protocol=6 internal=80 external=8080 '
                       f'size=2 expires={int(end * 1000)} nonce={"6e" * 12}\n')
        os.rename('/run/sixgate/pcp.new', '/run/sixgate/pcp')
    with subscribed() as told:
        write(ends)
        wait_until(lambda: any(one in t for t in told) and any(two in t for t in told), 5, lambda: told)
        same([root.get(name, two, PINHOLE) for name in ('Device', 'Protocol', 'ExternalPort', 'InternalPort', 'Enabled', 'Source')],
             [ONE, 'tcp', 8081, 81, True, 'pcp'])
        left = root.get('Expires', two, PINHOLE) / 1e6 - time.time()
        check(55 < left <= 60, left)
        introspects(one, PINHOLE)
        refused('NotFound', 'by hand', pinhole, 'Remove', path=one)
        del told[:]
        write(time.monotonic() + 1)
        wait_until(lambda: any('PropertiesChanged' in t and one in t and 'Expires' in t for t in told), 5, lambda: told)
        # Nobody says so when it ends.
        wait_until(lambda: all(any('InterfacesRemoved' in t and p in t for t in told) for p in (one, two)), 8, lambda: told)
        objects, = root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')
        check(one not in objects, list(objects))
        os.unlink('/run/sixgate/pcp')
    subnet('ClearIPv6')


@case('Remove of a pinhole: it is gone, from the state and the bus')
def _():
    add_pinhole('udp', 53, 53, '')
    pinhole('Remove', path=ONE + '/udp53')
    objects, = root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')
    check(ONE + '/udp53' not in objects and ONE + '/tcp993' in objects, list(objects))


@case('ExportTunnel and ImportTunnel: all that was changed since is undone, keys and generation hold')
def _():
    text, = root.call('ExportTunnel')
    same(text, state())
    objects = root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')
    subnet('AddDevice', 'late', '', '', {}, signature='(sssa{sv})')
    subnet('ClearIPv6')
    root.call('AddSubnet', '10.62.0.0/24', 'more', signature='(ss)')
    root.call('ImportTunnel', text, signature='(s)')
    same(root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager'), objects)
    check(state() != text, 'a generation of its own')


@case('ImportTunnel: what is damaged, or of another server, is refused and changes nothing')
def _():
    good = state()
    key = re.search('private=(\\S+)', good)[1]
    other = run('wg', 'genkey').strip()
    refused('StateCorrupt', 'tunnel state', root.call, 'ImportTunnel', good[:200], signature='(s)')
    refused('Exists', 'another key', root.call, 'ImportTunnel', good.replace(key, other), signature='(s)')
    same(state(), good)


@case('ImportTunnel on a machine without a tunnel: it is that server; undone, it is none again')
def _():
    text, objects = state(), root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')
    os.unlink(STATE)
    with Stuck():
        fails(ERROR + 'Kernel', 'busy', root.call, 'ImportTunnel', text, signature='(s)')
    check(not os.path.exists(STATE), 'a state is left')
    root.call('ImportTunnel', text, signature='(s)')
    same(root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager'), objects)


@case('Remove: the devices go with their subnet')
def _():
    subnet('Remove')
    objects, = root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')
    check(not any('/subnet/' in path for path in objects), objects)


finish()
