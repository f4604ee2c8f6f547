# SPDX-License-Identifier: Apache-2.0
"""`vla run`: everything that moves a real arm whose driver runs, until Ctrl-C."""

import argparse

from vla_bridge.cli.arguments import add_command, add_graph_options, graph_options

_TEXT = """\
Starts policy, motion filter, guard and instructions for a robot whose driver, controllers and
cameras run already, and keeps them running until Ctrl-C. The same as
`ros2 launch vla_control robot.launch.py`, without needing ROS's launch.

  vla run --robot ur5e --policy hold
  vla run --deployment my_cell.yaml --record

Nothing moves before the safety node is armed: `vla send` does it when told --arm.
"""
_ADVICE = """
[bold green]ready[/] · {robot} with policy {policy}, disarmed. In another terminal:

  [bold]vla send{namespace} --arm "…"[/]

Ctrl-C brings the arm to rest and stops.
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'run', 'drive a real arm until Ctrl-C', _TEXT, _run)
    add_graph_options(command, 'robot')


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.keep_running import keep_running
    from vla_bridge.launching.domain import users_domain
    from vla_bridge.launching.graph import robot_graph

    users_domain()
    graph = robot_graph(graph_options(chosen, 'robot'))
    namespace = chosen.namespace.strip('/')
    advice = _ADVICE.format(
        robot=graph.deployment.robot.name,
        policy=graph.deployment.policy.name,
        namespace=f' --namespace {namespace}' if namespace else '',
    )
    return keep_running(graph, chosen.namespace, advice, autostart=chosen.autostart)
