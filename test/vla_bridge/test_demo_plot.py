# SPDX-License-Identifier: Apache-2.0
"""What the demo's plot and captions say of an episode, read back from the drawn figure."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vla_bridge.demo.artifacts import note_on
from vla_bridge.demo.outcome import Outcome
from vla_bridge.demo.plot import make_figure
from vla_bridge.demo.trace import Steps, Trace
from vla_contract.scene import Collision
from vla_safety.limits import Limits

LIMITS = Limits(
    names=('shoulder_joint', 'elbow_joint'),
    lower=np.array([-6.28, -3.14]),
    upper=np.array([6.28, 3.14]),
    velocity=np.array([2.0, 2.0]),
    acceleration=np.array([10.0, 10.0]),
    jerk=np.array([100.0, 100.0]),
    margin=0.02,
    seam_jump=0.1,
)
TIMES = np.linspace(0.0, 10.0, 101)


def steps(*changes: tuple[float, object]) -> Steps:
    """Values from their times on."""
    made = Steps()
    for at, value in changes:
        made.add(at, value)
    return made


@pytest.fixture
def trace() -> Trace:
    """Ten seconds: the shoulder moves by 1 rad, the elbow stands 0.1 rad from its limit."""
    positions = np.column_stack([np.linspace(0.0, 1.0, 101), np.full(101, 3.04)])
    return Trace(
        zero_ns=0,
        end=10.0,
        joint_times=TIMES,
        positions=positions,
        velocities=np.gradient(positions, TIMES, axis=0),
        opening_times=TIMES,
        opening=np.ones(101),
        status_times=TIMES,
        speed_scale=np.ones(101),
        worst_ratio=np.full(101, 0.98),
        worst_limit=('jerk elbow_joint',) * 75 + ('velocity shoulder_joint',) * 26,
        clearance=np.linspace(0.1, 0.004, 101),
        nearest=('finger – table',) * 101,
        chunk_times=np.arange(10.0),
        safety=steps((0.0, 'ACTIVE')),
        held=steps((0.0, '')),
        progress=steps((0.0, 0.5)),
        success=steps((0.0, False)),
    )


def texts(axis: Axes) -> list[str]:
    """All that is written in or beside a plot."""
    legend = axis.get_legend()
    entries = [entry.get_text() for entry in legend.get_texts()] if legend else []
    return [text.get_text().strip() for text in axis.texts] + entries


def heights(axis: Axes) -> set[float]:
    """Where the lines of a plot lie on average."""
    levels = [np.asarray(line.get_ydata(), dtype=np.float64) for line in axis.get_lines()]
    return {round(float(level.mean()), 2) for level in levels if len(level)}


def panel(figure: Figure, label: str) -> Axes:
    """The plot with this label on its vertical axis."""
    return next(axis for axis in figure.axes if axis.get_ylabel().startswith(label))


def test_positions_are_scaled_to_the_motion_and_only_near_limits_are_drawn(trace: Trace) -> None:
    """The far ones are written beside the curve, with the least distance kept from them."""
    shoulder, elbow = make_figure(trace, LIMITS, Collision(margin=0.003), '').axes[:2]
    assert np.diff(shoulder.get_ylim())[0] < 1.5
    assert shoulder.get_ylim()[0] < 0.0 < 1.0 < shoulder.get_ylim()[1]
    assert elbow.get_ylim()[1] > 3.14
    assert 3.14 in heights(elbow)
    assert not {-6.28, 6.28, -3.14} & {*heights(shoulder), *heights(elbow)}
    assert '5.28 rad inside -6.28 to +6.28' in texts(shoulder)
    assert '0.10 rad inside -3.14 to +3.14' in texts(elbow)


def test_the_limit_used_most_is_named_by_joint_and_kind(trace: Trace) -> None:
    """A lane for each joint, a colour for each kind, and how often it was that kind."""
    axis = panel(make_figure(trace, LIMITS, Collision(margin=0.003), ''), 'limit')
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ['elbow', 'shoulder']
    assert texts(axis) == ['velocity  26% of the motion', 'jerk  74% of the motion']


def test_spans_too_short_for_their_label_have_none(trace: Trace) -> None:
    """Labels that overlap tell nothing."""
    held = steps((0.0, ''), (1.0, 'red_cube'), (1.1, ''), (1.2, 'red_cube'), (1.3, ''))
    held.add(4.0, 'blue_cylinder')
    axis = panel(
        make_figure(replace(trace, held=held), LIMITS, Collision(margin=0.003), ''), 'gripper'
    )
    assert texts(axis) == ['holds the blue cylinder']


def test_an_episode_without_messages_can_be_drawn(trace: Trace) -> None:
    """A graph that broke at once leaves an empty plot, not a traceback."""
    none, never = np.empty(0), Steps()
    empty = replace(
        trace,
        joint_times=none,
        positions=np.empty((0, 2)),
        velocities=np.empty((0, 2)),
        opening_times=none,
        opening=none,
        status_times=none,
        speed_scale=none,
        worst_ratio=none,
        worst_limit=(),
        clearance=none,
        nearest=(),
        chunk_times=none,
        safety=never,
        held=never,
    )
    assert len(make_figure(empty, LIMITS, Collision(margin=0.003), '').axes) == 7


def test_the_note_says_that_the_demonstrator_reads_ground_truth() -> None:
    """In plot and video, so that nobody takes it for a trained policy."""
    outcome = Outcome('', 'sim_ur5e', 'demonstrator', simulated=True, ground_truth=True)
    said = note_on(outcome)
    assert said == 'simulated arm · policy: demonstrator (scripted, reads ground truth)'
    real = replace(outcome, policy='act', simulated=False, ground_truth=False)
    assert note_on(real) == 'policy: act'
