# SPDX-License-Identifier: Apache-2.0
"""`vla safety`: why a chunk was refused, from the file that the safety node kept of it."""

import argparse
from pathlib import Path

from vla_bridge.cli.arguments import add_command
from vla_contract.errors import VlaError

_TEXT = """\
Asks the motion filter about a refused chunk again.

  vla safety replay out/rejected               the newest refusal
  vla safety replay out/rejected/FILE.json --plot out/why.png
"""
_REPLAY_TEXT = """\
Puts the motion filter into the situation that a refused chunk met, and runs the chunk through it
step by step: what each step looked at, the values beside their bounds, and where it was refused.
Exits 0 if the reason is the recorded one, 1 if it is another: then files or code have changed.

  vla safety replay out/rejected               the newest refusal
  vla safety replay out/rejected/FILE.json --plot out/why.png

The safety node keeps the newest refusals in its parameter rejected_folder, and names the file of
each on the topic safety_node/events.
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        'safety',
        help='why was a chunk refused?',
        description=_TEXT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = command.add_subparsers(title='commands', metavar='COMMAND', required=True)
    replay = add_command(kinds, 'replay', 'a refused chunk, step by step', _REPLAY_TEXT, _replay)
    replay.add_argument('file', type=Path, help='A refused chunk, or a folder: its newest.')
    replay.add_argument('--plot', type=Path, metavar='PNG', help='Draw it, too.')


def _replay(chosen: argparse.Namespace) -> int:
    from vla_bridge.collision.backend import load_checker
    from vla_bridge.replay.plot import draw_explanation
    from vla_bridge.replay.table import repeated, told
    from vla_bridge.terminal import Terminal
    from vla_safety.explain import explain
    from vla_safety.rejected import read_rejected, rebuilt

    path = _newest(chosen.file) if chosen.file.is_dir() else chosen.file
    rejected = read_rejected(path)
    motion_filter = rebuilt(rejected, load_checker)
    explanation = explain(motion_filter, rejected.rejection)
    console = Terminal()
    console.print(str(path), style='dim', soft_wrap=True)
    for part in told(rejected, explanation):
        console.print(part)
    if chosen.plot is not None:
        draw_explanation(motion_filter, rejected, explanation, chosen.plot)
        console.print(f'Drawn     {chosen.plot}', soft_wrap=True)
    return 0 if repeated(rejected, explanation) else 1


def _newest(folder: Path) -> Path:
    from vla_bridge.rejected_chunks import kept_in

    kept = kept_in(folder)
    if not kept:
        raise VlaError(f'{folder} holds no refused chunks')
    return kept[-1]
