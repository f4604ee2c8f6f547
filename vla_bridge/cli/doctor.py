# SPDX-License-Identifier: Apache-2.0
"""`vla doctor`: what is installed, what is missing, and what to do about it."""

import argparse

from vla_bridge.cli.arguments import add_command

_TEXT = """\
Looks at this machine: Python, ROS and its middleware, packages, graphics, cameras, real-time
permission, and the limits in force. With a deployment, also at its robot in the ROS graph: who
publishes joint states and pictures and how often, and whether the controllers listen. What is
needed and missing is marked, with what to do; the exit code is then 1.

  vla doctor
  vla doctor ur5e                    while the driver and the cameras run
  vla doctor my_cell.yaml --namespace left
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'doctor', 'look at this machine', _TEXT, _run)
    command.add_argument(
        'deployment',
        nargs='?',
        default='',
        help='Whose limits to show, and whose robot to look for [the limits of sim].',
    )
    command.add_argument('--namespace', default='', help='Of that robot.')


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.examination import examine
    from vla_bridge.launching.domain import look_here_too
    from vla_bridge.terminal import Terminal

    look_here_too()
    return examine(Terminal(), chosen.deployment, chosen.namespace)
