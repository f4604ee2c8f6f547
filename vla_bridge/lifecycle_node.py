# SPDX-License-Identifier: Apache-2.0
"""The base of every node: lifecycle, parameters, diagnostics, and one way to run and stop."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.event_handler import EventHandler
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions
from rclpy.waitable import Waitable
from typing_extensions import override

from vla_bridge.opened import Opened
from vla_bridge.resources import config_file
from vla_bridge.starting import take_interrupts
from vla_bridge.typed_node import TypedNode
from vla_contract.deployment import Deployment, load_deployment, load_policy, load_robot, match
from vla_contract.errors import VlaError

CLEAN, FAILED, REFUSED = 0, 1, 2
"""Exit codes: stopped as asked; broke; would not start (the message says why)."""
FAREWELL_S = 1.0
"""Time that a node which has stopped acting has for its last answers [s]."""
_SENT_S = 0.1
"""An answer that is made leaves within a few more turns of the executor."""

_REPORTS_EVERY_S, _REPORTS_S = 1.0, 0.1


class VlaNode(TypedNode):
    """A lifecycle node that starts itself unless ``autostart`` is false.

    Subclasses implement ``configure``, ``activate``, ``deactivate`` and ``cleanup``, which raise
    VlaError to refuse. Whatever moves the robot must be safe once ``deactivate`` returns.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401 - as rclpy's
        """Declare the parameters every node has."""
        super().__init__(name, **kwargs)
        self.refusal: VlaError | None = None
        self.fatal: VlaError | None = None
        self._opened: Opened | None = None
        self.describe('autostart', True, 'Configure and activate at start.')
        self.describe('deployment', '', 'Deployment: a file, or a name under config/.')
        self.describe('robot', '', 'Robot, instead of a deployment: a file, or a name.')
        self.describe('policy', '', 'Policy, instead of a deployment: a file, or a name.')
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._diagnostics_timer = self.create_timer(1.0, self._publish_diagnostics)

    def describe(
        self,
        name: str,
        default: bool | int | float | str | Sequence[str],
        description: str,
        bounds: tuple[float, float] | None = None,
    ) -> None:
        """Declare a read-only parameter with its description and range."""
        descriptor = ParameterDescriptor(description=description, read_only=True)
        if bounds is not None and isinstance(default, int):
            low, high = int(bounds[0]), int(bounds[1])
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
        elif bounds is not None:
            low_high = FloatingPointRange(from_value=float(bounds[0]), to_value=float(bounds[1]))
            descriptor.floating_point_range = [low_high]
        self.declare_parameter(name, default, descriptor)

    def value(self, name: str) -> Any:  # noqa: ANN401 - the type is in its declaration
        """Value of a declared parameter."""
        return self.get_parameter(name).value

    def load_deployment(self) -> Deployment:
        """Read what the parameters name, or refuse."""
        named, robot, policy = self.value('deployment'), self.value('robot'), self.value('policy')
        if named and not robot and not policy:
            return load_deployment(config_file(named))
        if robot and policy and not named:
            robot_path = config_file(robot, 'robots')
            policy_path = config_file(policy, 'policies')
            return match(load_robot(robot_path), robot_path, load_policy(policy_path), policy_path)
        raise VlaError(
            'give the parameter deployment, or robot and policy together; '
            f'got deployment={named!r} robot={robot!r} policy={policy!r}'
        )

    def now_ns(self) -> int:
        """ROS time [ns]; simulated where use_sim_time is set."""
        return int(self.get_clock().now().nanoseconds)

    @property
    @override
    def waitables(self) -> Iterator[Waitable]:
        """What the executor waits for beside messages, timers and services.

        Reports of the middleware (of QoS that does not match, say) are among it for a moment of
        every second only. There are two for each topic, and rclpy puts together anew what it waits
        for after each message: with all of them always, that took half of a node's time.
        """
        reports = time.monotonic() % _REPORTS_EVERY_S < _REPORTS_S
        return (w for w in super().waitables if reports or not isinstance(w, EventHandler))

    def configure(self) -> None:
        """Read configuration and create interfaces."""

    def activate(self) -> None:
        """Begin to act."""

    def deactivate(self) -> None:
        """Stop acting, leaving the robot safe."""

    def cleanup(self) -> None:
        """Forget what configure() learnt; topics, services and timers are closed after this."""

    def owes_answers(self) -> bool:
        """Whether somebody waits for an answer that deactivate() made due."""
        return False

    def diagnostics(self) -> DiagnosticStatus | None:
        """What to report at 1 Hz; None for nothing."""
        return None

    def stop_for(self, error: VlaError) -> None:
        """End the process with this error once the current callback returns."""
        self.fatal = error

    @override
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure, or refuse with the reason on record."""
        self._opened = Opened(self)
        answer = self._attempt(self.configure)
        if answer is not TransitionCallbackReturn.SUCCESS:
            self._opened.close()
        return answer

    @override
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate managed publishers first, so that activate() may use them."""
        super().on_activate(state)
        return self._attempt(self.activate)

    @override
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate managed publishers last, so that deactivate() may use them."""
        answer = self._attempt(self.deactivate)
        super().on_deactivate(state)
        return answer

    @override
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release what configure created."""
        answer = self._attempt(self.cleanup)
        if self._opened is not None:
            self._opened.close()
        return answer

    @override
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop acting before the end, whatever state the node is in."""
        if state.label == 'active':
            return self.on_deactivate(state)
        return TransitionCallbackReturn.SUCCESS

    def _attempt(self, step: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            step()
        except VlaError as error:
            self.refusal = error
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _publish_diagnostics(self) -> None:
        status = self.diagnostics()
        if status is not None:
            message = DiagnosticArray(status=[status])
            message.header.stamp = self.get_clock().now().to_msg()
            self._diagnostics.publish(message)

    def status(self, level: bytes, message: str, **values: object) -> DiagnosticStatus:
        """A diagnostic in this node's name."""
        pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        name = self.get_fully_qualified_name().lstrip('/')
        return DiagnosticStatus(level=level, name=name, message=message, values=pairs)


class _Stop:
    """Set by SIGINT and SIGTERM. One that comes a while later ends the process at once.

    A terminal and a launcher both pass Ctrl-C on: the second within GRACE_S is the same wish.
    """

    GRACE_S = 2.0

    def __init__(self) -> None:
        self.asked = False
        self._first_s = 0.0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)
        take_interrupts()

    def ignore_from_now(self) -> None:
        """All is done: a signal during the interpreter's own end must not look like a crash."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self.asked and now_s - self._first_s > self.GRACE_S:
            os._exit(128 + number)
        self._first_s = self._first_s if self.asked else now_s
        self.asked = True


def run(factory: Callable[[], VlaNode], args: list[str] | None = None) -> int:
    """Run one node until a signal or a fatal error, and stop it in good order.

    rclpy's own signal handling is off, so that a node can still publish while it stops.
    """
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    stop = _Stop()
    try:
        node = factory()
        try:
            return _spin(node, stop)
        finally:
            node.destroy_node()
    except VlaError as error:
        print(error, file=sys.stderr)
        return REFUSED
    finally:
        rclpy.try_shutdown()
        stop.ignore_from_now()


def _spin(node: VlaNode, stop: _Stop) -> int:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    if node.value('autostart'):
        node.trigger_configure()
        if node.refusal is None:
            node.trigger_activate()
        if node.refusal is not None:
            return REFUSED
    while not stop.asked and node.fatal is None:
        executor.spin_once(timeout_sec=0.1)
    if node.fatal is not None:
        node.get_logger().fatal(str(node.fatal))
    node.trigger_shutdown()
    if node.owes_answers():
        _answer(node, executor)
    return CLEAN if node.fatal is None else FAILED


def _answer(node: VlaNode, executor: SingleThreadedExecutor) -> None:
    """Spin a node that has stopped until those who wait for it have their answers."""
    end_s = time.monotonic() + FAREWELL_S
    while node.owes_answers() and time.monotonic() < end_s:
        executor.spin_once(timeout_sec=0.05)
    end_s = time.monotonic() + _SENT_S
    while time.monotonic() < end_s:
        executor.spin_once(timeout_sec=0.02)
