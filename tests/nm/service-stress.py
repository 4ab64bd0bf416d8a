# SPDX-License-Identifier: LGPL-2.1-or-later
"""The D-Bus service under load, with others that are slow, dead, or change the same: TAP."""
import os
import signal
import subprocess
import sys
import time

from service_kit import *  # pylint: disable=wildcard-import,unused-wildcard-import

TRIES = 10000 if LONG else 300
root_version = root.get('Version')

if not LONG:
    print(f'# reduced: {TRIES} calls at the moment of the idle exit, 10000 with --long', flush=True)


# ---- many ----

@case('1,000 calls at once of 50 callers: every one is answered')
def _():
    callers, answers = [Caller() for _ in range(50)], []
    kinds = (('Plan', (), None, MANAGER), ('Reconcile', (), None, MANAGER),
             ('Get', (MANAGER, 'Warnings'), '(ss)', PROPERTIES),
             ('Explain', ('2001:db8::1', {}), '(sa{sv})', MANAGER),
             ('SetDefaultOutbound', ('',), '(s)', MANAGER))
    begin = time.monotonic()
    for i in range(20):
        for caller in callers:
            member, arguments, signature, interface = kinds[i % len(kinds)]
            caller.start(answers, member, *arguments, signature=signature, interface=interface)
    wait_until(lambda: len(answers) == 1000, 120, lambda: len(answers))
    print(f'# 1,000 calls of 50 callers: {time.monotonic() - begin:.1f} s')
    bad = [a for a in answers if isinstance(a, str)]
    same(bad, [], 'errors')
    for caller in callers:
        caller.close()


@case('one caller: no more than 64 calls wait, 50 GetManagedObjects a second; others are served')
def _():
    greedy, answers, reads = Caller(), [], []
    with Lock():
        for _ in range(70):
            greedy.start(answers, 'Reconcile')
        wait_until(lambda: len(answers) == 6, 20, lambda: answers)
        same(set(answers), {ERROR + 'Limit'})
        root.get('Version')
    wait_until(lambda: len(answers) == 70, 60, lambda: len(answers))
    for _ in range(500):
        greedy.start(reads, 'GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')
    wait_until(lambda: len(reads) == 500, 30, lambda: len(reads))
    check(reads.count(ERROR + 'Limit') > 300, reads.count(ERROR + 'Limit'))
    root.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')
    greedy.close()


@case('callers that vanish at any moment: the service lives, and forgets them')
def _():
    pid = service_pid()
    for i in range(60):
        caller = Caller()
        for _ in range(5):
            caller.start([], ('Plan', 'Reconcile', 'Subscribe')[i % 3])
        caller.bus.flush_sync(None)
        if i % 2:
            time.sleep(0.002 * (i % 7))
        caller.close()
    root.call('Reconcile')
    same(service_pid(), pid)


# ---- others that write, or are slow ----

@case('two administrators at once: the second is in conflict')
def _():
    one, two, answers = Caller(), Caller(), []
    with Lock():
        one.start(answers, 'SetDefaultOutbound', 'nm0', signature='(s)')
        two.start(answers, 'SetDefaultOutbound', 'nm1', signature='(s)')
        time.sleep(0.2)
    wait_until(lambda: len(answers) == 2, 20, lambda: answers)
    same(sorted(map(str, answers)), ['()', ERROR + 'Conflict'])
    same(root.get('DefaultOutbound'), 'nm0')
    one.call('SetDefaultOutbound', '', signature='(s)')


@case('the choices changed by another program between call and turn: conflict, too')
def _():
    answers = []
    with Lock():
        root.start(answers, 'AddOverride', '2001:db8:77::/64', 'nm0', signature='(ss)')
        time.sleep(0.2)
        text = open('/var/lib/sixgate/host.conf', encoding='utf-8').read()
        with open('/var/lib/sixgate/host.new', 'w', encoding='utf-8') as out:
            out.write(text.replace('Interface=', 'Interface=nm1', 1))
        os.rename('/var/lib/sixgate/host.new', '/var/lib/sixgate/host.conf')
    wait_until(lambda: answers, 20, 'an answer')
    same(answers, [ERROR + 'Conflict'])
    root.call('SetDefaultOutbound', '', signature='(s)')


@case('a lock that is held too long: Busy, within the bound, and others are answered meanwhile')
def _():
    set_config(LockTimeoutMSec=3000)
    root.get('Version')
    answers = []
    with Lock():
        begin = time.monotonic()
        root.start(answers, 'Reconcile')
        root.get('DefaultOutbound')
        root.call('Plan')
        same(answers, [], 'not yet')
        wait_until(lambda: answers, 20, 'an answer')
        check(time.monotonic() - begin >= 3, 'it waited')
    same(answers, [ERROR + 'Busy'])
    set_config()


@case('a NetworkManager that hangs: others are answered, a change ends in time, gateways stay')
def _():
    set_config(NetworkManagerTimeoutMSec=8000)
    root.call('Reconcile')
    nm = int(run('pidof', 'NetworkManager'))
    rules, answers = run('ip', '-6', 'rule'), []
    os.kill(nm, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        root.start(answers, 'Plan')
        root.start(answers, 'Reconcile')
        for _ in range(20):
            root.get('Version')
            root.get('CanCarryIPv6', gateway('nm0'), GATEWAY)
        same(answers, [], f'after {time.monotonic() - begin:.2f} s')
        wait_until(lambda: len(answers) == 2, 60, lambda: answers)
        same([type(a) for a in answers], [tuple, tuple], answers)
    finally:
        os.kill(nm, signal.SIGCONT)
    same(run('ip', '-6', 'rule'), rules)


@case('the same when the service is only just started')
def _():
    set_config(NetworkManagerTimeoutMSec=20000)
    nm = int(run('pidof', 'NetworkManager'))
    os.kill(nm, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        root.get('Version')
        check(root.get('Active', gateway('nm0'), GATEWAY), 'it is remembered')
        check(time.monotonic() - begin < 15, 'nobody waited for NetworkManager')
    finally:
        os.kill(nm, signal.SIGCONT)
    set_config()


# ---- rights ----

root.call('ImportGateway', 'mullvad.conf', WG, {}, signature='(ssa{sv})')


@case('without polkit: an unprivileged user may read, is denied everything else, and nothing changes')
def _():
    before = system_state()
    as_nobody('denied', 'polkit is not there')
    same(system_state(), before)


@case('polkit says no, or wants a password that nobody can be asked for: denied, and nothing changes')
def _():
    for answer, words in (('no', 'does not grant'), ('challenge', 'authenticate')):
        with Polkit(answer):
            before = system_state()
            as_nobody('denied', words)
            same(system_state(), before)


@case('polkit says yes: done; root is not asked about')
def _():
    with Polkit('yes'):
        as_nobody('granted')
    with Polkit('no'):
        root.call('Reconcile')


@case('a polkit that hangs: others are answered, at most 8 calls wait, and end with a clear error')
def _():
    with Polkit('hang'):
        as_nobody('unanswered')
        root.call('Reconcile')


# ---- the end ----

@case('SIGTERM: what was accepted is finished')
def _():
    answers = []
    with Lock():
        root.start(answers, 'SetDefaultOutbound', 'nm0', signature='(s)')
        root.get('Version')
        for pid in service_pid():
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.2)
        check(service_pid(), 'it waits')
    wait_until(lambda: answers, 20, 'an answer')
    same(answers, [()])
    wait_gone()
    same(root.get('DefaultOutbound'), 'nm0')
    root.call('SetDefaultOutbound', '', signature='(s)')


@case('a subscriber keeps it; when the subscriber vanishes it ends')
def _():
    set_config(IdleTimeoutMSec=50)
    other = Caller()
    other.call('Subscribe')
    pid = service_pid()
    time.sleep(0.5)
    same(service_pid(), pid)
    other.close()
    wait_gone()


@case(f'{TRIES} calls aimed at −5…+5 ms around the release of the name: none is lost')
def _():
    gone = [0.0]

    def lost(*arguments):
        if arguments[5].unpack()[2] == '':
            gone[0] = time.monotonic()
    root.bus.signal_subscribe('org.freedesktop.DBus', 'org.freedesktop.DBus', 'NameOwnerChanged',
                              '/org/freedesktop/DBus', NAME, Gio.DBusSignalFlags.NONE, lost)
    version, asked, delay, missed, near = root.get('Version'), time.monotonic(), 0.05, 0, 0
    for i in range(TRIES):
        # Where the last releases were the next will be; swept over ten milliseconds around it.
        aim = asked + delay + (i % 101 - 50) / 10000
        while time.monotonic() < aim:
            GLib.MainContext.default().iteration(False)
        same(root.call('Get', MANAGER, 'Version', signature='(ss)', interface=PROPERTIES, timeout=20),
             (version,), f'call {i}')
        while GLib.MainContext.default().iteration(False):
            pass
        if gone[0] > asked:
            delay, missed = 0.8 * delay + 0.2 * min(gone[0] - asked, 0.1), 0
            near += abs(gone[0] - aim) < 0.005
        else:
            missed += 1
            delay += 0.001 if missed > 5 else 0
        asked = time.monotonic()
    print(f'# of {TRIES} calls {near} came within 5 ms of the release, {1000 * delay:.0f} ms after the last')
    check(near > 0, 'no call came near the release')


@case('memory under 10 MiB')
def _():
    set_config()
    took = []
    for _ in range(5):
        for pid in service_pid():
            os.kill(pid, signal.SIGTERM)
        wait_gone()
        begin = time.monotonic()
        root.get('Version')
        took.append(1000 * (time.monotonic() - begin))
    print(f'# from the call that starts it to its answer: {min(took):.0f} ms at best, {max(took):.0f} at worst')
    root.call('Plan')
    for pid in service_pid():
        line = [li for li in open(f'/proc/{pid}/status', encoding='utf-8') if li.startswith('VmHWM')][0]
        print(f'# peak of the service: {line.split()[1]} kB')
        check(int(line.split()[1]) < 10240, line)


finish()
