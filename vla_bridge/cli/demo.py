# SPDX-License-Identifier: Apache-2.0
"""`vla demo`: the whole job once, on the simulated arm, with a verdict at the end."""

import argparse
from pathlib import Path

from vla_bridge.cli.arguments import add_command
from vla_bridge.cli.numbers import seconds, seed
from vla_bridge.launching.options import EXAMPLE

HELD_S = 3.0
"""Held this long before the post is held for good."""
_TEXT = """\
Starts the whole graph as separate processes over DDS, lays out a simulated scene, sends an
instruction through the action `execute`, and shows how the arm carries it out. At the end: a
verdict, and in out/demo/… a video of both cameras, a plot of the joints against their limits, the
recorded topics and a summary.

  vla demo
  vla demo --instruction "put the green cube in the blue bowl" --seed 3
  vla demo --instruction "stack the red cube on the green cube" \\
           --instruction "push the blue cylinder to the left"
  vla demo --scene cluttered             an obstacle that the demonstrator does not know of

The arm is simulated. The policy of the deployment `sim` is the simulator's scripted demonstrator:
it reads the simulator's ground truth, so it shows that everything around a policy works, not that
a policy does. Exit code 0: every instruction succeeded and every node stopped cleanly.
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'demo', 'run one instruction in simulation', _TEXT, _run)
    command.add_argument(
        '--instruction',
        action='append',
        metavar='TEXT',
        help=f'What the arm shall do; may be given several times [{EXAMPLE}].',
    )
    command.add_argument('--seed', type=seed, default=0, help='Seed of the first scene [0].')
    command.add_argument(
        '--deployment', default='sim', help='A simulated deployment: a file, or a name [sim].'
    )
    command.add_argument(
        '--scene',
        choices=('plain', 'cluttered'),
        default='plain',
        help='cluttered: deployment sim_cluttered, which has a post in the way; the run succeeds '
        'when the safety node holds the arm before it [plain].',
    )
    command.add_argument(
        '--timeout',
        type=seconds,
        default=60.0,
        metavar='S',
        help='Time for each; 0: unlimited [60 s].',
    )
    command.add_argument(
        '--out', type=Path, metavar='DIR', help='Folder to make [out/demo/DATE-SEED].'
    )
    command.add_argument(
        '--no-video', dest='video', action='store_false', help='Leave the video out.'
    )


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.demo.demonstration import demonstrate

    cluttered = chosen.scene == 'cluttered'
    return demonstrate(
        tuple(chosen.instruction or (EXAMPLE,)),
        deployment='sim_cluttered' if cluttered else chosen.deployment,
        held_s=HELD_S if cluttered else None,
        seed=chosen.seed,
        timeout_s=chosen.timeout,
        out=chosen.out,
        video=chosen.video,
    )
