# SPDX-License-Identifier: Apache-2.0
"""The same scenes and instructions in the graph and in an evaluation: same verdicts, same times."""

from typing import TYPE_CHECKING, cast

import pytest
from rclpy.action.client import ActionClient
from vla_control.action import Execute
from vla_control.srv import ResetSimulation

from vla_bridge import topics
from vla_bridge.evaluation.cell import Cell
from vla_bridge.evaluation.suites import Episode, episode
from vla_bridge.resources import config_file
from vla_contract.deployment import load_deployment
from vla_policy.loading import load_policy_model

if TYPE_CHECKING:
    from test.graph.conftest import Graph, Probe

EPISODES = 6
APART_S = 0.6
"""Verdicts come ten times a second, and a plan begins when its first answer is there."""
LATENCY_S = 0.02
NODES = ('sim_node', 'safety_node', 'guard_node', 'instruction_node', 'policy_node')
pytestmark = pytest.mark.long


def in_graph(probe: 'Probe', asked: Episode) -> Execute.Result:
    """Lay the scene out, arm, and carry the instruction out in the running graph."""
    reset = probe.node.create_client(ResetSimulation, 'sim_node/reset')
    probe.until(reset.service_is_ready, 'reset')
    probe.spin(0.3)
    laid = reset.call_async(
        ResetSimulation.Request(seed=asked.scene_seed, instruction=asked.layout)
    )
    probe.until(laid.done, 'the scene is laid out')
    probe.spin(0.5)
    probe.arm()
    client = ActionClient(probe.node, Execute, topics.EXECUTE)
    probe.until(client.server_is_ready, 'the execute action')
    probe.spin(0.3)
    goal = Execute.Goal(instruction=asked.instruction, timeout=25.0)
    sending = client.send_goal_async(goal)
    probe.until(sending.done, 'the goal is answered')
    ending = sending.result().get_result_async()
    probe.until(ending.done, 'a result')
    client.destroy()
    probe.node.destroy_client(reset)
    return cast('Execute.Result', ending.result().result)


def test_an_evaluation_goes_as_the_graph_goes(graph: 'Graph', probe: 'Probe') -> None:
    """Verdicts are the same, and how long it took differs by little."""
    deployment = load_deployment(config_file('sim_demonstrator'))
    cell = Cell(deployment, load_policy_model(deployment), LATENCY_S)
    asked = [episode('seen', 4, number) for number in range(EPISODES)]
    alone = [cell.run(each) for each in asked]
    graph.start(*NODES)
    probe.until(lambda: probe.samples and probe.statuses, 'the graph is there')
    told = [in_graph(probe, each) for each in asked]
    assert [found.success for found in told] == [found.success for found in alone]
    times = [(a.time_s, g.duration) for a, g in zip(alone, told, strict=True) if a.success]
    assert not [(here, there) for here, there in times if abs(here - there) > APART_S]
