# SPDX-License-Identifier: Apache-2.0
"""`vla doctor`: what is installed, what is missing, and what to do about it."""

import argparse

from vla_bridge.cli.arguments import add_command

_TEXT = """\
Looks at this machine: Python, ROS and its middleware, packages, graphics, cameras, real-time
permission, and the limits in force for a deployment. What is needed and missing is marked, with
what to do; the exit code is then 1.

  vla doctor
  vla doctor my_cell.yaml
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'doctor', 'look at this machine', _TEXT, _run)
    command.add_argument('deployment', nargs='?', default='sim', help='Whose limits to show [sim].')


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.examination import examine
    from vla_bridge.terminal import Terminal

    return examine(Terminal(), chosen.deployment)
