# SPDX-License-Identifier: LGPL-2.1-or-later
"""What only IPv4 has: the reverse path filter, DHCP, broadcasts, and that it can be switched off."""
import internet
from family import EVERYBODY, FAR, HOST, LINK_LOCAL
from internet import run, sysctl

internet.enter()
net = internet.Internet()
tap = internet.Tap()
host, far = net.agents['host'], net.agents['far']
# by a gateway that is not the selected one, translated to the container
TRANSLATED = {'to': HOST['wg1'], 'port': 8080, 'source': FAR}


def filters():
    found = {}
    for gateway in HOST:
        with open(f'/proc/sys/net/ipv4/conf/{gateway}/rp_filter', encoding='ascii') as f:
            found[gateway] = int(f.read())
    return found


def all_are(value):
    return dict.fromkeys(HOST, value)


def reverse_path_filter():
    before = filters()
    net.select('wg0')
    after = filters()
    tap.ok(before == all_are(1) and after == all_are(2),
           'a strict reverse path filter becomes loose on gateways', before, after)
    got = far.tcp(**TRANSLATED)
    tap.ok(got == 'ok', 'the container answers who came by a gateway that is not selected', got)
    net.filter_sources(1)
    got = far.tcp(**TRANSLATED, timeout=0.3)
    tap.ok(got == 'timeout', 'with a strict filter it does not', got)
    net.reconcile()
    got = far.tcp(**TRANSLATED)
    tap.ok(got == 'ok' and filters() == all_are(2), 'the next run mends it', got, filters())
    sysctl(None, 'net.ipv4.conf.all.rp_filter=1')
    net.filter_sources(0)
    net.reconcile()
    tap.ok(filters() == all_are(2), 'nor does it stay strict for all', filters())
    sysctl(None, 'net.ipv4.conf.all.rp_filter=0')
    net.filter_sources(0)
    net.reconcile()
    tap.ok(filters() == all_are(0), 'where there is no filter none is made', filters())


def limit():
    """docs/security.md: without a way to the Internet any filter finds no way back to the far client."""
    net.select('gone')
    for value, wanted in ((0, 'ok'), (2, 'timeout')):
        net.filter_sources(value)
        net.watch()
        got = far.tcp(**TRANSLATED, timeout=0.3)
        left = net.watch(to=FAR)
        tap.ok(got == wanted and not left['eth0'] + left['wg0'],
               f'gone: rp_filter={value}: who calls the container by wg1: {wanted}', got, left)
        got = far.tcp(to=HOST['wg1'], source=FAR)
        tap.ok(got == 'ok', f'gone: rp_filter={value}: the host itself answers by wg1', got)


def near():
    """What stays on the link, or is how the host comes by its address."""
    net.select('gone')
    for what, to in (('link-local neighbours answer', LINK_LOCAL),
                     ('multicast on the link works', EVERYBODY)):
        got = host.echo(to=to)
        tap.ok(got == 'ok', what, got)
    for what, to in (('multicast scoped by administrators', '239.1.2.3'),
                     ('the broadcast of the link', '255.255.255.255')):
        net.watch()
        got = host.shout(to=to, port=9, device='eth0')
        left = net.watch(to=to, port=9)
        tap.ok(got == 'ok' and left['eth0'] == 1, what + ' leaves', got, left)
    for sport, good in ((68, True), (69, False)):
        net.watch()
        host.send(to=FAR, port=67, source=f'{HOST["eth0"]} {sport}')
        left = net.watch(to=FAR, port=67)
        tap.ok((left['eth0'] == 1) == good,
               f'from port {sport} to a DHCP server behind a relay: '
               f'{"leaves" if good else "does not leave"}', left)


def ours():
    """What the kernel has of ours that is IPv4."""
    rules = [r for r in run('ip', '-4', 'rule').splitlines() if 'sixgate' in r or 'proto 106' in r]
    routes = [r for r in run('ip', '-4', 'route', 'show', 'table', 'all').splitlines()
              if 'sixgate' in r or 'proto 106' in r]
    table = run('nft', 'list', 'table', 'ip', 'startos').splitlines()
    return rules + routes + [line for line in table[1:-1] if line.strip()]


def switched_off():
    net.filter_sources(1)
    net.select('wg0')
    tap.ok(ours() and filters() == all_are(2), 'before: rules, routes, chains, loose filters')
    net.route_both(ipv4=False)
    net.reconcile()
    tap.ok(not ours(), 'switched off: no rule, route, chain or set of ours is IPv4', *ours())
    tap.ok(filters() == all_are(1), 'and the filters are what they were', filters())
    count = net.reconcile('--dry-run').strip()
    tap.ok(not count, 'and a further run has nothing to do', count)
    got = host.tcp(to=FAR)
    left = net.watch(to=FAR)
    tap.ok(got == 'ok' and left['eth0'], 'IPv4 goes as ever', got, left)
    net.route_both()
    net.reconcile()
    got = host.tcp(to=FAR)
    left = net.watch(to=FAR)
    tap.ok(got == 'ok' and left['wg0'] and not left['eth0'], 'switched on again: by wg0', got, left)


net.write_memory()
for test in (reverse_path_filter, limit, near, switched_off):
    test()
tap.finish()
