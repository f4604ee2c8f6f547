# SPDX-License-Identifier: Apache-2.0
"""Voxels are judged as the boxes that they are, and an object that fails leaves all as it was."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from test.vla_safety.collision.scenes import a_box, home, random_postures, tool_point
from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import Margin
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    Cell,
    MeshShape,
    Pose,
    SceneObject,
    SphereShape,
    VoxelShape,
)
from vla_safety.collision.voxel_boxes import boxes_of

EDGE = 0.05
CELLS = st.sets(st.tuples(*[st.integers(-3, 3)] * 3), min_size=1, max_size=60)


def some_cells(count: int) -> tuple[Cell, ...]:
    """Cells all around the arm, in small heaps."""
    rng = np.random.default_rng(2)
    heaps = rng.integers(-16, 16, (count, 1, 3)) + np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]])
    return tuple(sorted({(i, j, k) for i, j, k in heaps.reshape(-1, 3).tolist()}))


def test_voxels_and_boxes_are_judged_alike(arm: Arm, checker: EmbeddedChecker) -> None:
    """Free or not at any margin, standing or travelling, and how near."""
    cells = some_cells(40)
    other = EmbeddedChecker(arm)
    pose = Pose((0.01, 0.02, 0.0), (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5)))
    checker.set_scene([SceneObject('seen', VoxelShape(EDGE, cells), pose)])
    turned = [(-y, x, z) for x, y, z in (np.array(cells) + 0.5) * EDGE]
    other.set_scene(
        [
            SceneObject(f'{k}', BoxShape((EDGE,) * 3), Pose((x + 0.01, y + 0.02, z)))
            for k, (x, y, z) in enumerate(turned)
        ]
    )
    free = 0
    for posture in random_postures(arm, checker, 150):
        for margin in (Margin(0.0), Margin(0.03)):
            for travel in (None, np.full(len(posture), 0.01)):
                verdict = checker.is_free(posture, margin, travel)
                assert verdict == other.is_free(posture, margin, travel)
                free += verdict
        ours, theirs = (c.clearance(posture, own=False) for c in (checker, other))
        assert ours is not None
        assert theirs is not None
        if theirs.distance_m > 0:
            assert ours.distance_m == pytest.approx(theirs.distance_m, abs=1e-5)
        mine, those = (
            [found for found in c.contacts(posture) if not found.own] for c in (checker, other)
        )
        assert bool(mine) == bool(those)
    assert free > 50


@settings(max_examples=60)
@given(CELLS)
def test_boxes_hold_each_cell_once_and_nothing_else(cells: set[Cell]) -> None:
    """No hole is filled and no cell lost, in no more boxes than cells."""
    low, high = boxes_of(np.array(sorted(cells)))
    held = [
        tuple(int(v) for v in np.array(corner) + offset)
        for corner, size in zip(low, high - low, strict=True)
        for offset in np.ndindex(*size)
    ]
    assert sorted(held) == sorted(cells)
    assert len(low) <= len(cells)


def test_a_block_of_cells_is_one_box() -> None:
    """Which is what a wall looks like."""
    low, high = boxes_of(np.array(list(np.ndindex(4, 5, 6))))
    assert low.tolist() == [[0, 0, 0]]
    assert high.tolist() == [[4, 5, 6]]


@pytest.mark.parametrize(
    ('cells', 'edge', 'said'),
    [
        ((), EDGE, 'without any cell'),
        (((0, 0, 0),), 0.0, 'above 0'),
        (((0, 0, 1 << 15),), 1e-3, '32767 cells'),
        (((0, 0, 10_000),), 1.0, '1000 cells'),
    ],
)
def test_voxels_that_no_grid_holds_are_refused(
    cells: tuple[Cell, ...], edge: float, said: str
) -> None:
    """An octree would take them for others."""
    with pytest.raises(VlaError, match=said):
        VoxelShape(edge, cells)


def test_voxels_cannot_be_carried() -> None:
    """What a camera saw hangs on nothing."""
    with pytest.raises(VlaError, match='voxels'):
        AttachedObject('cloud', VoxelShape(EDGE, ((0, 0, 0),)), 'tool0')


def test_a_scene_with_a_mesh_that_is_none_changes_nothing(
    arm: Arm, checker: EmbeddedChecker, tmp_path: Path
) -> None:
    """What stood there still does, however often the bad scene is given."""
    posture = home(checker, arm)
    place = tool_point(arm, np.array(arm.robot.home))
    checker.set_scene([a_box('crate', place, 0.15)])
    broken = tmp_path / 'broken.stl'
    broken.write_bytes(b'solid nothing\nendsolid nothing\n')
    for _ in range(2):
        with pytest.raises(VlaError):
            checker.set_scene([SceneObject('thing', MeshShape(broken))])
        with pytest.raises(VlaError):
            checker.attach(AttachedObject('thing', MeshShape(broken), 'tool0'))
        assert any(found.second == 'crate' for found in checker.contacts(posture))
    checker.set_scene([SceneObject('ball', SphereShape(0.01), Pose((0.0, 0.0, 2.0)))])
    assert checker.is_free(posture)
