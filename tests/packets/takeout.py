# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes one line of ours out of the kernel, to see what it is there for."""
import re

from internet import FLAG, NFT, ip, run


def delete_rules(pref):
    for line in run('ip', FLAG, 'rule', 'show', 'pref', str(pref)).splitlines():
        ip('rule del pref ' + line.replace(':', '', 1).replace('[detached]', ''))


def delete_route(index, pattern):
    """A route of the table of the gateway with that interface index."""
    table = 1000 + index
    for line in run('ip', FLAG, 'route', 'show', 'table', str(table)).splitlines():
        if re.search(pattern, line):
            ip(f'route del {line} table {table}')


def lines(chain):
    """(text, handle) of each rule in a chain of ours."""
    text = run('nft', '-a', 'list', 'chain', NFT, 'startos', chain)
    return re.findall(r'^\t\t(.*) # handle (\d+)$', text, re.M)


def delete_line(chain, pattern):
    found = [(t, h) for t, h in lines(chain) if re.search(pattern, t)]
    if len(found) != 1:
        raise RuntimeError(f'{chain}: {len(found)} lines match {pattern}')
    run('nft', 'delete', 'rule', NFT, 'startos', chain, 'handle', found[0][1])
