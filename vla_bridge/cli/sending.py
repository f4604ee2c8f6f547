# SPDX-License-Identifier: Apache-2.0
"""`vla send` behind its options: arm if need be, instruct, show, cancel on Ctrl-C."""

import math
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from vla_control.action import Execute

from vla_bridge.launching.client import GraphClient
from vla_bridge.launching.complaints import Complaints
from vla_bridge.launching.interrupts import InterruptError, Interrupts
from vla_bridge.terminal import Terminal
from vla_contract.errors import VlaError

GRACE_S = 15.0
CANCEL_S = 10.0
LOOK_S = 3.0
SIMULATED_S = 1.0
"""Nodes come into sight one by one; an arm whose simulator is not seen by then is real."""
PLAIN_EVERY_S = 2.0
SILENCE_S = 10.0
"""Feedback comes five times a second; this long without it, nobody is there."""
SUCCEEDED, FAILED = 0, 1


class Progress:
    """Shows feedback in place on a terminal, and as a line now and then elsewhere."""

    def __init__(self, console: Console, status: Status, complaints: Complaints) -> None:
        """Show nothing yet."""
        self._console, self._status, self._complaints = console, status, complaints
        self._next = 0.0
        self._heard_s = time.monotonic()

    def __call__(self, feedback: Any) -> None:  # noqa: ANN401 - of a generated class
        """Show one feedback."""
        self._heard_s = time.monotonic()
        done = '' if math.isnan(feedback.progress) else f'  {feedback.progress:4.0%}'
        safety = f'{feedback.safety_state} {feedback.reason}'
        complaint = escape(self._complaints.newest())
        if feedback.safety_state == 'DISARMED':
            complaint = 'nothing moves before the arm is armed: Ctrl-C, then vla send --arm'
        line = (
            f'[bold]{feedback.elapsed:5.1f} s[/]{done}  {safety}  '
            f'speed {feedback.speed_scale:.0%}  {feedback.chunks} chunks  [yellow]{complaint}[/]'
        )
        now = self._heard_s
        if self._console.is_terminal:
            self._status.update(line)
        elif now >= self._next:
            self._next = now + PLAIN_EVERY_S
            self._console.print(line, soft_wrap=True)

    def check(self) -> None:
        """Refuse to wait for a graph that says nothing any more."""
        silent_s = time.monotonic() - self._heard_s
        if silent_s > SILENCE_S:
            raise VlaError(
                f'the graph has said nothing for {silent_s:.0f} s: it ended, or its instruction '
                'node did; see the terminal that it runs in'
            )


def _watched(progress: Progress, pulse: Callable[[], None]) -> Callable[[], None]:
    """A pulse that also notices when the graph has gone."""

    def check() -> None:
        pulse()
        progress.check()

    return check


def send(instruction: str, timeout_s: float, namespace: str, *, seed: int | None, arm: bool) -> int:
    """Send one instruction and wait for its end; the answer is the exit code.

    Args:
        instruction: Plain language.
        timeout_s: Time allowed; 0 for no limit.
        namespace: Of the graph.
        seed: Lay the simulated scene out anew from this seed; None to take it as it is.
        arm: Arm the safety node, also of a real arm.
    """
    console = Terminal()
    with (
        Interrupts() as interrupts,
        GraphClient(namespace, interrupts.check) as client,
        console.status(f'looking for the graph in {namespace or "/"}') as status,
    ):
        complaints = Complaints(client.node)
        _prepare(client, instruction, seed=seed, arm=arm)
        progress = Progress(console, status, complaints)
        goal = client.instruct(instruction, timeout_s, progress)
        client.pulse = _watched(progress, interrupts.check)
        try:
            result = client.result(goal, (timeout_s or math.inf) + GRACE_S)
        except InterruptError:
            status.update('cancelling; the arm comes to rest')
            client.pulse = lambda: None
            client.cancel(goal)
            client.result(goal, CANCEL_S)
            console.print(f'cancelled: “{escape(instruction)}”')
            raise
        complaint = complaints.newest()
    return _conclude(console, instruction, result, complaint)


def _prepare(client: GraphClient, instruction: str, *, seed: int | None, arm: bool) -> None:
    """Reset if asked, and arm; a real arm only if asked."""
    if not client.finds('safety_node', LOOK_S):
        raise VlaError(
            f'no graph runs in namespace {client.node.get_namespace()} of this ROS domain; start '
            'one with `vla sim` or `vla run`, or set the same ROS_DOMAIN_ID as there'
        )
    simulated = client.finds('sim_node', SIMULATED_S)
    if seed is not None and not simulated:
        raise VlaError('--reset is for a simulated arm; this one is real')
    if seed is not None:
        client.disarm()
        client.reset(seed, instruction)
    if arm or simulated:
        client.arm()


def _conclude(console: Console, instruction: str, result: Any, complaint: str) -> int:  # noqa: ANN401
    numbers = f'[dim]{result.duration:.1f} s, {result.chunks} chunks[/]'
    said = escape(f'“{instruction}”')
    if result.outcome == Execute.Result.SUCCEEDED:
        console.print(f'[green]✔[/] {said}  {numbers}')
        return SUCCEEDED
    reasons = escape('; '.join(filter(None, (result.message, complaint))))
    console.print(f'[red]✘[/] {said}  {reasons}  {numbers}', soft_wrap=True)
    return FAILED
