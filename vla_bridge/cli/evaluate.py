# SPDX-License-Identifier: Apache-2.0
"""`vla eval`: how well a policy does what it is told, in the simulator and through the filter."""

import argparse
from pathlib import Path

from vla_bridge.cli.arguments import add_command

_TEXT = """\
Runs a policy in closed loop with the simulated arm, through the motion filter, in scenes that it
has never seen, and counts how often it does what it was told. No ROS is started, and simulated time
passes as fast as it can on all cores.

  vla eval                                        the policy of config/sim.yaml, every suite
  vla eval --policy my_policy.yaml --suite seen unseen --episodes 200
  vla eval --policy my_policy.yaml --suite seen --latency 0.1 --out out/eval/slow

Suites: seen, unseen, paraphrases, distractors, shifts, change (docs/evaluate.md says what each
asks). Writes OUT/SUITE.json, OUT/SUITE.mp4 and, line by line, OUT/SUITE.jsonl: what is there is not
run again, so that an interrupted evaluation goes on, and one of 50 episodes grows to one of 200.

Without --latency, answers take as long in simulated time as this policy needs for one on this
machine, measured at the start. Results are the same for the same seed and latency.
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'eval', 'evaluate a policy in the simulator', _TEXT, _run)
    command.add_argument(
        'deployment', nargs='?', default='sim', help='A file, or a name under config/ [sim].'
    )
    command.add_argument(
        '--policy',
        default='',
        metavar='FILE',
        help="A file, or a name under config/policies/ [the deployment's].",
    )
    command.add_argument(
        '--suite', nargs='+', default=['all'], metavar='NAME', help='Suites, or all [all].'
    )
    command.add_argument(
        '--episodes', type=int, default=200, metavar='N', help='Of each suite [200].'
    )
    command.add_argument('--seed', type=int, default=0, metavar='S', help='Of everything [0].')
    command.add_argument(
        '--processes', type=int, default=0, metavar='N', help='At a time [one a core].'
    )
    command.add_argument(
        '--latency',
        type=float,
        nargs='+',
        default=[],
        metavar='S',
        help='Simulated time that an answer takes; of dual_rate, of its head and of its trunk '
        '[as measured at the start].',
    )
    command.add_argument(
        '--out', type=Path, default=Path('out/eval'), metavar='DIR', help='[out/eval]'
    )
    command.add_argument(
        '--videos',
        type=int,
        default=16,
        metavar='N',
        help='Episodes of each suite that are filmed; 0: none [16].',
    )


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.evaluation_view import Wish, show_evaluation
    from vla_bridge.evaluation.suites import SUITES
    from vla_bridge.resources import config_file

    named = tuple(dict.fromkeys(chosen.suite))
    wish = Wish(
        deployment=config_file(chosen.deployment),
        policy=config_file(chosen.policy, 'policies') if chosen.policy else None,
        suites=tuple(SUITES) if 'all' in named else named,
        episodes=chosen.episodes,
        seed=chosen.seed,
        processes=chosen.processes,
        latency=tuple(chosen.latency),
        folder=chosen.out,
        videos=chosen.videos,
    )
    return show_evaluation(wish)
