# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host in private namespaces for the tests of the built program: two gateways, a bridge, no
NetworkManager (the gateways come from the memory of an earlier run); and TAP of its cases."""
import difflib
import os
import re
import subprocess
import sys

PROGRAM = os.path.abspath(os.environ['SIXGATE_RECONCILE'])
LONG = os.environ.get('SG_TEST_LONG') == '1'
CONFIG = os.environ['SIXGATE_CONFIG']
STATE, MEMORY, LOCK = '/var/lib/sixgate/host.conf', '/run/sixgate/memory', '/run/sixgate/lock'
# Leaks are what other tests look for; under strace the leak checker cannot work.
ENV = dict(os.environ, LC_ALL='C.UTF-8',
           ASAN_OPTIONS=os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0')
TABLES = {'eth0': 1010, 'eth1': 1011}
MEMORY_TEXT = '[memory]\nMarks=\n' + ''.join(
    f'\n[gateway {table - 1000}]\nName={name}\nKind=ethernet\nUuid=\n'
    for name, table in TABLES.items())


def enter():
    """Goes on in private namespaces; what is written to /etc, /run and /var/lib stays in them."""
    if os.environ.get('SIXGATE_PRIVATE') == '1':
        return
    if os.geteuid() != 0:
        print('1..0 # SKIP needs root')
        sys.exit(0)
    os.environ['SIXGATE_PRIVATE'] = '1'
    etc = os.path.dirname(os.path.dirname(CONFIG))
    overlays = ''.join(
        f'mkdir -p /run/o{d}/up /run/o{d}/work && mount -t overlay overlay -o '
        f'lowerdir={d},upperdir=/run/o{d}/up,workdir=/run/o{d}/work {d} && '
        for d in (etc, '/var/lib'))
    mounts = f'mount -t tmpfs tmpfs /run && {overlays} exec "$0" "$@"'
    os.execvp('unshare', ['unshare', '-n', '-m', '-p', '-f', '--kill-child', '--mount-proc', 'sh',
                          '-c', mounts, sys.executable] + sys.argv)


# ---- TAP ----

cases = []


def case(promise):
    def add(function):
        cases.append((promise, function))
        return function
    return add


def main(only=()):
    """Runs the cases whose promise holds a word of @only; all without one."""
    bad = 0
    cases[:] = [c for c in cases if not only or any(word in c[0] for word in only)]
    print(f'1..{len(cases)}', flush=True)
    for number, (promise, function) in enumerate(cases, 1):
        try:
            reset()
            skip = function()
            print(f'ok {number} - {promise}' + (f' # SKIP {skip}' if skip else ''), flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            bad += 1
            print(f'not ok {number} - {promise}', flush=True)
            print('\n'.join('# ' + line for line in
                            f'{type(error).__name__}: {error}'.splitlines()), flush=True)
    sys.exit(1 if bad else 0)


def check(what, message=''):
    if not what:
        raise AssertionError(message)


def same(have, want, message=''):
    if isinstance(have, str) and isinstance(want, str):
        check(have == want, '\n'.join([message, *difflib.unified_diff(
            want.splitlines(), have.splitlines(), 'want', 'have', lineterm='', n=0)]))
    check(have == want, f'{message}\nhave: {have}\nwant: {want}')


# ---- the host ----


def sh(*words, stdin=None, good=True):
    return subprocess.run(words, input=stdin, text=True, check=good, capture_output=True).stdout


def build_host():
    lines = ['link set lo up', 'link add br0 index 20 type bridge', 'link set br0 up',
             'addr add fd00:20::1/64 dev br0 nodad']
    for i, name in enumerate(TABLES):
        lines += [f'link add {name} index {10 + i} type veth peer name far{i} index {30 + i}',
                  f'link set {name} addrgenmode none', f'link set far{i} addrgenmode none',
                  f'link set {name} up', f'link set far{i} up',
                  f'addr add 2001:db8:{i + 1}::2/64 dev {name} nodad',
                  f'route add default via 2001:db8:{i + 1}::1 dev {name} metric {100 + i}']
    sh('ip', '-6', '-batch', '-', stdin='\n'.join(lines))


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def get(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except FileNotFoundError:
        return None


def reset():
    """A kernel without anything of ours, files as on a new installation."""
    sh('nft', 'flush', 'ruleset')
    sh('ip', '-6', 'rule', 'flush', 'protocol', '106', good=False)
    for table in TABLES.values():
        sh('ip', '-6', 'route', 'flush', 'table', str(table), good=False)
    for path in (STATE, CONFIG, LOCK, '/var/lib/sixgate/tunnel.state', '/run/sixgate/limits'):
        if os.path.lexists(path):
            os.unlink(path)
    put(MEMORY, MEMORY_TEXT)


def kernel():
    """What is in the kernel, as text that does not depend on the order of equals."""
    nft = re.sub(r'packets \d+ bytes \d+', '', sh('nft', '-n', 'list', 'ruleset'))
    routes = sh('ip', '-6', '-N', 'route', 'show', 'table', 'all')
    return '\n'.join(sorted(sh('ip', '-6', '-N', 'rule').splitlines()) +
                     sorted(line for line in routes.splitlines() if 'table 255' not in line) +
                     nft.splitlines())


def run(*words, prefix=(), timeout=20):
    return subprocess.run([*prefix, PROGRAM, *words], env=ENV, text=True, capture_output=True,
                          check=False, timeout=timeout)


def complete(*words):
    done = run(*words)
    same(done.returncode, 0, done.stderr)
    return kernel()


def writes(done):
    return int(re.search(r'(\d+) writes', done.stdout).group(1))


def nothing_to_do():
    done = run('-v')
    same((done.returncode, writes(done)), (0, 0), done.stdout + done.stderr)


def refuses(status, words, *arguments):
    """Ends with @status and one sentence that holds @words; the kernel stays as it is."""
    before = kernel()
    done = run(*arguments)
    same(done.returncode, status, f'{arguments}: {done.stderr}')
    for word in words:
        check(word in done.stderr, f'no “{word}” in: {done.stderr}')
    check(done.stderr.startswith('sixgate: '), done.stderr)
    same(kernel(), before, 'the kernel was changed')
    return done.stderr
