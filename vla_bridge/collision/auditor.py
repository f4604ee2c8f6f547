# SPDX-License-Identifier: Apache-2.0
"""Asks a running move_group, now and then, what it thinks of where the arm really is.

Nothing waits for the answer and nothing stops because of it: a second opinion on the scene and the
description, by another library with another scene, that ends in a diagnostic.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import JointState

from vla_bridge.collision.audit import Audit, Outcome, compare
from vla_bridge.collision.installed import find_messages, find_state_validity
from vla_bridge.lifecycle_node import VlaNode
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.avoidance import Avoidance
from vla_safety.collision.checker import Clearance, CollisionChecker
from vla_safety.measured import Instant, Measured
from vla_safety.motion import Array

PERIOD_S = 0.5
"""Time between two questions; one that is not answered by then is given up."""
SILENT = 3
"""Questions in a row without an answer that make a warning."""
NOTHING = Audit(Outcome.AGREED, 'nothing was asked yet')
_LEVELS = {
    Outcome.AGREED: DiagnosticStatus.OK,
    Outcome.UNANSWERED: DiagnosticStatus.WARN,
    Outcome.ONLY_OURS: DiagnosticStatus.WARN,
    Outcome.ONLY_THEIRS: DiagnosticStatus.ERROR,
}


@dataclass(frozen=True)
class Tally:
    """What was found since the start.

    Attributes:
        asked: Questions.
        agreed: Answers that fit.
        disagreed: Answers that do not.
        silent: Questions in a row without an answer.
        worst: The gravest finding.
        last: The newest.
    """

    asked: int = 0
    agreed: int = 0
    disagreed: int = 0
    silent: int = 0
    worst: Audit = NOTHING
    last: Audit = NOTHING

    def noted(self, audit: Audit) -> 'Tally':
        """With one more answer."""
        agreed = audit.outcome is Outcome.AGREED
        return replace(
            self,
            agreed=self.agreed + agreed,
            disagreed=self.disagreed + (not agreed),
            silent=0,
            worst=self.worst if agreed or self.worst.outcome > audit.outcome else audit,
            last=audit,
        )

    @property
    def text(self) -> str:
        """All of it in numbers."""
        return f'{self.asked} asked, {self.agreed} agreed, {self.disagreed} did not'


def open_auditor(
    node: VlaNode, robot: Robot, avoidance: Avoidance | None, measured: Measured
) -> 'Auditor | None':
    """The auditor that a robot file asks for, of where the arm is measured; None for none.

    Raises:
        VlaError: It is asked for, and MoveIt's messages are not installed.
    """
    if not robot.collision.auditor or avoidance is None:
        return None
    checker = avoidance.checker

    def posture() -> Array | None:
        if measured.finding(Instant(node.now_ns(), time.monotonic_ns())) is not None:
            return None
        opening = measured.opening
        return checker.layout.posture(measured.positions, opening if opening == opening else 1.0)

    return Auditor(node, robot, checker, posture)


class Auditor:
    """Samples postures of a node's arm and has them judged."""

    def __init__(
        self,
        node: Node,
        robot: Robot,
        checker: CollisionChecker,
        posture: Callable[[], Array | None],
    ) -> None:
        """Begin to ask.

        Args:
            node: Whose executor runs all of this.
            robot: Names the joints, and in ``collision.auditor`` the service.
            checker: Ours, with the scene of the moment; called from the node's thread.
            posture: Where the arm is; None while that is not known.

        Raises:
            VlaError: MoveIt's messages are not installed.
        """
        service = find_state_validity()
        self._request, self._state = service.Request, find_messages().moveit.RobotState
        self._node, self._robot = node, robot
        self._checker, self._posture = checker, posture
        self._pending: Future | None = None
        self.tally = Tally()
        self._client = node.create_client(service, robot.collision.auditor)
        self._timer = node.create_timer(PERIOD_S, self._ask)

    def close(self) -> None:
        """Ask no more."""
        self._node.destroy_timer(self._timer)
        self._give_up()
        self._node.destroy_client(self._client)

    def finding(self) -> tuple[bytes, str]:
        """Level and text of a diagnostic: the gravest that was ever found, silence otherwise."""
        tally = self.tally
        if tally.disagreed:
            text = f'{tally.disagreed} of {tally.agreed + tally.disagreed} postures: '
            return _LEVELS[tally.worst.outcome], text + tally.worst.text
        if tally.silent >= SILENT:
            text = f'{self._client.srv_name} left {tally.silent} questions in a row unanswered'
            return _LEVELS[Outcome.UNANSWERED], text
        return DiagnosticStatus.OK, f'move_group agreed on {tally.agreed} postures'

    def _ask(self) -> None:
        posture = self._posture()
        if posture is None:
            return
        self._give_up()
        self.tally = replace(self.tally, asked=self.tally.asked + 1, silent=self.tally.silent + 1)
        if not self._client.service_is_ready():
            return
        try:
            clearance = self._checker.clearance(posture)
        except VlaError as error:
            text = f'our checker cannot judge where the arm is: {error}'
            self.tally = self.tally.noted(Audit(Outcome.UNANSWERED, text))
            return
        # A difference, so that move_group keeps what it knows to be carried.
        state = self._state(joint_state=self._joints(posture), is_diff=True)
        request = self._request(robot_state=state)
        self._pending = self._client.call_async(request)
        self._pending.add_done_callback(lambda future: self._hear(future, clearance))

    def _hear(self, future: Future, clearance: Clearance | None) -> None:
        if future is not self._pending or future.cancelled():
            return
        self._pending = None
        answer: Any = future.result()
        contacts = [(c.contact_body_1, c.contact_body_2) for c in answer.contacts]
        self.tally = self.tally.noted(compare(clearance, answer.valid, contacts))

    def _give_up(self) -> None:
        if self._pending is not None:
            self._client.remove_pending_request(self._pending)
            self._pending = None

    def _joints(self, posture: Array) -> JointState:
        """The arm of the posture by the names that its URDF has."""
        own, robot = self._checker.layout.own, self._robot
        names, positions = list(robot.joint_names), posture[own.joints].tolist()
        if robot.gripper is not None and own.opening is not None:
            ends = robot.gripper.model or robot.gripper
            names.append(ends.joint)
            opening = float(posture[own.opening])
            positions.append(ends.closed + opening * (ends.open - ends.closed))
        return JointState(name=names, position=positions)
