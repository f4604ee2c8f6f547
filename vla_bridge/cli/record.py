# SPDX-License-Identifier: Apache-2.0
"""`vla sim record`: demonstrations from the simulator, as a dataset to learn from."""

import argparse
from pathlib import Path

from vla_bridge.cli.arguments import add_command

_TEXT = """\
Lets the scripted demonstrator carry out random tasks in random scenes, and writes what the cameras,
the arm and the demonstrator said at every step as a LeRobotDataset v3.0. No ROS is started, and the
simulator runs as fast as it can on all cores. Arms are pulled aside, things are dropped or moved,
instructions change: the demonstrator shows how to go on. Only what succeeds is kept.

  vla sim record --episodes 500 --out out/demonstrations
  vla sim record --episodes 500 --seed 7 --out out/seven
  vla sim record --episodes 1500 --seed 8 --sentences 2 --out out/pairs    to train with --pairs

The same seed gives the same numbers in the same order. What was interrupted goes on when the same
command is given again; a finished dataset is never overwritten. Combinations of objects and targets
that vla_sim/tasks/split.py holds out are never shown.
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'record', 'demonstrations to learn from', _TEXT, _run)
    command.add_argument(
        '--episodes', type=int, required=True, metavar='N', help='How many, all of them successes.'
    )
    command.add_argument('--seed', type=int, default=0, metavar='S', help='Of everything [0].')
    command.add_argument(
        '--out', type=Path, required=True, metavar='DIR', help='Folder of the dataset.'
    )
    command.add_argument(
        '--robot', default='sim_ur5e', help='A file, or a name under config/robots/ [sim_ur5e].'
    )
    command.add_argument(
        '--policy',
        default='demonstrations',
        help='Whose images, state, action and rate: a file, or a name under config/policies/ '
        '[demonstrations].',
    )
    command.add_argument(
        '--codec', choices=('h264', 'png'), default='h264', help='How pictures are kept [h264].'
    )
    command.add_argument(
        '--sentences',
        type=int,
        default=0,
        metavar='K',
        help='Pairs instead of demonstrations: no actions, but 20 scenes an episode, each looked '
        'at once, with K sentences and where the things are that they name [0].',
    )
    command.add_argument(
        '--processes', type=int, default=0, metavar='N', help='At a time [one a core].'
    )


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.recording import show_recording
    from vla_bridge.resources import config_file
    from vla_policy.datasets.spec import Codec
    from vla_sim.demonstrations.recording import Order

    order = Order(
        folder=chosen.out,
        robot=config_file(chosen.robot, 'robots'),
        policy=config_file(chosen.policy, 'policies'),
        episodes=chosen.episodes,
        seed=chosen.seed,
        codec=Codec(chosen.codec),
        sentences=chosen.sentences,
    )
    return show_recording(order, chosen.processes)
