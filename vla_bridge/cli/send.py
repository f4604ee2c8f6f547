# SPDX-License-Identifier: Apache-2.0
"""`vla send`: one instruction to a running graph, with live feedback; Ctrl-C cancels it."""

import argparse

from vla_bridge.cli.arguments import add_command
from vla_bridge.cli.numbers import seconds, seed

_TEXT = """\
Sends an instruction through the action `execute`, shows how it goes, and exits 0 if it succeeded.
Ctrl-C cancels it: the arm comes to rest.

  vla send "put the red cube in the blue bowl"
  vla send --arm --timeout 30 "stack the green cube on the red cube"
  vla send --reset --seed 5 "stack the green cube on the red cube"       simulated arm only
  vla send --namespace left "push the blue cylinder to the left"

A simulated arm is armed without asking; a real one needs --arm, or the service safety_node/arm.
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'send', 'send one instruction', _TEXT, _run)
    command.add_argument('instruction', help='Plain language.')
    command.add_argument(
        '--timeout',
        type=seconds,
        default=60.0,
        metavar='S',
        help='Time allowed; 0: unlimited [60 s].',
    )
    command.add_argument('--namespace', default='', help='Of the graph.')
    command.add_argument(
        '--reset', action='store_true', help='Lay the simulated scene out for it first.'
    )
    command.add_argument('--seed', type=seed, default=0, help='Of that scene [0].')
    command.add_argument('--arm', action='store_true', help='Arm the safety node first.')


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.sending import send
    from vla_bridge.launching.domain import look_here_too, users_domain

    users_domain()
    look_here_too()
    return send(
        chosen.instruction,
        chosen.timeout,
        chosen.namespace,
        seed=chosen.seed if chosen.reset else None,
        arm=chosen.arm,
    )
