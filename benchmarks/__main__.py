# SPDX-License-Identifier: Apache-2.0
"""Run the benchmarks named, or all of them, one after the other, each in its own process."""

import argparse
import subprocess
import sys

BENCHMARKS = (
    'observation',
    'stream',
    'vet',
    'checker',
    'stop',
    'graph',
    'simulator',
    'demonstrator',
    'language',
    'model',
    'recording',
    'delays',
)


def main() -> int:
    """Run them; the exit code is 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog='make bench', description=__doc__)
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(BENCHMARKS))
    names = parser.parse_args().names
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f'no benchmark {", ".join(unknown)}; there are {", ".join(BENCHMARKS)}')
    codes = {
        name: subprocess.run([sys.executable, '-m', f'benchmarks.{name}'], check=False).returncode
        for name in names or BENCHMARKS
    }
    failed = [name for name, code in codes.items() if code]
    if failed:
        print(f'failed: {", ".join(failed)}', file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
