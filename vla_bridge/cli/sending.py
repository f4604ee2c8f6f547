# SPDX-License-Identifier: Apache-2.0
"""`vla send` behind its options: arm if need be, instruct, show, cancel on Ctrl-C."""

import math
from typing import Any

from rich.console import Console
from rich.markup import escape
from vla_control.action import Execute

from vla_bridge.launching.client import GraphClient
from vla_bridge.launching.interrupts import InterruptError, Interrupts

GRACE_S = 15.0
CANCEL_S = 10.0
SUCCEEDED, FAILED = 0, 1


def send(instruction: str, timeout_s: float, namespace: str, *, arm: bool) -> int:
    """Send one instruction and wait for its end; the answer is the exit code."""
    console = Console(highlight=False)
    with (
        Interrupts() as interrupts,
        GraphClient(namespace, interrupts.check) as client,
        console.status(f'looking for the graph in {namespace or "/"}') as status,
    ):

        def show(feedback: Any) -> None:  # noqa: ANN401 - of a generated class
            status.update(_line(feedback))

        simulated = client.finds('sim_node', 1.0)
        if arm or simulated:
            client.arm()
        goal = client.instruct(instruction, timeout_s, show)
        try:
            result = client.result(goal, (timeout_s or math.inf) + GRACE_S)
        except InterruptError:
            status.update('cancelling; the arm comes to rest')
            client.pulse = lambda: None
            client.cancel(goal)
            client.result(goal, CANCEL_S)
            console.print(f'cancelled: “{escape(instruction)}”')
            raise
    return _conclude(console, instruction, result)


def _line(feedback: Any) -> str:  # noqa: ANN401 - of a generated class
    done = '' if math.isnan(feedback.progress) else f'  {feedback.progress:4.0%}'
    safety = f'{feedback.safety_state} {feedback.reason}'
    return (
        f'[bold]{feedback.elapsed:5.1f} s[/]{done}  {safety}  '
        f'speed {feedback.speed_scale:.0%}  {feedback.chunks} chunks'
    )


def _conclude(console: Console, instruction: str, result: Any) -> int:  # noqa: ANN401 - as above
    numbers = f'[dim]{result.duration:.1f} s, {result.chunks} chunks[/]'
    said = escape(f'“{instruction}”')
    if result.outcome == Execute.Result.SUCCEEDED:
        console.print(f'[green]✔[/] {said}  {numbers}')
        return SUCCEEDED
    console.print(f'[red]✘[/] {said}  {escape(result.message)}  {numbers}')
    return FAILED
