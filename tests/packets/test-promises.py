# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must hold besides the table: injected routes, a second run, what belongs to others."""
import re

import internet
from family import (CLAIM_SHORT, CLAIMS, FAR, FLAG, HOST, INJECTED, INJECTED_NET, LAN_CLIENT, NFT,
                    NOBODYS, OTHERS, ROUTER)
from internet import ip, run

internet.enter()
net = internet.Internet()
tap = internet.Tap()
host, container = net.agents['host'], net.agents['ctr']
net.write_memory()


def writes():
    """How many messages of a further run would change something, by its own count."""
    text = net.reconcile('-v')
    found = re.search(r'(\d+) (?:netlink )?writes?', text)
    return int(found.group(1)) if found else text


def injected(route, selection, selected, by_then):
    """A router advertisement on the LAN, or DHCP, claims the far client's network. Until the next run what
    goes there leaves by @by_then, then by @selected; None: it is refused."""
    ip(f'route add {route} via {ROUTER} dev eth0 proto {CLAIMS} metric 50')
    for how, by in (('before the next run', by_then), ('after it', selected)):
        for kind in ('tcp', 'udp', 'echo'):
            for source in (None, HOST['eth0']):
                net.watch()
                got = getattr(host, kind)(to=INJECTED, source=source, timeout=0.15)
                left = net.watch(to=INJECTED)
                leak = {n: c for n, c in left.items() if n != by and c}
                good = not leak and (not by or source or got == 'ok')
                tap.ok(good, f'{selection}: {kind} to {route} that the LAN claims, '
                       f'{"bound to the LAN" if source else "unbound"}, {how}: '
                       f'{"goes out by " + by if by and not source else "does not leave"}',
                       got, left)
        net.watch()
        got = container.udp(to=INJECTED, timeout=0.15)
        left = net.watch()
        tap.ok(sum(c for n, c in left.items() if n != by) == 0,
               f'{selection}: nor does a container leave by it, {how}', got, left)
        net.reconcile()
    ip(f'route del {route} via {ROUTER} dev eth0 proto {CLAIMS} metric 50')
    net.reconcile()


def foreign():
    """Everything in the kernel that is not ours, as text."""
    rules = [r for r in run('ip', FLAG, 'rule').splitlines() if 'proto sixgate' not in r and
             'proto 106' not in r]
    routes = [r for r in run('ip', FLAG, 'route', 'show', 'table', 'all').splitlines()
              if 'proto sixgate' not in r and 'proto 106' not in r]
    tables = [run('nft', '-s', 'list', 'table', *t.split()[1:])
              for t in run('nft', 'list', 'tables').splitlines() if not t.endswith(' startos')]
    theirs = run('nft', '-s', 'list', 'chain', NFT, 'startos', 'theirs')
    return '\n'.join(sorted(rules) + sorted(routes) + tables + [theirs])


# --- positive control: without a choice the probe does leave by eth0, and is counted
net.reconcile('--outbound', 'auto')
net.watch()
host.udp(to=INJECTED)
tap.ok(net.watch(to=INJECTED)['eth0'] == 1, 'auto: the counter on the LAN counts the probe')

# --- injected routes
for choice, way in (('wg0', 'wg0'), ('gone', None)):
    net.select(choice)
    injected(CLAIM_SHORT, choice, way, way)
    # A longer one is at first followed to the LAN's gateway and stopped by the guard there.
    injected(INJECTED_NET, choice, way, None)

# --- answers to a neighbour on the LAN who uses the tunnel's address
net.select('wg0')
net.watch()
for k in ('tcp', 'udp', 'echo', 'closed'):
    answer = getattr(net.agents['lan'], k)(to=HOST['wg0'])
    out = net.watch(to=LAN_CLIENT)
    tap.ok(answer == 'ok' and out['wg0'] and not out['eth0'],
           f'a client on the LAN that asks the address of the tunnel by {k} gets its answer '
           'through the tunnel', answer, out)

# --- a second run writes nothing, whatever is selected
for choice in ('auto', 'eth0', 'wg0', 'gone', 'incapable'):
    net.select(choice)
    monitor_before = run('ip', FLAG, 'rule') + run('nft', '-a', 'list', 'ruleset')
    count = writes()
    tap.ok(count == 0, f'{choice}: a second run sends no message that changes anything', count)
    tap.ok(re.sub(r'packets \d+ bytes \d+', '', monitor_before) ==
           re.sub(r'packets \d+ bytes \d+', '', run('ip', FLAG, 'rule') +
                  run('nft', '-a', 'list', 'ruleset')),
           f'{choice}: and no rule was removed and added again (same handles, same order)')
    tap.ok(not net.reconcile('--dry-run').strip(), f'{choice}: and it plans nothing')

# --- what belongs to others
run('nft', '-f', '-', stdin=f'''
    table {NFT} startos {{
        chain theirs {{
            type filter hook input priority 5;
            {NFT} saddr {NOBODYS} counter drop
        }}
    }}
    table inet other {{
        chain c {{
            type filter hook output priority 5;
            meta mark 0x1234 counter
        }}
    }}
''')
ip(f'rule add pref 60 from {NOBODYS} lookup 77\nrule add pref 75 fwmark 0x77 lookup 77\n'
   'rule add pref 20000 lookup 77 suppress_prefixlength 1\n'
   f'route add {NOBODYS} dev eth0 table 77 proto 44\n'
   f'route add {OTHERS} dev eth0 table {1000 + net.index("wg0")} proto 44')
net.select('auto')
was = foreign()
for choice in ('wg0', 'gone', 'eth0', 'incapable', 'auto'):
    net.select(choice)
net.select('wg0')
ip('rule del pref 75 lookup %d' % (1000 + net.index('wg0')))
net.reconcile()
now = foreign()
tap.ok(was == now, "rules, routes and chains of others are the same byte for byte",
       *sorted(set(was.splitlines()) ^ set(now.splitlines())))

# --- what NetworkManager does for a full tunnel does not hijack the host
ip('route add default dev wg0 table 51820\nrule add pref 31489 not fwmark 0xca6c lookup 51820\n'
   'rule add pref 31488 lookup main suppress_prefixlength 0')
net.select('auto')
net.watch()
answer = host.tcp(to=FAR)
out = net.watch(to=FAR)
tap.ok(answer == 'ok' and out['eth0'] and not out['wg0'],
       'auto: rules for a full tunnel (as NetworkManager makes them) do not hijack the host',
       answer, out)
tap.finish()
