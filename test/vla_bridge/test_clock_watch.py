# SPDX-License-Identifier: Apache-2.0
"""A clock that was set is noticed, one that runs is not."""

import pytest

from vla_bridge.clock_watch import ClockWatch
from vla_safety.measured import Instant

MS = 1_000_000
START_NS = 1_700_000_000_000_000_000


def looks(watch: ClockWatch, steps: list[tuple[int, int]], *, simulated: bool) -> list[bool]:
    """Whether a jump was noticed, after each step of ROS time and of steady time [ms]."""
    ros_ns, steady_ns = START_NS, 5_000 * MS
    watch.jump_s(Instant(ros_ns, steady_ns), simulated=simulated)
    found = []
    for ros_ms, steady_ms in steps:
        ros_ns, steady_ns = ros_ns + ros_ms * MS, steady_ns + steady_ms * MS
        found.append(watch.jump_s(Instant(ros_ns, steady_ns), simulated=simulated) is not None)
    return found


@pytest.mark.parametrize('simulated', [True, False])
@pytest.mark.parametrize('back_ms', [-1, -20, -3_600_000])
def test_a_clock_that_goes_back_is_noticed_once(simulated: bool, back_ms: int) -> None:
    """By however little, and by the next look all is well again."""
    steps = [(20, 20), (back_ms, 20), (20, 20)]
    assert looks(ClockWatch(), steps, simulated=simulated) == [False, True, False]


@pytest.mark.parametrize(('ahead_ms', 'noticed'), [(110, False), (140, True), (3_600_000, True)])
def test_wall_time_that_leaps_ahead_is_noticed(ahead_ms: int, noticed: bool) -> None:
    """More than a tenth of a second beyond what really passed; a little is a late look."""
    steps = [(20, 20), (ahead_ms, 20), (20, 20)]
    assert looks(ClockWatch(), steps, simulated=False) == [False, noticed, False]


def test_simulated_time_may_run_at_any_pace() -> None:
    """Fast, slow, and not at all while it is paused."""
    steps = [(2_000, 20), (2, 20), (0, 20), (0, 5_000), (2_000, 20)]
    assert not any(looks(ClockWatch(), steps, simulated=True))


def test_a_process_that_was_suspended_sees_both_clocks_move() -> None:
    """That is no jump; the filter notices the pause itself."""
    assert looks(ClockWatch(), [(20, 20), (7_000, 7_000)], simulated=False) == [False, False]


def test_the_jump_is_told_by_how_much() -> None:
    """Beyond the time that passed."""
    watch = ClockWatch()
    watch.jump_s(Instant(START_NS, 0), simulated=False)
    later = Instant(START_NS - 2_000 * MS, 20 * MS)
    assert watch.jump_s(later, simulated=False) == pytest.approx(-2.02)
