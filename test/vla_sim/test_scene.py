# SPDX-License-Identifier: Apache-2.0
"""Scenes drawn from seeds."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_contract.errors import VlaError
from vla_sim.scene import (
    FINGER_GAP,
    REACH,
    TABLE,
    Area,
    Need,
    Scene,
    Thing,
    draw_scene,
    footprint,
)
from vla_sim.tasks.instruction import FAMILIES, draw_task

seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, family: str = '') -> tuple[tuple[Need, ...], Scene]:
    """The needs of a task drawn from a seed, and a scene for it."""
    rng = np.random.default_rng(seed)
    needs = draw_task(rng, family).needs()
    return needs, draw_scene(rng, needs)


@given(seed=seeds)
def test_a_seed_always_gives_the_same_scene(seed: int) -> None:
    """Episodes can be repeated."""
    assert drawn(seed) == drawn(seed)


@settings(max_examples=200, deadline=None)
@given(seed=seeds, family=st.sampled_from(FAMILIES))
def test_objects_leave_room_for_fingers_and_are_within_reach(seed: int, family: str) -> None:
    """Whatever the seed, and whatever the task."""
    _, scene = drawn(seed, family)
    for item in scene.items:
        assert REACH[0] <= math.hypot(item.x, item.y) <= REACH[1]
        assert TABLE.distance(item.x, item.y) == 0.0
    for a, b in itertools.combinations(scene.items, 2):
        gap = math.hypot(a.x - b.x, a.y - b.y) - footprint(a.thing.shape) - footprint(b.thing.shape)
        assert gap >= FINGER_GAP


@settings(max_examples=200, deadline=None)
@given(seed=seeds, family=st.sampled_from(FAMILIES))
def test_a_scene_has_what_its_task_needs_where_it_needs_it(seed: int, family: str) -> None:
    """Each needed object once, in its area, and nothing else where the way must be free."""
    needs, scene = drawn(seed, family)
    things = [item.thing for item in scene.items]
    assert len(set(things)) == len(things)
    for need in needs:
        (own,) = (item for item in scene.items if item.thing == need.thing)
        assert need.area.distance(own.x, own.y) == 0.0
        if need.clear is not None:
            for other in scene.items:
                free = need.clear.distance(other.x, other.y) >= footprint(other.thing.shape)
                assert other == own or free


def test_needs_that_leave_no_room_are_refused_by_name() -> None:
    """The error names the objects."""
    corner = Area((0.4, 0.41), (0.0, 0.01))
    needs = tuple(Need(Thing(colour, 'cube'), corner) for colour in ('red', 'blue'))
    with pytest.raises(VlaError, match='red cube, blue cube'):
        draw_scene(np.random.default_rng(0), needs)
