# SPDX-License-Identifier: Apache-2.0
"""What people may ask of the safety node: arm, disarm, hold, stop, reduced speed, and no more.

Every request is answered, and every answer is an event. Parameters say what is allowed, so they
cannot be changed while the node is active.
"""

from collections.abc import Callable
from typing import TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

from vla_bridge.controllers.arm import ArmOutput
from vla_bridge.lifecycle_node import VlaNode
from vla_bridge.safety_events import SafetyEvents
from vla_contract.robot import Robot
from vla_safety.command import Command
from vla_safety.filter import MotionFilter
from vla_safety.measured import Instant
from vla_safety.reasons import Finding, Reason, RefusedError

ResponseT = TypeVar('ResponseT', Trigger.Response, SetBool.Response)


class SafetyRequests:
    """Services and parameters of one safety node, while it is configured.

    Attributes:
        active: Whether requests are granted at all.
    """

    def __init__(
        self,
        node: VlaNode,
        motion_filter: MotionFilter,
        arm: ArmOutput,
        events: SafetyEvents,
        now: Callable[[], Instant],
        send: Callable[[Command], None],
        answered: Callable[[], None],
    ) -> None:
        """Offer the services.

        Args:
            node: Whose they are.
            motion_filter: Decides.
            arm: Knows who listens, and who else moves the arm.
            events: Are told every answer.
            now: The present.
            send: Takes what the filter answers.
            answered: Called after each answer.
        """
        self.active = False
        self._node, self._filter, self._arm, self._events = node, motion_filter, arm, events
        self._now, self._send, self._answered = now, send, answered
        for name, handler in (
            ('arm', self._do_arm),
            ('disarm', self._do_disarm),
            ('hold', self._do_hold),
            ('stop', self._do_stop),
        ):
            node.create_service(Trigger, f'~/{name}', self._trigger(name, handler))
        node.create_service(SetBool, '~/reduced_speed', self._on_reduced_speed)
        node.add_pre_set_parameters_callback(self._tell_parameters)
        node.add_on_set_parameters_callback(self._refuse_parameters)

    def close(self) -> None:
        """Parameters may be set again."""
        self._node.remove_pre_set_parameters_callback(self._tell_parameters)
        self._node.remove_on_set_parameters_callback(self._refuse_parameters)

    def _trigger(
        self, name: str, handler: Callable[[], str]
    ) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            return self._answer(name, handler, response)

        return answer

    def _on_reduced_speed(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        def switch() -> str:
            self._filter.tool_speed.reduced = request.data
            speed = f'{self._filter.tool_speed.allowed():g} m/s'
            return f'reduced speed is {"on" if request.data else "off"}: the tool may go {speed}'

        return self._answer('reduced_speed', switch, response)

    def _answer(self, name: str, handler: Callable[[], str], response: ResponseT) -> ResponseT:
        """Say what happened, or why nothing did."""
        before = self._filter.mode
        try:
            if not self.active:
                raise RefusedError(Reason.NOT_ARMED, 'the node is not active')
            finding = Finding(Reason.OK, handler())
            response.message, response.success = finding.text, True
        except RefusedError as refusal:
            finding = Finding(refusal.reason, refusal.text)
            response.message, response.success = str(refusal), False
        self._events.answered(name, finding, before, granted=response.success)
        self._answered()
        return response

    def _do_arm(self) -> str:
        if not self._arm.listeners():
            raise RefusedError(
                Reason.NO_CONTROLLER,
                f'nobody listens on {self._robot.controller.topic}; start and activate the '
                'controller, or correct controller.topic in the robot file',
            )
        if others := self._arm.rivals():
            raise RefusedError(Reason.SECOND_PUBLISHER, f'{others}; end it, then arm')
        if self._filter.mode.takes_chunks:
            return f'already armed ({self._filter.mode.name})'
        self._filter.arm(self._now())
        return 'armed'

    def _do_disarm(self) -> str:
        self._send(self._filter.disarm(self._now(), Reason.NOT_ARMED, 'disarmed by request'))
        return 'disarmed'

    def _do_hold(self) -> str:
        self._filter.hold(Reason.HOLD_ASKED, 'hold was asked for', self._now())
        return 'holding; goes on with the next chunk observed from now on'

    def _do_stop(self) -> str:
        self._send(self._filter.protect(Reason.STOP_ASKED, 'stop was asked for', self._now()))
        return 'stopped; ~/arm allows motion again'

    def _tell_parameters(self, parameters: list[Parameter]) -> list[Parameter]:
        """Comes before rclpy itself refuses those that are read-only."""
        if self.active:
            names = ', '.join(parameter.name for parameter in parameters)
            finding, mode = Finding(Reason.LOCKED, _locked(names)), self._filter.mode
            self._events.answered('parameter', finding, mode, granted=False)
        return parameters

    def _refuse_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        if not self.active:
            return SetParametersResult(successful=True)
        names = ', '.join(parameter.name for parameter in parameters)
        text = f'{Reason.LOCKED}: {_locked(names)}'
        return SetParametersResult(successful=False, reason=text)

    @property
    def _robot(self) -> Robot:
        return self._filter.robot


def _locked(names: str) -> str:
    return f'{names} cannot change while the safety node is active; deactivate it first'
