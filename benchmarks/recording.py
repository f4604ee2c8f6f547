# SPDX-License-Identifier: Apache-2.0
"""How fast demonstrations are recorded on one core, where the time goes, and how fast they load.

Times are of the processor, not of the wall: they do not grow because somebody else computes.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import cv2
import numpy as np

from benchmarks.report import write
from vla_bridge.resources import config_file
from vla_policy.datasets.reader import Dataset
from vla_policy.datasets.staged import EpisodeWriter
from vla_sim.cameras import Cameras
from vla_sim.demonstrations.recording import Harvest, Order, record
from vla_sim.demonstrator import Demonstrator
from vla_sim.simulator import Simulator

EPISODES = 12
SAMPLES = 400
STAGES: dict[str, tuple[type, str]] = {
    'render': (Cameras, 'render'),
    'physics': (Simulator, 'step'),
    'planning': (Demonstrator, 'infer'),
    'encoding': (EpisodeWriter, 'add_frame'),
}

Given = ParamSpec('Given')
Answer = TypeVar('Answer')


class Stopwatch:
    """Adds up what calls take."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.taken_s = 0.0

    def around(self, called: Callable[Given, Answer]) -> Callable[Given, Answer]:
        """The same function, timed."""

        @wraps(called)
        def timed(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
            began = time.process_time()
            try:
                return called(*args, **kwargs)
            finally:
                self.taken_s += time.process_time() - began

        return timed


def main(arguments: Sequence[str] | None = None) -> None:
    """Record, read, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--episodes', type=int, default=EPISODES, help='how many to record')
    episodes = parser.parse_args(arguments).episodes
    os.environ['LP_NUM_THREADS'] = '1'
    cv2.setNumThreads(1)
    watches = {name: Stopwatch() for name in STAGES}
    for name, (owner, method) in STAGES.items():
        setattr(owner, method, watches[name].around(getattr(owner, method)))
    with tempfile.TemporaryDirectory() as folder:
        dataset = Path(folder) / 'dataset'
        robot, policy = config_file('sim_ur5e', 'robots'), config_file('demonstrations', 'policies')
        began, wall = time.process_time(), time.perf_counter()
        harvest = record(Order(dataset, robot, policy, episodes, seed=0), processes=1)
        taken_s, wall_s = time.process_time() - began, time.perf_counter() - wall
        size = sum(path.stat().st_size for path in dataset.rglob('*') if path.is_file())
        found = _recorded(harvest, size, taken_s, watches)
        found['wall_s'] = wall_s
        write('recording', found | _loaded(dataset))


def _recorded(
    harvest: Harvest, size: int, taken_s: float, watches: dict[str, Stopwatch]
) -> dict[str, object]:
    """Frames by second, shares of the time, and what an episode costs."""
    frames = sum(attempt.frames for attempt in (*harvest.kept, *harvest.failed))
    found: dict[str, object] = {
        'episodes': len(harvest.kept),
        'failed': len(harvest.failed),
        'frames': harvest.frames,
        'frames_per_s': frames / taken_s,
        'episode_s': taken_s / len(harvest.kept),
        'episode_mb': size / 1e6 / len(harvest.kept),
    }
    for name, watch in watches.items():
        found[f'{name}_ms_per_frame'] = 1e3 * watch.taken_s / frames
    other_s = taken_s - sum(watch.taken_s for watch in watches.values())
    found['other_ms_per_frame'] = 1e3 * other_s / frames
    return found


def _loaded(folder: Path) -> dict[str, object]:
    """Samples by second at random, and all in order, both with both pictures."""
    dataset = Dataset(folder, rows=20)
    order = np.random.default_rng(0).integers(len(dataset), size=SAMPLES)
    began = time.process_time()
    for index in map(int, order):
        dataset[index]
    random_s = time.process_time() - began
    began = time.process_time()
    for image in dataset.spec.images:
        for _ in dataset.images(image.key, 0, len(dataset)):
            pass
    return {
        'load_at_random_per_s': SAMPLES / random_s,
        'load_in_order_per_s': len(dataset) / (time.process_time() - began),
    }


if __name__ == '__main__':
    main()
