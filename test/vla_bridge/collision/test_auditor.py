# SPDX-License-Identifier: Apache-2.0
"""move_group's second opinion: asked without waiting, and heard only if it differs."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from test.vla_bridge.collision.move_group import SERVICE, FakeMoveGroup
from test.vla_safety.collision.scenes import a_box, an_arm, home, tool_point
from vla_bridge.collision.audit import Outcome, compare
from vla_bridge.collision.auditor import SILENT, Auditor
from vla_contract.errors import VlaError
from vla_safety.collision.checker import Clearance, Contact
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.motion import Array

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


def test_of_many_contacts_the_first_are_named() -> None:
    """A diagnostic is no place for a thousand of them."""
    text = compare(apart(0.1), False, [(f'link {n}', 'shelf') for n in range(1000)]).text
    assert 'link 2 and shelf (and 997 more pairs)' in text
    assert 'link 3' not in text


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


def test_a_posture_that_our_checker_cannot_judge_is_a_warning(bench: Bench) -> None:
    """It does not end the node."""
    bench.start_move_group()
    bench.posture = np.full(len(bench.checker.layout.names), 1e300)
    bench.spin_until(lambda: bench.auditor.tally.disagreed >= 1)
    level, text = bench.auditor.finding()
    assert level == DiagnosticStatus.WARN
    assert 'cannot judge' in text


def test_nothing_is_asked_while_the_arm_has_not_been_heard(bench: Bench) -> None:
    """An unknown posture has no verdict."""
    bench.posture = None
    group = bench.start_move_group()
    for _ in range(20):
        bench.executor.spin_once(timeout_sec=0.1)
    assert not group.asked
    assert bench.auditor.tally.asked == 0
