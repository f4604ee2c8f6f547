# SPDX-License-Identifier: Apache-2.0
"""move_group's second opinion: asked without waiting, and heard only if it differs."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from test.vla_safety.collision.scenes import a_box, an_arm, home, tool_point
from vla_bridge.collision.audit import Outcome, compare
from vla_bridge.collision.auditor import SILENT, Auditor
from vla_bridge.collision.installed import find_messages, find_state_validity
from vla_contract.errors import VlaError
from vla_safety.collision.checker import Clearance, Contact
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.motion import Array

SERVICE = 'check_state_validity'
ORIGIN = (0.0, 0.0, 0.0)
LIMIT_S = 20.0


def apart(distance_m: float) -> Clearance:
    """A hand and a crate."""
    return Clearance(Contact('hand', 'crate', distance_m), (ORIGIN, ORIGIN))


@pytest.mark.parametrize(
    ('clearance', 'valid', 'outcome'),
    [
        (apart(0.1), True, Outcome.AGREED),
        (apart(-0.1), False, Outcome.AGREED),
        (apart(0.001), False, Outcome.AGREED),
        (apart(-0.001), True, Outcome.AGREED),
        (None, True, Outcome.AGREED),
        (apart(0.1), False, Outcome.ONLY_THEIRS),
        (None, False, Outcome.ONLY_THEIRS),
        (apart(-0.1), True, Outcome.ONLY_OURS),
    ],
)
def test_verdicts_are_compared_except_where_nobody_can_tell(
    clearance: Clearance | None, valid: bool, outcome: Outcome
) -> None:
    """A millimetre may be judged either way; ten centimetres may not."""
    assert compare(clearance, valid, []).outcome is outcome


def test_disagreement_names_what_each_found() -> None:
    """Both pairs, and which scene lacks something."""
    text = compare(apart(0.1), False, [('forearm', 'shelf')]).text
    assert 'forearm and shelf touch' in text
    assert 'hand and crate are 100.0 mm apart' in text


class FakeMoveGroup(Node):
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, context: Context) -> None:
        """Everything is valid."""
        super().__init__('move_group', context=context)
        self.asked: list[dict[str, float]] = []
        self.valid = True
        self.create_service(find_state_validity(), SERVICE, self._answer)

    def _answer(self, request: Any, response: Any) -> Any:  # noqa: ANN401 - MoveIt's messages
        assert request.robot_state.is_diff, 'what the arm carries would be forgotten'
        state = request.robot_state.joint_state
        self.asked.append(dict(zip(state.name, state.position, strict=True)))
        response.valid = self.valid
        if not self.valid:
            contact = find_messages().moveit.ContactInformation
            response.contacts = [contact(contact_body_1='forearm_link', contact_body_2='shelf')]
        return response


class Bench:
    """An auditor, a move_group that can be started, and one executor for both."""

    def __init__(self, context: Context) -> None:
        """The arm is at home in an empty scene; nobody answers yet."""
        self.arm = an_arm()
        robot = self.arm.robot
        audited = robot.collision.model_copy(update={'auditor': SERVICE})
        robot = robot.model_copy(update={'collision': audited})
        self.checker = EmbeddedChecker(self.arm)
        self.posture: Array | None = home(self.checker, self.arm)
        self.context, self.executor = context, SingleThreadedExecutor(context=context)
        self.node = Node('safety_node', context=context)
        self.executor.add_node(self.node)
        self.auditor = Auditor(self.node, robot, self.checker, lambda: self.posture)

    def start_move_group(self) -> FakeMoveGroup:
        """One that answers."""
        group = FakeMoveGroup(self.context)
        self.executor.add_node(group)
        return group

    def spin_until(self, done: Callable[[], bool]) -> None:
        """Run both until something has happened."""
        clock = self.node.get_clock()
        end_ns = clock.now().nanoseconds + int(LIMIT_S * 1e9)
        while not done():
            assert clock.now().nanoseconds < end_ns, self.auditor.tally
            self.executor.spin_once(timeout_sec=0.1)


@pytest.fixture
def bench(ros_context: Context) -> Iterator[Bench]:
    """Where MoveIt's messages are installed; skips otherwise."""
    try:
        made = Bench(ros_context)
    except VlaError as error:
        pytest.skip(f'{error}. Run this test in a shell where ROS with moveit_msgs is sourced.')
    yield made
    made.auditor.close()
    made.executor.shutdown()


def test_agreement_is_counted_and_not_reported(bench: Bench) -> None:
    """move_group is asked about the measured joints and the finger, by the names of the URDF."""
    group = bench.start_move_group()
    bench.spin_until(lambda: bench.auditor.tally.agreed >= 2)
    assert bench.auditor.finding()[0] == DiagnosticStatus.OK
    asked = group.asked[0]
    robot = bench.arm.robot
    assert [asked[name] for name in robot.joint_names] == pytest.approx(robot.home)
    assert robot.gripper is not None
    assert asked[robot.gripper.joint] == pytest.approx(robot.gripper.open)


def test_collision_that_only_move_group_sees_is_an_error(bench: Bench) -> None:
    """It stays one when the arm has passed: the scene of the safety node still lacks it."""
    group = bench.start_move_group()
    group.valid = False
    bench.spin_until(lambda: bench.auditor.tally.disagreed >= 1)
    group.valid = True
    bench.spin_until(lambda: bench.auditor.tally.agreed >= 1)
    level, text = bench.auditor.finding()
    assert level == DiagnosticStatus.ERROR
    assert 'forearm_link and shelf' in text


def test_collision_that_only_we_see_is_a_warning(bench: Bench) -> None:
    """Its scene lacks a crate; ours keeps the arm off it."""
    crate = a_box('crate', tool_point(bench.arm, np.array(bench.arm.robot.home)), 0.1)
    bench.checker.set_scene([crate])
    bench.start_move_group()
    bench.spin_until(lambda: bench.auditor.tally.disagreed >= 1)
    level, text = bench.auditor.finding()
    assert level == DiagnosticStatus.WARN
    assert 'crate' in text


def test_move_group_that_is_not_there_is_a_warning_until_it_is(bench: Bench) -> None:
    """Nothing waits for it, and it is heard once it comes."""
    bench.spin_until(lambda: bench.auditor.tally.silent >= SILENT)
    level, text = bench.auditor.finding()
    assert level == DiagnosticStatus.WARN
    assert 'unanswered' in text
    bench.start_move_group()
    bench.spin_until(lambda: bench.auditor.tally.agreed >= 1)
    assert bench.auditor.finding()[0] == DiagnosticStatus.OK


def test_move_group_that_hangs_is_asked_again_and_not_waited_for(bench: Bench) -> None:
    """It is there, takes questions and never answers; one that was given up does not come back."""
    hung = FakeMoveGroup(bench.context)  # on no executor
    bench.spin_until(lambda: bench.auditor.tally.silent >= SILENT + 1)
    level, text = bench.auditor.finding()
    assert level == DiagnosticStatus.WARN
    assert 'unanswered' in text
    assert bench.auditor.tally.agreed == 0
    bench.executor.add_node(hung)
    bench.spin_until(lambda: bench.auditor.tally.agreed >= 1)
    assert bench.auditor.finding()[0] == DiagnosticStatus.OK


def test_nothing_is_asked_while_the_arm_has_not_been_heard(bench: Bench) -> None:
    """An unknown posture has no verdict."""
    bench.posture = None
    group = bench.start_move_group()
    for _ in range(20):
        bench.executor.spin_once(timeout_sec=0.1)
    assert not group.asked
    assert bench.auditor.tally.asked == 0
