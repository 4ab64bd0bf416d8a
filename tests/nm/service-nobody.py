# SPDX-License-Identifier: LGPL-2.1-or-later
"""service-nobody.py WHAT…: what an unprivileged user tries; fails when it comes out otherwise than WHAT says."""
import sys

from service_kit import *  # pylint: disable=wildcard-import,unused-wildcard-import

CHANGES = (('ImportGateway', '(ssa{sv})', ('x.conf', WG, {}), ROOT, MANAGER),
           ('SetDefaultOutbound', '(s)', ('nm1',), ROOT, MANAGER),
           ('AddOverride', '(ss)', ('2001:db8:77::/64', 'nm0'), ROOT, MANAGER),
           ('RemoveOverride', '(s)', ('2001:db8:77::/64',), ROOT, MANAGER),
           ('Reconcile', None, (), ROOT, MANAGER),
           ('Update', '(s)', (WG2,), gateway('mullvad'), GATEWAY),
           ('SetType', '(s)', ('inbound-outbound',), gateway('mullvad'), GATEWAY),
           ('Remove', None, (), gateway('mullvad'), GATEWAY),
           ('Export', None, (), gateway('mullvad'), GATEWAY))



def denied(words):
    """Everything but reading, with a sentence that has @words; and what is read holds no key."""
    for member, signature, arguments, path, interface in CHANGES:
        fails(ERROR + 'Permission', words, root.call, member, *arguments, signature=signature, path=path,
              interface=interface)
    text = str(root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager'))
    text += str(root.call('Plan')) + str(root.call('Explain', '2001:db8::1', {}, signature='(sa{sv})'))
    for line in WG.splitlines():
        if 'Key' in line:
            check(line.split('=', 1)[1].strip() not in text, 'a key is shown')
    root.call('Subscribe')
    root.call('Unsubscribe')


def granted():
    root.call('SetDefaultOutbound', 'nm1', signature='(s)')
    check('PrivateKey' in root.call('Export', path=gateway('mullvad'), interface=GATEWAY)[0], 'a file')
    root.call('SetDefaultOutbound', '', signature='(s)')


def unanswered():
    """polkit hangs: eight calls wait, all others of this caller are answered."""
    answers = []
    for _ in range(10):
        root.start(answers, 'Reconcile')
    wait_until(lambda: len(answers) == 2, 5, lambda: answers)
    same(set(answers), {ERROR + 'Limit'})
    check(root.get('Version'), 'a property')
    root.call('Plan')
    same(len(answers), 2)
    wait_until(lambda: len(answers) == 10, 30, lambda: answers)
    same(set(answers[2:]), {ERROR + 'Failed'})


TUNNEL = ((MANAGER, 'AddSubnet', '(ss)', ('10.61.0.0/24', 'x')), (MANAGER, 'ReadPeers', None, ()),
          (MANAGER, 'ExportTunnel', None, ()), (MANAGER, 'ImportTunnel', '(s)', ('x',)),
          (SUBNET, 'SetName', '(s)', ('x',)), (SUBNET, 'SetIPv6', '(sa{sv})', ('2001:db8:7::/64', {})),
          (SUBNET, 'ClearIPv6', None, ()), (SUBNET, 'AddDevice', '(sssa{sv})', ('x', '', '', {})),
          (SUBNET, 'Remove', None, ()), (DEVICE, 'ShowConfig', '(s)', ('192.0.2.1',)),
          (DEVICE, 'SetName', '(s)', ('x',)), (DEVICE, 'SetKind', '(s)', ('server',)),
          (DEVICE, 'SetAllowPinholes', '(b)', (True,)), (DEVICE, 'AddPinhole', '(sqqs)', ('tcp', 25, 25, '')),
          (DEVICE, 'Remove', None, ()))
PEER = ('PublicKey', 'Endpoint', 'LatestHandshake', 'RxBytes', 'TxBytes')


def tunnel_denied(words, subnet, device, key):
    """Changes, keys, and the devices' peers; names and addresses are free. @key is nowhere."""
    for interface, member, signature, arguments in TUNNEL:
        fails(ERROR + 'Permission', words, root.call, member, *arguments, signature=signature,
              path={MANAGER: ROOT, SUBNET: subnet, DEVICE: device}[interface], interface=interface)
    same([root.get(name, device, DEVICE) for name in PEER], ['', '', 0, 0, 0])
    text = str(root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager'))
    check(device in text and key not in text, text)
    check(root.get('Name', device, DEVICE), 'a name')


def tunnel_granted(_words, _subnet, device, key):
    same(root.get('PublicKey', device, DEVICE), key)
    check(key in str(root.call('ReadPeers')), 'the key')


{'tunnel-denied': tunnel_denied, 'tunnel-granted': tunnel_granted, 'denied': denied, 'granted': granted, 'unanswered': unanswered}[sys.argv[1]](*sys.argv[2:])
