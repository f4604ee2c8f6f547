# SPDX-License-Identifier: Apache-2.0
"""How fast the simulated world steps, resets and draws, without ROS."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.report import write
from vla_bridge.resources import config_file
from vla_contract.deployment import load_deployment
from vla_sim.cameras import Cameras
from vla_sim.simulator import Simulator

STEPS = 5000
PICTURES = 60
RESETS = 20
SIZES = ((640, 480), (320, 240))


def main() -> None:
    """Take the figures one after the other."""
    deployment = load_deployment(config_file('sim'))
    simulator = Simulator(deployment.robot, deployment.robot_path, 1)
    step_s = _median_s(simulator.step, STEPS)
    found: dict[str, object] = {
        'step_p50_us': step_s * 1e6,
        'times_real_time': simulator.physics_step_s / step_s,
        'reset_p50_ms': 1e3 * _median_s(lambda: simulator.reset(1), RESETS),
    }
    for width, height in SIZES:
        change = {'width': width, 'height': height}
        robot_cameras = [c.model_copy(update=change) for c in deployment.robot.cameras]
        cameras = Cameras(simulator, robot_cameras)
        for camera in robot_cameras:
            cameras.render(camera.name)
            picture_s = _median_s(partial(cameras.render, camera.name), PICTURES)
            found[f'render_{camera.name}_{width}x{height}_p50_ms'] = 1e3 * picture_s
        cameras.close()
    write('simulator', found)


def _median_s(action: Callable[[], object], times: int) -> float:
    """Median wall-clock time of an action [s]."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


if __name__ == '__main__':
    main()
