# SPDX-License-Identifier: Apache-2.0
"""The whole graph at work: processor share by node, and time from start to first motion.

Runs the demo's session, several times, with recorder and cameras, without video and plot.
"""

import statistics
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import report
from vla_bridge.demo.demonstration import make_plan
from vla_bridge.demo.outcome import Outcome
from vla_bridge.demo.session import Session
from vla_bridge.launching.interrupts import Interrupts

INSTRUCTION = 'put the red cube in the blue bowl'
RUNS = 3
TIMEOUT_S = 60.0


def measure(seed: int, console: Console) -> Outcome:
    """Run one instruction in a scene of its own."""
    with tempfile.TemporaryDirectory() as folder, Interrupts() as interrupts:
        plan = make_plan((INSTRUCTION,), 'sim', seed, TIMEOUT_S, Path(folder) / 'run')
        return Session(plan, console, interrupts).run()


def figures(runs: list[Outcome]) -> dict[str, object]:
    """Medians over the runs."""
    nodes = sorted(runs[0].cpu)
    starts = [run.motion_s for run in runs if run.motion_s is not None]
    reactions = [
        attempt.first_motion_s
        for run in runs
        for attempt in run.attempts
        if attempt.first_motion_s is not None
    ]
    shares = {name: round(statistics.median(run.cpu[name] for run in runs), 3) for name in nodes}
    return {
        'runs': len(runs),
        'succeeded': sum(run.success for run in runs),
        'start_to_ready_s': statistics.median(run.ready_s for run in runs),
        'start_to_first_motion_s': statistics.median(starts) if starts else None,
        'instruction_to_first_motion_s': statistics.median(reactions) if reactions else None,
        **{f'cpu_{name.removesuffix("_node")}': share for name, share in shares.items()},
        'cpu_all_nodes': round(sum(shares.values()), 3),
    }


def main() -> None:
    """Measure, print and keep."""
    console = Console()
    runs = [measure(seed, console) for seed in range(RUNS)]
    failed = [a.message for run in runs for a in run.attempts if not a.success]
    failed += [f'{n} ended with {c}' for run in runs for n, c in run.exits.items() if c]
    notes = f'"{INSTRUCTION}", medians of {RUNS} runs; cpu_…: share of one core while at work'
    notes = '; '.join([notes, *failed])
    report.write('graph', figures(runs), notes)


if __name__ == '__main__':
    main()
