# SPDX-License-Identifier: LGPL-2.1-or-later
"""testlog.py TESTLOG: what `meson test` kept of its last run, as TAP of every single case."""
import json
import re
import sys

number, failed = 0, False
with open(sys.argv[1], encoding='utf-8') as log:
    tests = [json.loads(line) for line in log]


def say(verdict, what):
    global number, failed
    number += 1
    failed |= verdict != 'ok'
    print(f'{verdict} {number} - {what}')


for test in tests:
    name = test['name'].split(' / ')[-1]
    good = test['result'] in ('OK', 'SKIP')
    output = test.get('stdout', '') + ('' if good else test.get('stderr', ''))
    before = number
    failed_before, failed = failed, False
    for line in output.splitlines():
        case = re.match(r'^ *((?:not )?ok)\b[ 0-9]*(?:- )?(.*)$', line)
        if case:
            say(case.group(1), f'{name}: {case.group(2)}')
        elif line.startswith('#') and (not good or re.match('# (reduced|sized):', line)):
            print(line)
    if number == before and good:  # no TAP: the whole test is one case
        say('ok', name + (' # SKIP' if test['result'] == 'SKIP' else ''))
    elif not good and not failed:  # it broke off, or a sanitizer spoke
        print('\n'.join('# ' + line for line in output.splitlines()[-40:]))
        say('not ok', f'{name}: {test["result"]}')
    failed |= failed_before
print(f'1..{number}')
sys.exit(failed)
