# SPDX-License-Identifier: Apache-2.0
"""safety_node with move_group as auditor: it is heard in diagnostics, and nowhere else."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.lifecycle import TransitionCallbackReturn

from test.vla_bridge.collision.move_group import SERVICE, FakeMoveGroup
from test.vla_bridge.test_safety_node import SafetyBench
from vla_bridge import topics
from vla_bridge.chunk_codec import encode
from vla_bridge.collision.auditor import SILENT, Auditor
from vla_bridge.collision.installed import find_state_validity
from vla_bridge.nodes.safety_node import SafetyNode
from vla_contract.errors import VlaError
from vla_safety.mode import Mode

OVERRIDES = f', collision: {{auditor: {SERVICE}}}'


class AuditBench(SafetyBench):
    """The node, asking; a move_group can be put beside it."""

    def __init__(self, domain: int, folder: Path) -> None:
        """Nobody answers yet."""
        super().__init__(domain, folder, OVERRIDES)
        self._heard = self.bench.hear(DiagnosticArray, '/diagnostics', topics.COMMAND)

    def move_group(self, *, spins: bool = True) -> FakeMoveGroup:
        """One that answers, or one that hangs."""
        group = FakeMoveGroup(rclpy.get_default_context())
        if spins:
            self.bench.add(group)
        return group

    @property
    def auditor(self) -> Auditor:
        """The node's."""
        auditor = self.bench.node._auditor
        assert auditor is not None
        return auditor

    @property
    def diagnostic(self) -> DiagnosticStatus:
        """What the node says of itself now."""
        self._heard.clear()
        self.bench.until(lambda: self._heard)
        (status,) = self._heard[-1].status
        return status

    def follows(self) -> bool:
        """Whether a chunk moves the arm: audited or not."""
        before = len(self.sent)
        rows = self.q + np.linspace(0, 0.05, 10)[:, None]
        self.chunks.publish(encode(self.chunk(rows)))
        self.bench.until(lambda: len(self.sent) > before + 3)
        assert self.bench.node.filter is not None
        return self.bench.node.filter.mode in (Mode.ACTIVE, Mode.SCALED)


@pytest.fixture
def audited(ros_domain: int, tmp_path: Path) -> Iterator[AuditBench]:
    """Where MoveIt's messages are installed; skips otherwise."""
    try:
        find_state_validity()
    except VlaError as error:
        pytest.skip(f'{error}. Run this test in a shell where ROS with moveit_msgs is sourced.')
    bench = AuditBench(ros_domain, tmp_path)
    yield bench
    bench.bench.close()


def values(status: DiagnosticStatus) -> dict[str, str]:
    """By key."""
    return {pair.key: pair.value for pair in status.values}


def test_without_moveits_messages_the_node_says_what_to_install(
    ros_domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked for an auditor does not go on without one."""
    for name in [name for name in sys.modules if name.startswith('moveit_msgs')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'moveit_msgs', None)
    robots = Path(__file__).resolve().parents[2] / 'config' / 'robots'
    policy = robots.parent / 'policies' / 'hold.yaml'
    robot = tmp_path / 'robot.yaml'
    text = (robots / 'sim_ur5e.yaml').read_text()
    robot.write_text(text.replace('../../urdf', str(robots.parents[1] / 'urdf')))
    deployment = tmp_path / 'cell.yaml'
    deployment.write_text(
        f'robot: {robot}\npolicy: {policy}\nrobot_overrides: {{{OVERRIDES.strip(", ")}}}\n'
    )
    rclpy.init(args=['--ros-args', '-p', f'deployment:={deployment}'], domain_id=ros_domain)
    node = SafetyNode()
    try:
        assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
        assert 'ros-$ROS_DISTRO-moveit-msgs' in str(node.refusal)
        assert 'collision.auditor' in str(node.refusal)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def test_a_move_group_that_agrees_is_counted(audited: AuditBench) -> None:
    """It is asked about the joints that were measured."""
    group = audited.move_group()
    audited.bench.until(lambda: audited.auditor.tally.agreed >= 2)
    status = audited.diagnostic
    assert status.level == DiagnosticStatus.OK
    assert '0 did not' in values(status)['audited']
    asked = [group.asked[-1][name] for name in audited.robot.joint_names]
    np.testing.assert_array_equal(asked, audited.q)


@pytest.mark.parametrize('hangs', [False, True])
def test_a_move_group_that_does_not_answer_is_a_warning_and_delays_nothing(
    audited: AuditBench, hangs: bool
) -> None:
    """It is not there, or takes questions and never answers; the arm is armed and moves."""
    hung = [audited.move_group(spins=False)] if hangs else []
    audited.arm()
    assert audited.follows()
    audited.bench.until(lambda: audited.auditor.tally.silent >= SILENT)
    status = audited.diagnostic
    assert status.level == DiagnosticStatus.WARN
    assert f'{SERVICE} left ' in status.message
    assert 'unanswered' in status.message
    assert not any(group.asked for group in hung)


def test_a_move_group_that_disagrees_is_shown_with_values_and_stops_nothing(
    audited: AuditBench,
) -> None:
    """What each found, and of how many postures; the mode is the filter's own."""
    group = audited.move_group()
    group.valid = False
    audited.arm()
    assert audited.follows()
    audited.bench.until(lambda: audited.auditor.tally.disagreed >= 1)
    status: Any = audited.diagnostic
    assert status.level == DiagnosticStatus.ERROR
    assert 'forearm_link and shelf touch' in status.message
    assert 'mm apart' in status.message
    assert ', 0 agreed' in values(status)['audited']
    assert audited.bench.node.filter is not None
    assert not audited.bench.node.filter.mode.latched
    assert not audited.bench.node.filter.rejected


def test_a_node_that_is_cleaned_up_asks_no_more(audited: AuditBench) -> None:
    """Configured anew, it asks anew."""
    group = audited.move_group()
    audited.bench.until(lambda: audited.auditor.tally.agreed >= 1)
    node = audited.bench.node
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert node._auditor is None
    audited.bench.spin(0.2)
    count = len(group.asked)
    audited.bench.spin(1.2)
    assert len(group.asked) == count
    node.trigger_configure()
    node.trigger_activate()
    audited.bench.until(lambda: len(group.asked) > count)
