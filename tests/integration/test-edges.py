#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program's edges: rights, lock, exit status, damaged files, kills and failing system calls.

Runs in private namespaces, on a kernel without anything of ours; needs root. NetworkManager is
absent there: the gateways come from the memory of an earlier run.
"""
import collections
import ctypes
import difflib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

PROGRAM = os.path.abspath(os.environ['SIXGATE_RECONCILE'])
CONFIG = os.environ['SIXGATE_CONFIG']
STATE, MEMORY, LOCK = '/var/lib/sixgate/host.conf', '/run/sixgate/memory', '/run/sixgate/lock'
LONG = os.environ.get('SG_TEST_LONG') == '1'
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


def main():
    bad = 0
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
    for path in (STATE, CONFIG, LOCK):
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


# ---- rights, binary ----


@case('drops to CAP_NET_ADMIN with no_new_privs before it reads a file')
def privileges():
    put(CONFIG, '[sixgate]\nLockTimeoutMSec=5000\n')
    run()
    with open(LOCK, 'rb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen([PROGRAM], env=ENV, stderr=subprocess.DEVNULL) as process:
            time.sleep(0.3)
            status = get(f'/proc/{process.pid}/status').decode()
            process.kill()
    values = dict(re.findall(r'^(\w+):\s+(\S+)', status, re.M))
    for name in ('CapEff', 'CapPrm', 'CapBnd'):
        same(int(values[name], 16), 1 << 12, name)
    for name in ('CapInh', 'CapAmb'):
        same(int(values[name], 16), 0, name)
    same(values['NoNewPrivs'], '1')


@case('rights are dropped before the configuration is opened')
def privileges_first():
    if not shutil.which('strace'):
        return 'no strace'
    calls = trace('--dry-run')
    last = max(min(i for i, line in enumerate(calls) if call in line)
               for call in ('PR_CAPBSET_DROP', 'capset(', 'PR_SET_NO_NEW_PRIVS'))
    opened = min(i for i, line in enumerate(calls) if CONFIG in line)
    check(last < opened, 'the configuration is opened first')
    return None


@case('links neither libnm nor a GLib main loop')
def links():
    libraries = sh('ldd', PROGRAM)
    for name in ('libnm.', 'libgio', 'libgobject'):
        check(name not in libraries, f'{name} in\n{libraries}')
    for name in ('g_main_context', 'g_main_loop'):
        check(name.encode() not in get(PROGRAM), f'{name} in the program')


# ---- lock ----


@case('a held lock ends a run in bounded time, naming the holder')
def held_lock():
    put(CONFIG, '[sixgate]\nLockTimeoutMSec=200\n')
    complete()
    with open(LOCK, 'rb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        start = time.monotonic()
        refuses(1, [LOCK, '200 ms', str(os.getpid())])
        check(0.2 <= time.monotonic() - start < 3, 'took too long')
        same(run('--dry-run').returncode, 0, 'a dry run needs no lock')


@case('runs at once serialise, and all end well')
def serialise():
    processes = [subprocess.Popen([PROGRAM, '-v', '--outbound', name], env=ENV, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                 for name in ['eth0', 'eth1'] * 4]
    for process in processes:
        _, errors = process.communicate(timeout=30)
        same(process.returncode, 0, errors)
    nothing_to_do()
    check(kernel().count('\n75:') == 1, kernel())


# ---- exit status and arguments ----


@case('words that are none of ours: status 2, a sentence, nothing is done')
def garbage():
    for words in (['--frobnicate'], ['up'], ['a', 'b', 'c'], ['--outbound'], ['--outbound='],
                  ['--outbound', '1234567890123456'], ['--outbound', 'a/b'],
                  ['-x'], ['--', 'x'], ['']):
        refuses(2, [], *words)
    check(get(STATE) is None, 'a choice was written')


@case('actions that change nothing for us: status 0, not one file is opened')
def ignored():
    before = kernel()
    for words in (['none', 'hostname'], ['eth0', 'frobnicate'], ['', ''], ['eth0', 'UP'],
                  ['eth0', 'user-defined']):
        same(run(*words).returncode, 0, str(words))
        same(run(*words).stderr, '', str(words))
    same(kernel(), before)
    check(get(LOCK) is None, 'the lock was touched')


@case('every action of NetworkManager that matters brings everything into force')
def actions():
    for action in ('pre-up', 'up', 'pre-down', 'down', 'vpn-up', 'vpn-pre-down', 'dhcp4-change',
                   'dhcp6-change', 'reapply', 'connectivity-change', 'dns-change'):
        reset()
        same(run('eth0', action).returncode, 0, action)
        nothing_to_do()
        check('1010' in kernel(), action)


@case('--version and --help say so and do nothing')
def version():
    before = kernel()
    same(re.match(r'sixgate \d', run('--version').stdout) is None, False)
    check('--dry-run' in run('--help').stdout)
    same(kernel(), before)


@case('a file that cannot be written: a sentence, and nothing changes')
def read_only():
    os.makedirs(os.path.dirname(STATE), exist_ok=True)
    sh('mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', os.path.dirname(STATE))
    try:
        refuses(4, [STATE, 'Read-only'], '--outbound', 'eth0')
    finally:
        sh('umount', os.path.dirname(STATE))


@case('without CAP_NET_ADMIN: the kernel\'s words, and no status 0')
def no_rights():
    done = run(prefix=['setpriv', '--bounding-set=-all', '--inh-caps=-all'])
    check(done.returncode not in (0, -6, -11), done.returncode)
    check('not permitted' in done.stderr, done.stderr)


# ---- files ----


@case('a damaged choice changes nothing, and is not overwritten')
def damaged_state():
    complete('--outbound', 'eth0')
    text = get(STATE)
    for damaged in (b'', b'hello', b'\0' * 64, text[:-9], text.replace(b'Version=1', b'Version=99'),
                    text.replace(b'eth0', b'e/h0')):
        put(STATE, damaged)
        refuses(1, [STATE, 'choose the outbound again'])
        refuses(1, [STATE], '--outbound', 'eth1')
        refuses(1, [STATE], '--boot')
        same(get(STATE), damaged, 'the file was overwritten')


@case('a choice that is no file: refused, without waiting')
def strange_state():
    complete('--outbound', 'eth0')
    os.unlink(STATE)
    os.mkfifo(STATE)
    refuses(2, [STATE, 'regular file'])


@case('a malformed configuration changes nothing, and names file and key')
def damaged_config():
    complete('--outbound', 'eth0')
    for text, words in (('[sixgate]\nNftTable=9\n', ['NftTable=', 'use a letter']),
                        ('[sixgate]\nLockTimeoutMSec=x\n', ['LockTimeoutMSec=', '10 to 60000']),
                        ('NftTable=a\n', []), ('[sixgate]\nFamilies=ipv9\n', ['Families='])):
        put(CONFIG, text)
        refuses(2, [CONFIG] + words)


@case('an unknown key is said, once per boot, and everything is done all the same')
def unknown_key():
    put(CONFIG, '[sixgate]\nNfttable=a\n')
    check('Nfttable' in run('eth0', 'up').stderr)
    same(run('eth0', 'up').stderr, '', 'said twice')
    check('Nfttable' in run().stderr, 'by hand it is said always')
    check('1010' in kernel())


@case('a damaged memory is said and written anew')
def damaged_memory():
    put(MEMORY, 'hello')
    done = run()
    same(done.returncode, 0)
    check(MEMORY in done.stderr, done.stderr)
    same(run().stderr.count(MEMORY), 0, 'said twice')


@case('an outbound that is not there: said, refused traffic, status 0')
def absent_outbound():
    done = run('--outbound', 'wg7')
    same(done.returncode, 0, done.stderr)
    check('wg7' in done.stderr, done.stderr)
    check('\n76:' in kernel(), kernel())
    nothing_to_do()


# ---- writes ----


class Monitor:
    """Everything that the kernel tells of changes."""

    def __enter__(self):
        self.route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self.route.bind((0, 0x1 | 0x100 | 0x400 | 0x40000))
        self.nft = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 12)
        self.nft.bind((0, 0))
        self.nft.setsockopt(270, 1, 7)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES
        return self

    def heard(self):
        for sock in (self.route, self.nft):
            try:
                sock.recv(65536)
                return True
            except BlockingIOError:
                pass
        return False

    def __exit__(self, *_):
        self.route.close()
        self.nft.close()


@case('--dry-run prints the plan and writes nothing, neither kernel nor file')
def dry_run():
    with Monitor() as monitor:
        done = run('--dry-run', '--outbound', 'eth1')
        check(not monitor.heard(), 'a dry run changed the kernel')
        check('pref 75 lookup 1011' in done.stdout, done.stdout)
        check('nft ' in done.stdout)
        same(get(STATE), None)
        same(get(MEMORY), MEMORY_TEXT.encode())
        same(get(LOCK), None)
        complete('--outbound', 'eth1')
        check(monitor.heard(), 'the monitor is deaf')


@case('a printed plan, pasted into a shell, is what a run does')
def paste():
    plan = run('--dry-run', '--outbound', 'eth0').stdout.replace('proto sixgate', 'proto 106')
    sh('sh', '-e', stdin=plan)
    pasted = kernel()
    reset()
    same(pasted, complete('--outbound', 'eth0'))


@case('a reader that goes away (| head) does not end a run half way')
def closed_pipe():
    end = complete('--outbound', 'eth0')
    reset()
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([PROGRAM, '-v', '-n', '--outbound', 'eth0'], env=ENV, stdout=writer,
                          stderr=subprocess.DEVNULL, check=False)
    check(done.returncode >= 0, 'killed')
    done = subprocess.run([PROGRAM, '-v', '--outbound', 'eth0'], env=ENV, stdout=writer,
                          stderr=subprocess.DEVNULL, check=False)
    os.close(writer)
    same(done.returncode, 0)
    same(kernel(), end)


@case('a second run writes nothing, whatever is selected')
def second_run():
    for words in ([], ['--outbound', 'eth0'], ['--outbound', 'eth1'], ['--outbound', 'auto']):
        complete(*words)
        with Monitor() as monitor:
            nothing_to_do()
            check(not monitor.heard(), f'{words}: something was written')


@case('at boot: what holds without gateways, and no bus is asked')
def boot():
    complete('--outbound', 'eth0')
    text = get(STATE)
    reset()
    put(STATE, text)
    os.unlink(MEMORY)
    same(run('--boot').returncode, 0)
    rules = sh('ip', '-6', 'rule')
    for pref in ('65', '76', '1000', '1100'):
        check(f'\n{pref}:' in rules, rules)
    check('\n75:' not in rules, rules)


# ---- kills and failing system calls ----

# The C library itself ends a process whose futex() fails.
NOT_OURS = {'exit', 'exit_group', 'futex'}
MEMORY_CALLS = {'brk', 'mmap', 'munmap', 'mprotect', 'mremap'}



def trace(*words):
    sh('strace', '-o', '/run/trace', PROGRAM, *words, good=False)
    return get('/run/trace').decode(errors='replace').splitlines()


def own_calls(calls):
    """(name, number) of each system call that the program itself makes, not its loader."""
    counts = collections.Counter()
    result = []
    own = False
    for line in calls:
        name = re.match(r'(\w+)\(', line)
        if not name:
            continue
        counts[name[1]] += 1
        own = own or 'PR_CAPBSET_DROP' in line
        if own and name[1] not in NOT_OURS:
            result.append((name[1], counts[name[1]]))
    return result


def inject(name, number, what, *words):
    return run(*words, prefix=['strace', '-o', '/dev/null', '-e', f'trace={name}', '-e',
                               f'inject={name}:{what}:when={number}'])


def recovers(end, message):
    done = run(timeout=20)
    same(done.returncode, 0, f'{message}: the next run: {done.stderr}')
    same(kernel(), end, f'{message}: the next run')


@case('killed at every message that it sends, the next run converges')
def kills():
    if not shutil.which('strace'):
        return 'no strace'
    kills_done = 0
    for before, words in (([], ['--outbound', 'eth0']), (['--outbound', 'eth0'], ['--outbound', 'eth1']),
                          (['--outbound', 'eth0'], ['--outbound', 'auto'])):
        reset()
        if before:
            complete(*before)
        sends = [call for call in own_calls(trace(*words)) if call[0].startswith('send')]
        end = kernel()
        check(len(sends) >= 5, str(sends))
        for name, number in sends:
            reset()
            if before:
                complete(*before)
            done = inject(name, number, 'signal=KILL', *words)
            same(done.returncode, -signal.SIGKILL, f'{name} {number} was not hit')
            kills_done += 1
            recover_choice(words)
            recovers(end, f'killed at {name} {number} of {words}')
    print(f'# sized: {kills_done} kills')
    return None


def recover_choice(words):
    """A run that was killed before it wrote the choice: the person chooses again."""
    choice = get(STATE) or b''
    name = '' if words[1] == 'auto' else words[1]
    if f'Interface={name}\n'.encode() not in choice:
        run(*words)



@case('each system call failing in turn: no crash, a sentence, and the next run converges')
def faults():
    if not shutil.which('strace'):
        return 'no strace'
    words = ['--outbound', 'eth0']
    calls = own_calls(trace(*words))
    end = kernel()
    errors = ('EIO', 'ENOMEM', 'ENOBUFS')
    n = 0
    for i, (name, number) in enumerate(calls):
        for error in errors if LONG else (errors[i % len(errors)],):
            reset()
            what = f'{name} {number} failing with {error}'
            done = inject(name, number, f'error={error}', *words)
            n += 1
            if name not in MEMORY_CALLS:
                check(done.returncode >= 0, f'{what}: crashed: {done.returncode}\n{done.stderr}')
            if done.returncode > 0:
                check('sixgate: ' in done.stderr, f'{what}: not a word')
            elif done.returncode == 0:
                same(kernel(), end, f'{what}: status 0')
            if done.returncode != 0:
                recover_choice(words)
            recovers(end, what)
    check(n >= 100, f'only {n} system calls')
    print(f'# {"sized" if LONG else "reduced"}: {n} faults in {len(calls)} system calls, '
          f'{len(errors)} errors {"each" if LONG else "in turn"}')
    return None


if __name__ == '__main__':
    enter()
    ctypes.CDLL(None).umask(0o22)
    build_host()
    main()
