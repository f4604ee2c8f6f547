# SPDX-License-Identifier: Apache-2.0
"""The command `vla`: finds the subcommand, runs it, and says errors in words."""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from vla_bridge.cli import check, demo, doctor, evaluate, run, safety, send, sim, train
from vla_bridge.launching.interrupts import InterruptError
from vla_bridge.terminal import finish_output
from vla_contract.errors import VlaError

FAILED, REFUSED = 1, 2
_ABOUT = """\
Drives a robot arm with a vision-language-action policy, through a motion filter.

Begin with:
  vla demo                               the whole job once, on a simulated arm
  vla demo --instruction "put the green cube in the blue bowl"
  vla sim                                the simulated arm, until Ctrl-C
  vla send "put the red cube in the blue bowl"     in a second terminal
  vla check sim                          what robot and policy agreed on
  vla safety replay out/rejected         why the newest refused chunk was refused
  vla sim record --help                  demonstrations to learn from
  vla train --help                       a model of our own from them
  vla eval --help                        how well a policy does what it is told
  vla doctor                             what is installed, and what is missing
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog='vla', description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for module in (demo, sim, run, send, check, safety, train, evaluate, doctor):
        module.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the answer is its exit code."""
    try:
        code = _run(arguments)
        finish_output()
    except VlaError as error:
        _complain(str(error))
        return REFUSED
    except InterruptError as interrupt:
        return interrupt.code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except OSError as error:
        _complain(_explained(error))
        return FAILED
    return code


def _run(arguments: Sequence[str] | None) -> int:
    """The command's own exit code, also where the parser ends the program."""
    try:
        chosen = parser().parse_args(arguments)
    except SystemExit:
        finish_output()
        raise
    return int(chosen.run(chosen))


def _explained(error: OSError) -> str:
    """What could not be done with which file, and what would help."""
    said = error.strerror or str(error)
    if error.filename is None:
        return said
    remedy = _REMEDIES.get(error.errno or 0, _ELSEWHERE)
    return f'{os.fsdecode(error.filename)}: {said}; {remedy}'


def _complain(text: str) -> None:
    with suppress(OSError):  # nobody is left to be told
        Console(stderr=True).print(Text(f'vla: {text}', style='red'), soft_wrap=True)


_ELSEWHERE = 'start the command in another folder, or name another file'
_REMEDIES = {
    errno.ENOSPC: 'make room on that disk',
    errno.EACCES: 'it is not yours: start the command in another folder, or name another file',
}


if __name__ == '__main__':
    sys.exit(main())
