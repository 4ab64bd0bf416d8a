# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of docs/security.md, attacks and breakage, row by row beside the tests that keep them.

Reads the sources of the tests, runs none: a row of the document names tests (`…` is anything) and
the families in which they run; each name finds a test, each test is found by one row only, and both
say the same of the families. Then every row, and every test, is left out once, which has to be seen.
"""
import ast
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, '../../docs/security.md')
BOTH = frozenset(('IPv6', 'IPv4'))
FAMILIES = {'both': BOTH, 'IPv6': frozenset(('IPv6',)), 'IPv4': frozenset(('IPv4',))}
# heading of the document, table of the test, its file, and cases of other files by their function
TABLES = (('Attacks, and what stops them', 'ATTACKS', 'test-attacks.py', {'test-switch.py': 'moved'}),
          ('What must not break', 'BREAKAGE', 'test-breakage.py', {}))


def text_of(node):
    """Of a string, also a formatted one or one of pieces; what is not known is a `…`."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return ''.join(text_of(v) for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    return '…'


def parsed(name):
    with open(os.path.join(HERE, name), encoding='utf-8') as f:
        return ast.parse(f.read())


def rows_of_table(tree, table):
    """{name: families} of TABLE, TABLE_IPV6 and TABLE_IPV4."""
    found = {}
    for node in tree.body:
        for suffix, families in (('', 'both'), ('_IPV6', 'IPv6'), ('_IPV4', 'IPv4')):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == table + suffix:
                for row in node.value.elts:
                    name = text_of(row.elts[0])
                    found[name] = found.get(name, frozenset()) | FAMILIES[families]
    return found


def cases_of(function):
    """{name: families}: what a function of its own says to be so."""
    return {text_of(call.args[1]): BOTH for call in ast.walk(function)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and
            call.func.attr == 'ok' and len(call.args) > 1}


def families_of(name):
    """In which the build runs a test: all speak IPv6, those of the second list IPv4 as well."""
    with open(os.path.join(HERE, 'meson.build'), encoding='utf-8') as f:
        ipv4 = f.read().split('foreach name : [')[2].split(']')[0]
    return BOTH if f"'{name[len('test-'):-len('.py')]}'" in ipv4 else FAMILIES['IPv6']


def tests(table, name, others):
    tree = parsed(name)
    found = rows_of_table(tree, table)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name != 'try_row':
            found.update(cases_of(node))
    found = {n: f & families_of(name) for n, f in found.items()}
    for other, function in others.items():
        for node in parsed(other).body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                found.update({n: f & families_of(other) for n, f in cases_of(node).items()})
    return found


def rows_of_document(heading):
    """[(what, patterns, families)]"""
    with open(DOCUMENT, encoding='utf-8') as f:
        section = f.read().split('\n## ' + heading + '\n')[1].split('\n## ')[0]
    rows = [[cell.strip() for cell in line.strip('|').split(' | ')]
            for line in section.splitlines() if line.startswith('| ')]
    return [(row[0], re.findall('`([^`]*)`', row[1].split(' of `')[0]), row[2]) for row in rows[2:]]


def matches(pattern, name):
    """A `…` on either side is anything."""
    pieces = [re.escape(p.strip()) for p in pattern.split('…')]
    return re.fullmatch('.*'.join(pieces), name.replace('…', '')) is not None


def complaints(rows, found):
    said = []
    for what, patterns, families in rows:
        if families not in FAMILIES:
            said.append(f'{what}: of which family? {families}')
            continue
        seen = set()
        for pattern in patterns:
            names = [n for n in found if matches(pattern, n)]
            seen.update(*(found[n] for n in names))
            if not names:
                said.append(f'{what}: no test is called `{pattern}`')
        if not patterns:
            said.append(f'{what}: names no test')
        elif seen != FAMILIES[families]:
            said.append(f'{what}: {families} in the document, {sorted(seen)} in the tests')
    for name in found:
        rows_with = [what for what, patterns, _ in rows if any(matches(p, name) for p in patterns)]
        if len(rows_with) != 1:
            said.append(f'test "{name}": in {len(rows_with)} rows of the document: {rows_with}')
    return said


def unseen(rows, found):
    """What could be left out without a complaint."""
    lost = [row[0] for row in rows if not complaints([r for r in rows if r is not row], found)]
    # One of several tests of one pattern may go: the document does not count them.
    for what, patterns, _ in rows:
        for pattern in patterns:
            rest = {n: f for n, f in found.items() if not matches(pattern, n)}
            if not complaints(rows, rest):
                lost.append(f'{what}: {pattern}')
    if not complaints(rows, {**found, 'a test without a row': BOTH}):
        lost.append('a test without a row')
    return lost


n = failed = 0
for heading, *where in TABLES:
    rows, found = rows_of_document(heading), tests(*where)
    for what, said in (
            (f'{heading}: {len(rows)} rows and {len(found)} tests are the same', complaints(rows, found)),
            (f'{heading}: each row or test left out is seen', unseen(rows, found)),
            (f'{heading}: there are rows', [] if len(rows) > 15 else [len(rows)])):
        n += 1
        failed += bool(said)
        print(f'{"not ok" if said else "ok"} {n} - {what}')
        for line in said:
            print('#   ' + str(line))
print(f'1..{n}')
sys.exit(failed > 0)
