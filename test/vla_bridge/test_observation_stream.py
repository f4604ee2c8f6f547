# SPDX-License-Identifier: Apache-2.0
"""One stream keeps its newest samples in order of capture and says when none of them counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import JointState

from vla_bridge.observation.stream import NoObservationError, Now, Stream

MESSAGE = JointState()
MS = 10**6


def stream(capacity: int = 4) -> Stream:
    """Samples count for 0.3 s."""
    return Stream('camera c', 0.3, capacity)


def now(ms: int) -> Now:
    """Both clocks agree."""
    return Now(ms * MS, ms * MS)


def stamps(found: Stream) -> list[int]:
    """What is kept [ms], oldest first."""
    return sorted(sample.stamp_ns // MS for sample in found.around(0, 10**18))


@given(st.lists(st.integers(900, 1000), max_size=20))
def test_it_keeps_the_newest_by_capture_whatever_the_order(arrivals: list[int]) -> None:
    """Each stamp once."""
    found = stream()
    for ms in arrivals:
        found.add(ms * MS, now(1000), MESSAGE)
    assert stamps(found) == sorted(set(arrivals))[-4:]
    assert (found.newest is None) == (not arrivals)


def test_the_same_stamp_again_replaces_the_sample() -> None:
    """A driver that repeats itself has its last word."""
    found = stream()
    again = JointState(name=['again'])
    found.add(MS, now(1), MESSAGE)
    found.add(MS, now(2), again)
    assert found.nearest(0).message is again


def test_parts_of_the_same_stamp_are_kept_beside_each_other() -> None:
    """Two drivers that share a clock each have their say; the newest comes first."""
    found = Stream('joint states', 0.3, 3, parts=True)
    parts = [JointState(name=[name]) for name in ('arm', 'finger', 'arm')]
    for part in parts:
        found.add(MS, now(1), part)
    assert [sample.message for sample in found.around(MS, 0)] == parts[::-1]
    found.add(2 * MS, now(2), MESSAGE)
    assert stamps(found) == [1, 1, 2]


def test_around_gives_earlier_ones_first_and_the_nearest_of_them_first() -> None:
    """Then those after, within the window only."""
    found = stream(capacity=9)
    for ms in (10, 20, 30, 40, 50):
        found.add(ms * MS, now(50), MESSAGE)
    order = [sample.stamp_ns // MS for sample in found.around(35 * MS, 15 * MS)]
    assert order == [30, 20, 40, 50]
    assert found.nearest(34 * MS).stamp_ns == 30 * MS


def test_a_clock_set_back_does_not_hide_what_comes_after() -> None:
    """Old stamps that are higher are forgotten once they have stopped coming."""
    found = stream()
    found.add(1050 * MS, now(1000), MESSAGE)
    for ms in range(1010, 1400, 10):
        found.add((ms - 500) * MS, now(ms), MESSAGE)
    assert max(stamps(found)) == 890


def test_a_good_message_makes_up_for_a_refused_one() -> None:
    """Until it comes, the older samples do not count."""
    found = stream()
    found.add(1000 * MS, now(1000), MESSAGE)
    found.add(1101 * MS, now(1000), MESSAGE)
    with pytest.raises(NoObservationError, match=r'stamped 0\.101 s ahead') as error:
        found.require_newest(now(1000))
    assert error.value.cause == 'future'
    found.add(1100 * MS, now(1000), MESSAGE)
    assert found.require_newest(now(1000)).stamp_ns == 1100 * MS


@pytest.mark.parametrize(
    ('moment', 'fresh'),
    [
        (Now(1300 * MS, 1300 * MS), True),
        (Now(1301 * MS, 1000 * MS), False),
        (Now(1000 * MS, 1301 * MS), False),
    ],
)
def test_age_counts_by_both_clocks(moment: Now, fresh: bool) -> None:
    """By stamp, since old data may come late; by arrival, since a simulated clock may stop."""
    found = stream()
    found.add(1000 * MS, now(1000), MESSAGE)
    if fresh:
        found.require_newest(moment)
        return
    with pytest.raises(NoObservationError, match=r'camera c: 0\.301 s old, at most 0\.3 s'):
        found.require_newest(moment)
