# SPDX-License-Identifier: Apache-2.0
"""What `vla eval` runs in one process is what the graph runs in five."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from rclpy.action.client import ActionClient
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory
from vla_control.action import Execute

from test.graph.recording_safety_node import FILE
from vla_bridge import topics
from vla_bridge.collision.backend import load_avoidance
from vla_bridge.filtering import Outlet, make_filter
from vla_bridge.resources import config_file
from vla_bridge.simulation.conversion import trajectory_message
from vla_bridge.simulation.direct import direct_trajectory
from vla_contract.action import ActionChunk
from vla_contract.deployment import load_deployment
from vla_safety.measured import Instant
from vla_safety.motion import Motion
from vla_safety.plain import from_plain
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.graph.conftest import Graph, Probe

FREE, CLUTTERED = 'sim_demonstrator', 'sim_cluttered'
NODES = ('sim_node', 'guard_node', 'instruction_node', 'policy_node')
LAST_NS = 2**63 - 1


class Replay:
    """The filter that an evaluation runs, told once more what another was told.

    Attributes:
        motions: That it sent.
        openings: The same, of the gripper.
        unlike: Calls that only a fault makes.
    """

    def __init__(self, name: str) -> None:
        """As an evaluation makes it for a deployment."""
        deployment = load_deployment(config_file(name))
        self.filter = make_filter(deployment, load_avoidance(deployment))
        self.motions: list[Motion] = []
        self.openings: list[float] = []
        self.unlike: list[str] = []
        self._late = False
        self._outlet = Outlet(
            self.filter, self.motions.append, self.openings.append, self._steady_ns
        )

    def run(self, path: Path) -> None:
        """Tell everything in order."""
        calls = [json.loads(line) for line in path.read_text().splitlines()]
        following = [name for name, _ in calls[1:]] + ['']
        for (name, given), after in zip(calls, following, strict=True):
            self._late = after == 'unsent'
            self._tell(name, given)

    def _steady_ns(self) -> int:
        return LAST_NS if self._late else 0

    def _tell(self, name: str, given: list[Any]) -> None:
        told = self.filter
        match name:
            case 'update':
                positions, velocities, stamp_ns, now = given
                told.measured.update(positions, velocities, stamp_ns, from_plain(Instant, now))
            case 'heard':
                told.oversight.watch.heard(*given)
            case 'hear':
                told.oversight.told.hear(lambda: given[0], from_plain(Instant, given[1]))
            case 'set_task':
                told.set_task(*given)
            case 'arm':
                try_to(lambda: told.arm(from_plain(Instant, given[0])))
            case 'on_chunk':
                chunk, came = from_plain(ActionChunk, given[0]), from_plain(Instant, given[1])
                try_to(lambda: told.on_chunk(chunk, came))
            case 'tick':
                self._outlet.send(told.tick(from_plain(Instant, given[0])))
            case 'unsent':
                pass  # the outlet says it itself
            case _:
                self.unlike.append(f'{name} {given}')


def try_to(ask: Any) -> None:  # noqa: ANN401 - whatever is refused
    """Refusals were refused then, too."""
    try:
        ask()
    except RefusedError:
        return


@pytest.mark.parametrize(
    ('deployment', 'instruction'),
    [
        pytest.param(FREE, 'put the red cube in the blue bowl', marks=pytest.mark.graph),
        pytest.param(CLUTTERED, 'push the red cube to the right', marks=pytest.mark.long),
    ],
)
def test_the_same_inputs_make_the_same_motions(
    graph: 'Graph', probe: 'Probe', tmp_path: Path, deployment: str, instruction: str
) -> None:
    """An instruction in the real graph: what its safety node sent, an evaluation sends.

    The trajectories are those that came over DDS; they are the same to the last bit. So they are
    where the filter slows the arm down before a post, holds it, and refuses chunks.
    """
    graph.parameters['deployment'] = deployment
    sent: list[JointTrajectory] = []
    grips: list[Float64MultiArray] = []
    robot = probe.robot
    probe.node.create_subscription(
        JointTrajectory, robot.controller.topic, sent.append, topics.COMMAND
    )
    assert robot.gripper is not None
    probe.node.create_subscription(
        Float64MultiArray, robot.gripper.target, grips.append, topics.COMMAND
    )
    inputs = tmp_path / 'inputs.jsonl'
    graph.scripts['safety_node'] = Path(__file__).with_name('recording_safety_node.py')
    graph.environment[FILE] = str(inputs)
    graph.start(*NODES, 'safety_node', scene=instruction)
    probe.arm()
    client = ActionClient(probe.node, Execute, topics.EXECUTE)
    probe.until(client.server_is_ready, 'the execute action')
    probe.spin(0.3)
    sending = client.send_goal_async(Execute.Goal(instruction=instruction, timeout=15.0))
    probe.until(sending.done, 'the goal is answered')
    ending = sending.result().get_result_async()
    probe.until(ending.done, 'a result')
    ended = cast('Execute.Result', ending.result().result)
    assert ended.success is (deployment == FREE), ended.message
    probe.spin(0.5)
    graph.finish('safety_node')
    replay = Replay(deployment)
    replay.run(inputs)
    assert not [call for call in replay.unlike if not call.startswith('disarm')]
    heard = [trajectory_message(message, 'probe') for message in sent]
    assert len(heard) > 100
    assert grips
    reasons = {rejection.finding.reason for rejection in replay.filter.rejections}
    assert (Reason.COLLISION in reasons) is (deployment == CLUTTERED)
    made = [direct_trajectory(robot.joint_names, motion) for motion in replay.motions]
    assert are_among(heard, made)
    assert are_among([list(grip.data) for grip in grips], [[each] for each in replay.openings])


def are_among(heard: Sequence[object], made: Sequence[object]) -> bool:
    """Nothing was heard that was not made, and in its order; a busy listener misses a few."""
    left = iter(made)
    return all(each in left for each in heard) and len(heard) >= 0.9 * len(made)
