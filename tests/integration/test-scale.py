#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A large host: 10,000 routes in main, 2,000 addresses, and 4, 16, 64 gateways. A run finishes, is
right, and grows with the gateways as a line does.

Instructions are counted (callgrind), not time, so that a busy machine changes nothing. Runs in
private namespaces; needs root. NetworkManager is absent: the gateways come from the memory of an
earlier run.
"""
import json
import os
import re
import subprocess
import sys

PROGRAM = os.path.abspath(os.environ['SIXGATE_RECONCILE'])
ROUTES, ADDRESSES, GATEWAYS = 10_000, 2_000, (4, 16, 64)
FIRST = 100           # the first gateway's ifindex
MEMORY_MAX_MIB = 64   # of one run with everything
BEND_MAX = 1.3        # how much more a gateway may cost among many than among few
NOISE = 0.05          # of what all else costs
MEMORY = '/run/sixgate/memory'


def enter():
    if os.environ.get('SIXGATE_PRIVATE') == '1':
        return
    if os.geteuid() != 0:
        print('1..0 # SKIP needs root')
        sys.exit(0)
    os.environ['SIXGATE_PRIVATE'] = '1'
    mounts = 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/sixgate && exec "$0" "$@"'
    os.execvp('unshare', ['unshare', '-n', '-m', '--propagation', 'private', 'sh', '-c', mounts,
                          sys.executable] + sys.argv)


def ip(lines):
    subprocess.run(['ip', '-6', '-batch', '-'], input='\n'.join(lines), text=True, check=True)


def set_up(gateways):
    """The first four have most of the addresses, so that only the number of gateways differs; the
    routes lead to a router on the first LAN, as a routing daemon's do."""
    lines = ['link set lo up']
    for i in range(gateways):
        lines += [f'link add eth{i} index {FIRST + i} type veth peer name far{i}',
                  f'link set eth{i} addrgenmode none', f'link set far{i} addrgenmode none',
                  f'link set eth{i} up', f'link set far{i} up',
                  f'addr add 2001:db8:{i + 1:x}::2/64 dev eth{i} nodad',
                  f'route add default via 2001:db8:{i + 1:x}::1 dev eth{i} metric {FIRST + i}']
    lines += [f'addr add 2001:db8:{i % 4 + 1:x}::1:{i:x}/128 dev eth{i % 4} nodad'
              for i in range(ADDRESSES - gateways)]
    lines += [f'route add fd00:{i:x}::/64 via 2001:db8:1::1 dev eth0' for i in range(ROUTES)]
    ip(lines)
    os.makedirs(os.path.dirname(MEMORY), exist_ok=True)
    with open(MEMORY, 'w', encoding='utf-8') as memory:
        memory.write('[memory]\nMarks=\n')
        for i in range(gateways):
            memory.write(f'\n[gateway {FIRST + i}]\nName=eth{i}\nKind=ethernet\nUuid=\n')


def clear(gateways):
    """The kernel as it was before the first run."""
    for pref in range(50, 77):
        while subprocess.run(['ip', '-6', 'rule', 'del', 'pref', str(pref)], check=False,
                             stderr=subprocess.DEVNULL).returncode == 0:
            pass
    subprocess.run(['ip', '-6', 'rule', 'flush', 'protocol', '106'], check=False)
    ip([f'route flush table {1000 + FIRST + i}' for i in range(gateways)])
    subprocess.run(['nft', 'flush', 'ruleset'], check=True)


def run(*words):
    return subprocess.run(words, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def counted():
    """A run under callgrind: its instructions."""
    p = run('valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', PROGRAM)
    found = re.search(r'Collected : (\d+)', p.stderr)
    if p.returncode or not found:
        raise RuntimeError(p.stderr)
    return int(found.group(1))


def run_alone():
    """A run of the program: its status, and the most memory that it had, in MiB."""
    null = os.open(os.devnull, os.O_RDWR)
    pid = os.posix_spawn(PROGRAM, [PROGRAM], os.environ,
                         file_actions=[(os.POSIX_SPAWN_DUP2, null, n) for n in (1, 2)])
    _, status, usage = os.wait4(pid, 0)
    os.close(null)
    return status, usage.ru_maxrss / 1024


def world(gateways):
    """One size, in a network namespace of its own: what was measured, and what is right."""
    set_up(gateways)
    status, peak = run_alone()
    table = run('ip', '-6', 'route', 'show', 'table', str(1000 + FIRST)).stdout
    rules = run('ip', '-6', 'rule', 'show', 'pref', '60').stdout
    right = {'finishes': status == 0,
             'nothing is left to do': not run(PROGRAM, '--dry-run').stdout,
             'the routes are in the table of their gateway': table.count('fd00:') == ROUTES,
             'every address has its rule': rules.count('from 2001:db8:') == ADDRESSES}
    idle = counted()
    clear(gateways)
    full = counted()
    right['and so is the run that is counted'] = not run(PROGRAM, '--dry-run').stdout
    return {'right': right, 'from nothing': full, 'nothing to do': idle, 'peak': peak}


def bends(counts):
    """Whether what comes after the second size grows faster than what came before it. A gateway costs
    so little that the second term, of the rest, hides what the first one would say of chance."""
    few, some, many = (counts[n] for n in GATEWAYS)
    a_gateway = max(some - few, 0) / (GATEWAYS[1] - GATEWAYS[0])
    return many - some > BEND_MAX * a_gateway * (GATEWAYS[2] - GATEWAYS[1]) + NOISE * some


def main():
    checks, worlds = [], {}
    for n in GATEWAYS:
        p = run('unshare', '-n', sys.executable, __file__, '--world', str(n))
        if p.returncode:
            sys.exit(p.stderr)
        worlds[n] = json.loads(p.stdout)
        checks += [(good, f'{n} gateways: {what}') for what, good in worlds[n]['right'].items()]
        print(f'# {n} gateways, {ROUTES} routes, {ADDRESSES} addresses: ' +
              ', '.join(f'{what} {worlds[n][what] / 1e6:.0f} million instructions'
                        for what in ('from nothing', 'nothing to do')) +
              f', peak memory {worlds[n]["peak"]:.1f} MiB', flush=True)
    for what in ('from nothing', 'nothing to do'):
        counts = {n: w[what] for n, w in worlds.items()}
        checks.append((not bends(counts), f'{what}: grows with the gateways as a line does'))
    checks.append((max(w['peak'] for w in worlds.values()) < MEMORY_MAX_MIB,
                   f'memory stays below {MEMORY_MAX_MIB} MiB'))
    for i, (good, what) in enumerate(checks, 1):
        print(f'{"ok" if good else "not ok"} {i} - {what}')
    print(f'1..{len(checks)}')
    sys.exit(not all(good for good, _ in checks))


enter()
if len(sys.argv) == 3:
    print(json.dumps(world(int(sys.argv[2]))))
else:
    main()
