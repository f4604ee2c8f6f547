# SPDX-License-Identifier: Apache-2.0
"""Write config/policies/episodes/sway.npz, the episode of config/policies/replay.yaml.

Run it again when the home of the simulated arm changes:

    python -m tools.make_episode
"""

from pathlib import Path

import numpy as np

from vla_contract.action import GRIPPER
from vla_contract.deployment import load_robot
from vla_policy.replay import Episode, save_episode

ROOT = Path(__file__).parent.parent
EPISODE = ROOT / 'config' / 'policies' / 'episodes' / 'sway.npz'
ROBOT = ROOT / 'config' / 'robots' / 'sim_ur5e.yaml'
DURATION_S = 4.0
RATE_HZ = 20.0
SWAY = 0.25
"""Of the first joint to either side [rad]."""
NOD = 0.2
"""Of the fourth joint, one way [rad]."""


def main() -> None:
    """Sway about the home."""
    EPISODE.parent.mkdir(exist_ok=True)
    save_episode(EPISODE, sway())


def sway() -> Episode:
    """One sway with a nod, at rest at both ends."""
    robot = load_robot(ROBOT)
    times = np.arange(round(DURATION_S * RATE_HZ) + 1) / RATE_HZ
    phase = times / DURATION_S
    rise = 0.5 - 0.5 * np.cos(2 * np.pi * phase)  # 0 to 1 and back, without a jerk at the ends
    values = np.tile([*robot.home, 1.0], (len(times), 1))
    values[:, 0] += SWAY * rise * np.sin(2 * np.pi * phase)
    values[:, 3] += NOD * rise
    values[:, -1] = np.where((phase > 0.3) & (phase < 0.7), 0.0, 1.0)
    return Episode((*robot.joint_names, GRIPPER), times, values)


if __name__ == '__main__':
    main()
