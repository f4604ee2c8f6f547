# SPDX-License-Identifier: Apache-2.0
"""An observation is complete, fresh and consistent, or there is none and a reason why."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vla_control.msg import GroundTruth

from test.vla_bridge.observation_bench import (
    NAN,
    Feed,
    now,
    observe,
    picture,
    reason,
    stamps_ms,
)
from vla_bridge.observation.stream import NoObservationError
from vla_contract.errors import VlaError


def test_a_complete_set_becomes_an_observation() -> None:
    """Images by the policy's keys, state in its order, everything with its time."""
    feed = Feed()
    feed.joints(0.99)
    feed.image('a', 1.0, grey=10)
    feed.image('b', 1.01, grey=20)
    found = observe(feed.assembler, now(1.02))
    assert (found.task_id, found.instruction, found.world) == ('id', 'do it', None)
    assert found.stamp_ns == 1_010_000_000
    assert stamps_ms(found) == {'image.a': 1000, 'image.b': 1010, 'state': 990}
    np.testing.assert_array_equal(found.images['image.a'], np.full((2, 4, 3), 10))
    np.testing.assert_array_equal(found.images['image.b'], np.full((2, 4, 3), 20))
    np.testing.assert_allclose(found.state, [0.1, 0.2, 0.25])


@pytest.mark.parametrize('missing', ['a', 'b', 'joints'])
def test_a_stream_that_never_came_is_named(missing: str) -> None:
    """There is no observation and no black frame, but a name."""
    feed = Feed()
    for camera in {'a', 'b'} - {missing}:
        feed.image(camera, 1.0)
    if missing != 'joints':
        feed.joints(1.0)
    cause, words = reason(feed.assembler, now(1.0))
    assert cause == 'missing'
    assert words.startswith(
        'joint states (joint_states)' if missing == 'joints' else 'camera ' + missing
    )


@pytest.mark.parametrize('by', ['stamp', 'arrival'])
def test_a_stale_camera_gives_no_observation_and_says_which(by: str) -> None:
    """Old by its stamp, or not arriving any more while the simulation's clock stands still."""
    feed = Feed()
    late = now(1.4) if by == 'stamp' else now(1.0, steady=1.4)
    feed.image('a', 1.0)
    feed.image('b', 1.3, late)
    feed.joints(1.35, late)
    cause, words = reason(feed.assembler, late)
    assert cause == 'stale'
    assert words == 'camera a (a/image): 0.400 s old, at most 0.3 s is allowed'


def test_stale_joint_states_give_no_observation() -> None:
    """Their age limit is their own."""
    feed = Feed()
    feed.joints(1.0)
    feed.image('a', 1.05)
    feed.image('b', 1.05)
    cause, words = reason(feed.assembler, now(1.15))
    assert (cause, words) == (
        'stale',
        'joint states (joint_states): 0.150 s old, at most 0.1 s is allowed',
    )


def test_images_too_far_apart_are_no_set() -> None:
    """Both are fresh, but they show different moments."""
    feed = Feed()
    feed.image('a', 1.0)
    feed.image('b', 1.15)
    feed.joints(1.15)
    cause, words = reason(feed.assembler, now(1.16))
    assert cause == 'skew'
    assert words.startswith('camera a (a/image): 0.150 s from the newest part')


def test_the_slowest_camera_sets_the_moment() -> None:
    """From the faster one comes the picture nearest to it, not its newest."""
    feed = Feed()
    feed.image('a', 1.0)
    for stamp in (0.98, 1.01, 1.04, 1.07):
        feed.image('b', stamp)
    feed.joints(1.07)
    feed.joints(1.005)
    found = observe(feed.assembler, now(1.07))
    assert stamps_ms(found) == {'image.a': 1000, 'image.b': 1010, 'state': 1005}


def test_the_state_is_that_of_the_picture() -> None:
    """A camera that takes 100 ms to deliver is not paired with where the arm is by then."""
    feed = Feed()
    for tick in range(20):
        stamp = 1.0 + tick * 0.01
        feed.joints(stamp, turn=stamp, lift=0.0, finger=0.0)
    feed.image('a', 1.052, now(1.19))
    feed.image('b', 1.052, now(1.19))
    assert observe(feed.assembler, now(1.19)).state[0] == pytest.approx(1.05)


def test_a_state_that_is_measured_just_after_the_picture_will_do() -> None:
    """Where there is none before, as after start-up."""
    feed = Feed()
    feed.image('a', 1.0)
    feed.image('b', 1.0)
    feed.joints(1.01)
    assert stamps_ms(observe(feed.assembler, now(1.01)))['state'] == 1000


def test_partial_joint_states_are_merged_by_name() -> None:
    """Parts that come apart, even of one stamp; the state is as old as its oldest part."""
    feed = Feed()
    feed.image('a', 1.0)
    feed.image('b', 1.0)
    feed.joints(0.95, finger=0.04)
    feed.joints(0.98, turn=0.5, lift=0.0)
    feed.joints(0.99, lift=0.6)
    feed.joints(0.99, turn=0.7)
    found = observe(feed.assembler, now(1.0))
    np.testing.assert_allclose([*found.state, found.state_stamp_ns], [0.7, 0.6, 1.0, 0.95e9])


def test_a_joint_that_falls_silent_is_named() -> None:
    """The topic is alive, but the gripper's driver is not."""
    feed = Feed()
    feed.joints(0.5, finger=0.04)
    for tick in range(20):
        feed.joints(0.82 + tick * 0.01, turn=0.5, lift=0.0)
    feed.image('a', 1.0)
    feed.image('b', 1.0)
    cause, words = reason(feed.assembler, now(1.01))
    assert cause == "without ['finger']"
    assert 'no position of finger within 0.1 s' in words


def test_a_nan_joint_is_refused_until_a_good_one_comes() -> None:
    """The value before it is not used in its stead."""
    feed = Feed()
    feed.image('a', 1.0)
    feed.image('b', 1.0)
    feed.joints(0.99)
    feed.joints(1.0, turn=NAN, lift=0.0, finger=0.0)
    with pytest.raises(VlaError, match='joint_states: position of turn is nan'):
        observe(feed.assembler, now(1.0))
    feed.joints(1.01)
    feed.image('a', 1.02)
    feed.image('b', 1.02)
    observe(feed.assembler, now(1.02))


def test_a_stamp_from_the_future_is_refused() -> None:
    """A camera whose clock is ahead is named; one in step makes up for it."""
    feed = Feed()
    feed.joints(1.0)
    feed.image('b', 1.0)
    feed.image('a', 1.5, now(1.0))
    cause, words = reason(feed.assembler, now(1.0))
    assert cause == 'future'
    assert words.startswith('camera a (a/image): stamped 0.500 s ahead of our clock')
    feed.image('a', 1.0)
    observe(feed.assembler, now(1.0))


def test_an_impossible_stamp_is_refused() -> None:
    """A broken driver is named and harms nothing else."""
    feed = Feed()
    feed.joints(1.0)
    feed.image('b', 1.0)
    feed.image('a', -1.0, now(1.0))
    cause, words = reason(feed.assembler, now(1.0))
    assert cause == 'stamp'
    assert 'camera a (a/image): header: stamp has sec -1' in words


def test_a_clock_that_goes_back_drops_everything() -> None:
    """After a reset of the simulation no picture of the old world is left."""
    feed = Feed()
    feed.joints(100.0)
    feed.image('a', 100.0)
    feed.image('b', 100.0)
    observe(feed.assembler, now(100.0))
    feed.joints(1.0)
    assert reason(feed.assembler, now(1.0))[0] == 'missing'
    assert not feed.image('a', 1.0)
    assert feed.image('b', 1.0)
    assert observe(feed.assembler, now(1.0)).stamp_ns == 10**9


def test_a_newer_set_is_announced_when_the_last_camera_comes() -> None:
    """Once a set: not for each of two cameras, and not for joint states."""
    feed = Feed()
    feed.joints(1.0)
    assert not feed.image('a', 1.0)
    assert feed.image('b', 1.001)
    assert not feed.joints(1.01)
    assert not feed.image('a', 1.05)
    assert feed.image('b', 1.051)


def test_a_policy_without_images_gets_every_state() -> None:
    """The newest one, announced each time, also where it is the rest of one."""
    feed = Feed(images=[])
    assert feed.joints(1.0)
    assert feed.joints(1.01, turn=0.3, lift=0.0, finger=0.0)
    found = observe(feed.assembler, now(1.02))
    assert (found.stamp_ns, found.state_stamp_ns, found.state[0]) == (101 * 10**7, 101 * 10**7, 0.3)
    assert feed.joints(1.02, turn=0.4, lift=0.0)
    assert feed.joints(1.02, finger=0.04)
    np.testing.assert_allclose(observe(feed.assembler, now(1.02)).state, [0.4, 0.0, 1.0])
    assert feed.assembler.cameras == {}


def test_a_policy_without_a_state_needs_no_joint_states() -> None:
    """Its state is empty; but one without images as well would never be asked."""
    feed = Feed(state={})
    assert [feed.image(camera, 1.0) for camera in ('a', 'b')] == [False, True]
    assert observe(feed.assembler, now(1.0)).state.shape == (0,)
    with pytest.raises(VlaError, match='policy p takes neither images nor a state'):
        Feed(images=[], state={})


def test_one_camera_can_serve_two_sizes() -> None:
    """Each key gets its own."""
    feed = Feed(
        images=[
            {'key': 'small', 'camera': 'a', 'width': 2, 'height': 1},
            {'key': 'full', 'camera': 'a', 'width': 4, 'height': 2},
        ]
    )
    feed.joints(1.0)
    assert feed.image('a', 1.0)
    shapes = {k: v.shape for k, v in observe(feed.assembler, now(1.0)).images.items()}
    assert shapes == {'small': (1, 2, 3), 'full': (2, 4, 3)}


def test_ground_truth_is_part_of_the_set_where_asked_for() -> None:
    """Missing, it is named; present, it must be of the same moment."""
    feed = Feed(images=[], ground_truth=True)
    feed.joints(1.0)
    assert reason(feed.assembler, now(1.0))[1].startswith('ground truth (truth): nothing')
    truth = GroundTruth(held='cube')
    truth.header.stamp.nanosec = 980_000_000
    assert not feed.assembler.add_truth(truth, now(1.0))
    world = observe(feed.assembler, now(1.0)).world
    assert world is not None
    assert (world.held, world.stamp_ns) == ('cube', 980_000_000)
    feed.joints(1.2)
    assert reason(feed.assembler, now(1.2))[0] == 'skew'


def test_images_are_decoded_only_when_used() -> None:
    """A picture that cannot be decoded does no harm once there is a newer one."""
    feed = Feed()
    feed.joints(1.0)
    feed.image('b', 1.0)
    broken = picture(1.0)
    broken.encoding = 'jpeg'
    feed.assembler.add_image('a', broken, now(1.0))
    feed.assembler.check(now(1.0))
    with pytest.raises(VlaError, match="a/image: expected encoding rgb8, found 'jpeg'"):
        observe(feed.assembler, now(1.0))
    feed.image('a', 1.01)
    feed.image('b', 1.01)
    observe(feed.assembler, now(1.01))


arrivals = st.lists(
    st.tuples(st.sampled_from(['a', 'b', 'joints']), st.integers(0, 40), st.integers(0, 15)),
    max_size=40,
)


@given(arrivals)
def test_every_observation_keeps_the_limits(events: list[tuple[str, int, int]]) -> None:
    """Whatever comes in whatever order, ages and skew of what comes out are within bounds."""
    feed = Feed()
    clock = 10.0
    for stream, wait, latency in events:
        clock += wait / 100
        stamp = clock - latency / 100
        if stream == 'joints':
            feed.joints(stamp, now(clock))
        else:
            feed.image(stream, stamp, now(clock))
        try:
            found = observe(feed.assembler, now(clock))
        except NoObservationError:
            continue
        stamps = [*found.image_stamps_ns.values(), found.state_stamp_ns]
        assert max(stamps) - min(stamps) <= 100_000_000
        assert min(found.image_stamps_ns.values()) >= round(clock * 1e9) - 300_000_001


def test_a_policy_of_two_rates_gets_the_newest_state_with_the_newest_picture() -> None:
    """Its head acts on states that are newer than any picture, at the rate in which they come."""
    feed = Feed(execution={'strategy': 'dual_rate'})
    assert feed.joints(0.99)
    feed.image('a', 1.0, grey=10)
    feed.image('b', 1.01, grey=20)
    first = observe(feed.assembler, now(1.02))
    assert feed.joints(1.05, turn=0.3, lift=0.2, finger=0.01)
    second = observe(feed.assembler, now(1.05))
    assert (first.stamp_ns, second.stamp_ns) == (1_010_000_000, 1_010_000_000)
    assert (first.state_stamp_ns, second.state_stamp_ns) == (990_000_000, 1_050_000_000)
    assert first.state[0] != second.state[0]
    assert second.images['image.a'] is first.images['image.a']
    assert not feed.image('a', 1.1, grey=30)
    assert not feed.image('b', 1.1, grey=30)
    third = observe(feed.assembler, now(1.1))
    assert third.stamp_ns == 1_100_000_000
    assert third.images['image.a'][0, 0, 0] == 30
