# SPDX-License-Identifier: Apache-2.0
"""How late messages arrive in the graph at work: what `vla eval` counts on (evaluation/delays.py).

Runs the demo's session with cameras and recorder, and looks at when the recorder got each message:
joint states and pictures by their stamps, trajectories by the tick that decided them. A chunk says
nothing of when it was sent; it is a small message as the others are.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks import report
from vla_bridge.demo.demonstration import make_plan
from vla_bridge.demo.session import Session
from vla_bridge.launching.interrupts import Interrupts
from vla_bridge.recording.episode import Episode
from vla_contract.robot import Robot

INSTRUCTION = 'put the red cube in the blue bowl'
TIMEOUT_S = 60.0
NS = 1e9


def ages_ms(episode: Episode, topic: str, made_s: Callable[[Any], float]) -> Iterator[float]:
    """From when each message of a topic was made until the recorder had it."""
    for _, received_ns, message in episode.messages(topic):
        yield (received_ns / NS - made_s(message)) * 1e3


def stamped(message: Any) -> float:  # noqa: ANN401 - of a class made from a bag
    """When its header says [s]."""
    stamp = message.header.stamp
    return float(stamp.sec + stamp.nanosec / NS)


def figures(episode: Episode, robot: Robot) -> dict[str, object]:
    """Medians and 95th percentiles."""
    history_s = robot.timing.history_s
    topics = {
        'joint_states': (robot.joint_states, stamped),
        **{f'camera_{camera.name}': (camera.topic, stamped) for camera in robot.cameras},
        'trajectory': (robot.controller.topic, lambda message: stamped(message) + history_s),
    }
    found: dict[str, object] = {}
    for name, (topic, made_s) in topics.items():
        ages = np.array(list(ages_ms(episode, topic, made_s)))
        found[f'{name}_count'] = len(ages)
        found[f'{name}_p50_ms'] = round(float(np.median(ages)), 2)
        found[f'{name}_p95_ms'] = round(float(np.quantile(ages, 0.95)), 2)
    return found


def main() -> None:
    """Measure, print and keep."""
    with tempfile.TemporaryDirectory() as folder, Interrupts() as interrupts:
        plan = make_plan((INSTRUCTION,), 'sim', 0, TIMEOUT_S, Path(folder) / 'run')
        outcome = Session(plan, Console(), interrupts).run()
        bag = plan.folder / outcome.attempts[0].bag
        with Episode(bag) as episode:
            told = figures(episode, plan.graph.deployment.robot)
    report.write('delays', told, f'"{INSTRUCTION}", until the recorder had each message')


if __name__ == '__main__':
    main()
