# SPDX-License-Identifier: Apache-2.0
"""The command `vla`: finds the subcommand, runs it, and says errors in words."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from vla_bridge.cli import check, demo, doctor, run, send, sim
from vla_bridge.launching.interrupts import InterruptError
from vla_contract.errors import VlaError

REFUSED = 2
_ABOUT = """\
Drives a robot arm with a vision-language-action policy, through a motion filter.

Begin with:
  vla demo                               the whole job once, on a simulated arm
  vla demo --instruction "put the green cube in the blue bowl"
  vla sim                                the simulated arm, until Ctrl-C
  vla send "put the red cube in the blue bowl"     in a second terminal
  vla check sim                          what robot and policy agreed on
  vla doctor                             what is installed, and what is missing
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog='vla', description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for module in (demo, sim, run, send, check, doctor):
        module.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the answer is its exit code."""
    chosen = parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except VlaError as error:
        Console(stderr=True).print(Text(f'vla: {error}', style='red'), soft_wrap=True)
        return REFUSED
    except InterruptError as interrupt:
        return interrupt.code
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
