# SPDX-License-Identifier: Apache-2.0
"""`vla sim`: the simulated arm, ready for instructions, until Ctrl-C."""

import argparse
import os
from dataclasses import replace

from vla_bridge.cli import record
from vla_bridge.cli.arguments import add_command, add_graph_options, graph_options

_TEXT = """\
Starts the graph with the simulated arm and keeps it running until Ctrl-C.

  vla sim
  vla sim --seed 7 --instruction "stack the red cube on the blue cube"
  vla sim --namespace left              two arms are two namespaces
  vla sim --record                      with a recorder (action record_episode)
  vla sim record --help                 no graph: demonstrations to learn from

Then, in another terminal:
  vla send "put the red cube in the blue bowl"
"""
_ADVICE = """
[bold green]ready[/] · simulated arm, disarmed. In another terminal{where}:

  [bold]vla send{namespace} "{instruction}"[/]
  [bold]vla send{namespace} --reset "stack the green cube on the red cube"[/]

or with ROS 2 alone:

  ros2 service call {slash}safety_node/arm std_srvs/srv/Trigger
  ros2 action send_goal --feedback {slash}execute vla_control/action/Execute \\
      '{{instruction: "{instruction}", timeout: 60.0}}'

Ctrl-C stops.
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'sim', 'run the simulated arm until Ctrl-C', _TEXT, _run)
    add_graph_options(command, 'simulation')
    record.add(command.add_subparsers(title='commands', metavar='COMMAND'))


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.keep_running import keep_running
    from vla_bridge.launching.domain import stay_local, users_domain
    from vla_bridge.launching.graph import simulation_graph
    from vla_bridge.launching.options import EXAMPLE

    users_domain()
    stay_local()
    options = graph_options(chosen, 'simulation')
    instruction = options.instruction or EXAMPLE
    graph = simulation_graph(replace(options, instruction=instruction))
    names = ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_STATIC_PEERS')
    shared = ' '.join(f'{name}={os.environ[name]}' for name in names if name in os.environ)
    namespace = chosen.namespace.strip('/')
    advice = _ADVICE.format(
        where=f' (with {shared})' if shared else '',
        instruction=instruction,
        namespace=f' --namespace {namespace}' if namespace else '',
        slash=f'/{namespace}/' if namespace else '/',
    )
    return keep_running(graph, chosen.namespace, advice, autostart=chosen.autostart)
