# SPDX-License-Identifier: Apache-2.0
"""Jerk and steps between chunks, of motions that have them in closed form."""

import numpy as np
import pytest

from vla_bridge.evaluation.smoothness import Seams, rms_jerk
from vla_contract.action import ActionChunk, ActionSpace

PERIOD_S = 0.01


def test_the_jerk_of_a_sine() -> None:
    """Amplitude times frequency to the third, over the root of two; the filter takes 1 %."""
    times = np.arange(0.0, 4.0, PERIOD_S)
    speed = 2 * np.pi * 0.5
    positions = 0.3 * np.sin(speed * times)
    velocities = 0.3 * speed * np.cos(speed * times)
    found = rms_jerk(list(positions[:, None]), list(velocities[:, None]), PERIOD_S)
    assert found == pytest.approx(0.3 * speed**3 / np.sqrt(2), rel=0.05)


def test_waiting_does_not_make_an_arm_smooth() -> None:
    """Nor does an arm that never moves have a jerk."""
    share = np.arange(0.0, 1.0, PERIOD_S)
    moving = (10 * share**3 - 15 * share**4 + 6 * share**5)[:, None]
    speeds = np.gradient(moving, PERIOD_S, axis=0)
    still = np.repeat(moving[-1:], 400, axis=0)
    alone = rms_jerk(list(moving), list(speeds), PERIOD_S)
    waited = rms_jerk([*moving, *still], [*speeds, *np.zeros_like(still)], PERIOD_S)
    assert waited == pytest.approx(alone, rel=0.05)
    assert rms_jerk(list(still), list(np.zeros_like(still)), PERIOD_S) == 0.0
    assert rms_jerk([], [], PERIOD_S) == 0.0


def chunk(start_ns: int, first: float, space: ActionSpace) -> ActionChunk:
    """Ten rows of one joint, 0.1 rad apart, and a gripper."""
    values = np.column_stack([first + 0.1 * np.arange(10), np.ones(10)])
    units = ('rad', '1')
    return ActionChunk('s', 1, 't', 0, start_ns, 0.1, space, ('pan', 'gripper'), units, '', values)


def test_a_step_is_the_distance_at_the_take_over() -> None:
    """At 0.55 s the first asks for 0.55; the second, which began at 0.5 s, for 1.05 or so."""
    seams = Seams()
    seams.take_over(chunk(0, 0.0, ActionSpace.JOINT_POSITION), 100_000_000)
    seams.take_over(chunk(500_000_000, 1.0, ActionSpace.JOINT_POSITION), 550_000_000)
    assert seams.steps == pytest.approx([0.5])
    seams.restart()
    seams.take_over(chunk(0, 5.0, ActionSpace.JOINT_POSITION), 0)
    assert len(seams.steps) == 1
    seams.take_over(chunk(0, 0.0, ActionSpace.JOINT_DELTA), 0)
    assert len(seams.steps) == 1
