# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our program, disturbed at one of its netlink messages (strace), without hooks in its code."""
import os
import re
import shutil
import signal
import subprocess
import time

import internet
from internet import run

SENDS = ('-e', 'trace=sendto')
PIDFILE, TRACE = '/run/hanging.pid', '/run/hanging.trace'


def possible():
    return shutil.which('strace') is not None


def sends_of(words):
    run('strace', '-o', '/run/sends', *SENDS, internet.LIBEXEC, *words)
    with open('/run/sends', encoding='utf-8') as f:
        return [line for line in f if line.startswith('sendto(')]


def writes_of(words=()):
    """The numbers of the messages of an undisturbed run that change something."""
    sends = sends_of(words)
    return [i + 1 for i, line in enumerate(sends)
            if not re.search(r'NLM_F_DUMP|nlmsg_type=[^,]*_GET', line)]


def killed_at(number, words):
    """Whether a run ended by SIGKILL at its message @number."""
    p = subprocess.run(['strace', '-o', '/dev/null', *SENDS, '-e',
                        f'inject=sendto:signal=KILL:when={number}', internet.LIBEXEC, *words],
                       capture_output=True, check=False)
    return p.returncode == -9


def slowly(words, pause_ms=50):
    """A run with a pause after each message, from the first on that may change something."""
    first = len(sends_of(('--dry-run', *words))) + 1
    run('strace', '-o', '/dev/null', *SENDS, '-e',
        f'inject=sendto:delay_exit={pause_ms * 1000}:when={first}+', internet.LIBEXEC, *words)


class Hanging:
    """A run that stands still from its message @number on (which has been sent), within `with`."""
    def __init__(self, number):
        self.number, self.strace = number, None

    def __enter__(self):
        for old in (PIDFILE, TRACE):
            if os.path.exists(old):
                os.remove(old)
        # The shell sends nothing; it says which process becomes ours.
        self.strace = subprocess.Popen(
            ['strace', '-o', TRACE, *SENDS, '-e', f'inject=sendto:signal=STOP:when={self.number}',
             'sh', '-c', f'echo $$ >{PIDFILE}; exec "$0"', internet.LIBEXEC],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1000):
            if os.path.exists(TRACE):
                with open(TRACE, encoding='utf-8') as f:
                    if 'stopped by SIGSTOP' in f.read():
                        return self
            if self.strace.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f'nothing stands still at message {self.number}')

    def __exit__(self, *_):
        """Goes on, to its end."""
        with open(PIDFILE, encoding='ascii') as f:
            os.kill(int(f.read()), signal.SIGCONT)
        if self.strace.wait(timeout=20) != 0:
            raise RuntimeError(f'the run that stood still ended with {self.strace.returncode}')
