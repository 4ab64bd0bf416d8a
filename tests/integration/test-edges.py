#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program's edges: rights, lock, exit status, damaged files, kills and failing system calls.

Runs in private namespaces, on a kernel without anything of ours; needs root. NetworkManager is
absent there: the gateways come from the memory of an earlier run.
"""
import collections
import ctypes
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import kit
from kit import (CONFIG, ENV, LOCK, LONG, MEMORY, MEMORY_TEXT, PROGRAM, STATE, case, check, complete, get,
                 kernel, nothing_to_do, put, refuses, reset, run, same, sh)





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
        self.route.bind((0, 0x1 | 0x100 | 0x400 | 0x40000 | 0x80000000))
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
    kit.enter()
    ctypes.CDLL(None).umask(0o22)
    kit.build_host()
    kit.main()
