# SPDX-License-Identifier: Apache-2.0
"""Runs a graph until Ctrl-C: the common half of `vla sim` and `vla run`."""

from datetime import datetime
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from vla_bridge.launching.client import GraphClient
from vla_bridge.launching.graph import Graph
from vla_bridge.launching.interrupts import InterruptError, Interrupts
from vla_bridge.launching.lines import Lines
from vla_bridge.launching.process import program
from vla_bridge.launching.runner import Runner
from vla_bridge.terminal import Terminal

BROKEN = 1


def keep_running(graph: Graph, namespace: str, advice: str, *, autostart: bool) -> int:
    """Start a graph, say how to use it, and stop it when asked to.

    Returns:
        The exit code: that of an interrupted program, or that a node did not stop cleanly.

    Args:
        graph: What to run.
        namespace: Of its nodes.
        advice: Printed when every node is active.
        autostart: The nodes activate themselves.
    """
    console = Terminal()
    moment = f'{datetime.now().astimezone():%Y-%m-%d-%H-%M-%S}'
    folder = Path('out/log') / '-'.join([moment, *filter(None, namespace.split('/'))])
    names = tuple(node.name for node in graph.nodes if program(node) is not None)
    with Interrupts() as interrupts, GraphClient(namespace, interrupts.check) as client:
        client.refuse_neighbours(graph.nodes)
        runner = Runner(
            graph.nodes,
            folder.resolve(),
            Lines(console, names),
            hurry=lambda: interrupts.count > 1,
        )
        try:
            with runner:
                _watch(runner, client, interrupts, advice if autostart else '', console)
        except InterruptError as interrupt:
            code = interrupt.code
            console.print('[dim]stopped; nothing is left running[/]')
        finally:
            console.print(f'[dim]logs: {folder}[/]')
    for ending in runner.endings:
        if not ending.clean:
            console.print(f'[yellow]{ending.name} did not stop cleanly (code {ending.code})[/]')
    return code if runner.clean else BROKEN


def _watch(
    runner: Runner, client: GraphClient, interrupts: Interrupts, advice: str, console: Console
) -> NoReturn:
    """Until interrupted, or until a node dies."""

    def pulse() -> None:
        interrupts.check()
        runner.check()

    client.pulse = pulse
    if advice:
        client.wait_active(runner.nodes)
        console.print(advice)
    while True:
        client.sleep(1.0)
