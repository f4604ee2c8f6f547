# SPDX-License-Identifier: Apache-2.0
"""Pins what our pins pull in: `make lock` writes requirements/constraints.txt.

Asks pip what it would install for each Python given, the oldest first: what suits it binds the
others. A package that only some of them need is no harm to the rest. Knows no version itself.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.errors import SetupError
from tools.wheels import ALONE, ALWAYS, ON_DEMAND

REQUIREMENTS = Path(__file__).resolve().parents[1] / 'requirements'
HEADER = '# Written by `make lock`: every package that the other files here name or pull in.\n'


def main() -> int:
    """Resolve for one interpreter after the other, and write."""
    parser = argparse.ArgumentParser(prog='python -m tools.lock', description=__doc__)
    parser.add_argument('pythons', nargs='*', default=[sys.executable], help='oldest first')
    versions = alone()
    try:
        for python in parser.parse_args().pythons:
            versions |= resolve(python, versions)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    (REQUIREMENTS / 'constraints.txt').write_text(HEADER + lines(versions))
    return 0


def resolve(python: str, chosen: dict[str, str]) -> dict[str, str]:
    """Ask pip which versions it would install into an empty environment of an interpreter.

    Args:
        python: The interpreter.
        chosen: Versions that are settled already, by name.
    """
    names = [*ALWAYS, 'ros', *ON_DEMAND]
    files = [word for name in names for word in ('-r', str(REQUIREMENTS / f'{name}.txt'))]
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as constraints:
        constraints.write(lines(chosen))
        constraints.flush()
        done = subprocess.run(
            [
                *(sys.executable, '-m', 'pip', '--quiet', '--python', python, 'install'),
                *('--dry-run', '--ignore-installed', '--report', '-', '-c', constraints.name),
                *files,
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SetupError(f'pip cannot resolve the requirements for {python}')
    metadata = [each['metadata'] for each in json.loads(done.stdout)['install']]
    return {normal(each['name']): each['version'].partition('+')[0] for each in metadata}


def alone() -> dict[str, str]:
    """Versions of what is installed without its dependencies; pip is not asked about those."""
    texts = ((REQUIREMENTS / f'{name}.txt').read_text() for name in ALONE.values())
    pins = (line.split('==') for text in texts for line in text.splitlines() if line[:1] != '#')
    return {normal(name): version for name, version in pins}


def lines(versions: dict[str, str]) -> str:
    """Write one line a package."""
    return ''.join(f'{name}=={versions[name]}\n' for name in sorted(versions))


def normal(name: str) -> str:
    """Spell a package name as indexes do."""
    return re.sub(r'[-_.]+', '-', name).lower()


if __name__ == '__main__':
    sys.exit(main())
