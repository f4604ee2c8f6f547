# SPDX-License-Identifier: Apache-2.0
"""`vla check`: what robot and policy agreed on, as tables; or every way in which they do not."""

import argparse

from vla_bridge.cli.arguments import add_command

_TEXT = """\
Reads a deployment, or a robot and a policy, exactly as the nodes do, and prints the contract:
what the policy sees, what it answers, which limits are in force, how old data may be.
Everything that is wrong is named with file, line and key; the exit code is then 2.

  vla check sim
  vla check path/to/my_cell.yaml
  vla check --robot ur5e --policy hold
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'check', 'validate a deployment and print it', _TEXT, _run)
    command.add_argument(
        'deployment', nargs='?', default='', help='A file, or a name under config/.'
    )
    command.add_argument('--robot', default='', help='A file, or a name under config/robots/.')
    command.add_argument('--policy', default='', help='A file, or a name under config/policies/.')


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.contract_tables import contract
    from vla_bridge.launching.graph import chosen_deployment
    from vla_bridge.launching.options import GraphOptions
    from vla_bridge.terminal import Terminal

    options = GraphOptions(deployment=chosen.deployment, robot=chosen.robot, policy=chosen.policy)
    console = Terminal()
    for part in contract(chosen_deployment(options)):
        console.print(part)
    return 0
