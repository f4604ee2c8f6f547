# SPDX-License-Identifier: Apache-2.0
"""What a depth camera sees becomes cubes to keep off, and stays so for as long as it may be there.

The camera looks down from 1.5 m on whatever boxes a test puts below it.
"""

import math
from collections import Counter
from pathlib import Path

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from test.vla_safety.collision.scenes import ROBOTS, an_arm
from vla_contract.errors import VlaError
from vla_contract.scene import DepthCamera
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    PlaneShape,
    Pose,
    SceneObject,
    SphereShape,
    VoxelShape,
)
from vla_safety.collision.solids import ArmBody, Solid, near_any, solids_of
from vla_safety.motion import NS
from vla_safety.surroundings import surroundings
from vla_safety.voxels import Lens, VoxelMap
from vla_sim.arm import COLLISION_GROUP
from vla_sim.simulator import Simulator

Depth = NDArray[np.uint16]
HEIGHT_M = 1.5
VOXEL = 0.04
LENS = Lens(160, 120, (150.0, 150.0), (79.5, 59.5))
RULE = DepthCamera(
    camera='above',
    position=(0.0, 0.0, HEIGHT_M),
    orientation=(1.0, 0.0, 0.0, 0.0),
    voxel=VOXEL,
    forget_s=1.0,
    reach=2.0,
)
TABLE = SceneObject('table', PlaneShape())


def a_block(x: float, y: float, top: float, edge: float = 0.1) -> SceneObject:
    """An upright block whose top is at a height."""
    at = Pose((x, y, top - edge / 2))
    return SceneObject(f'block {x} {y} {top}', BoxShape((edge, edge, edge)), at)


def picture(*blocks: SceneObject, floor: bool = True) -> Depth:
    """What the camera measures, to the millimetre."""
    rows, columns = np.indices((LENS.height, LENS.width))
    x = (columns - LENS.centre[0]) / LENS.focal[0]
    y = -(rows - LENS.centre[1]) / LENS.focal[1]
    depth = np.full(rows.shape, HEIGHT_M if floor else np.inf)
    for block in blocks:
        assert isinstance(block.shape, BoxShape)
        middle, half = np.array(block.pose.position), np.array(block.shape.size) / 2
        top = HEIGHT_M - middle[2] - half[2]
        hit = (abs(x * top - middle[0]) <= half[0]) & (abs(y * top - middle[1]) <= half[1])
        depth = np.where(hit, np.minimum(depth, top), depth)
    return np.asarray(np.where(np.isfinite(depth), np.rint(depth * 1000), 0), dtype=np.uint16)


NOTHING = np.zeros((LENS.height, LENS.width), dtype=np.uint16)


def a_map(**changes: object) -> VoxelMap:
    """A map that knows the table."""
    return VoxelMap(RULE.model_copy(update=changes), LENS, solids_of([TABLE]))


def after(seconds: float) -> int:
    """A time."""
    return round(seconds * NS)


def covers(found: VoxelMap, block: SceneObject) -> bool:
    """A cube holds the middle of the block's top."""
    assert isinstance(block.shape, BoxShape)
    x, y, z = block.pose.position
    top = np.array([x, y, z + block.shape.size[2] / 2 - 1e-3])
    return bool(
        len(found.cells) and (np.abs((found.cells + 0.5) * VOXEL - top).max(axis=1) < VOXEL).any()
    )


BLOCK = a_block(0.2, 0.1, 0.3)


def test_a_block_is_an_obstacle_from_the_first_picture_on() -> None:
    """Its cubes lie on its top, all of it, and nowhere else."""
    found = a_map()
    found.look(picture(BLOCK), (), 0)
    (seen,) = found.objects('camera')
    assert isinstance(seen.shape, VoxelShape)
    middles = (np.array(seen.shape.cells) + 0.5) * VOXEL
    (near,) = solids_of([BLOCK])
    assert near.near(middles.astype(np.float32), VOXEL).all()
    steps = np.linspace(-0.045, 0.045, 10)
    for x in steps:
        for y in steps:
            top = np.array([0.2 + x, 0.1 + y, 0.299])
            assert (np.abs(middles - top).max(axis=1) <= 0.75 * VOXEL).any()


def test_an_empty_table_is_no_obstacle() -> None:
    """It is known already, so that the arm may work on it."""
    found = a_map()
    found.look(picture(), (), 0)
    assert found.objects('camera') == ()


def test_a_table_that_nobody_described_is_one() -> None:
    """All that is seen is solid."""
    found = VoxelMap(RULE, LENS)
    found.look(picture(), (), 0)
    assert len(found.cells) > 500


def test_a_block_that_is_taken_away_is_free_at_once() -> None:
    """The camera looks through where it was, at the table."""
    found = a_map()
    found.look(picture(BLOCK), (), 0)
    found.look(picture(), (), after(0.2))
    assert not len(found.cells)


def test_a_block_that_flickers_stays() -> None:
    """Pictures without a measurement say nothing, for a while."""
    found = a_map()
    for step in range(10):
        found.look(picture(BLOCK) if step % 3 == 0 else NOTHING, (), after(0.2 * step))
        assert covers(found, BLOCK)


def test_a_block_that_is_not_seen_again_is_forgotten() -> None:
    """After ``forget_s``, and not before."""
    found = a_map()
    found.look(picture(BLOCK), (), 0)
    found.look(NOTHING, (), after(0.9))
    assert covers(found, BLOCK)
    found.look(NOTHING, (), after(1.1))
    assert not len(found.cells)


def test_a_block_that_is_hidden_stays() -> None:
    """However long something stands before it; then it is seen again, or seen to be gone."""
    found = a_map()
    before = a_block(0.16, 0.08, 0.7, edge=0.3)
    found.look(picture(BLOCK), (), 0)
    for seconds in range(1, 10):
        found.look(picture(BLOCK, before), (), after(seconds))
    assert covers(found, BLOCK)
    found.look(picture(), (), after(10))
    assert not len(found.cells)


def test_the_arm_in_between_hides_and_is_no_obstacle() -> None:
    """It passes above the block, and stays there."""
    found = a_map()
    arm_block = a_block(0.16, 0.08, 0.7, edge=0.3)
    found.look(picture(BLOCK), (), 0)
    for seconds in range(1, 5):
        found.look(picture(BLOCK, arm_block), solids_of([arm_block]), after(seconds))
        assert covers(found, BLOCK)
        assert not covers(found, arm_block)


def test_a_block_beside_the_arm_is_not_taken_for_the_arm_once_it_was_seen() -> None:
    """Its points are the arm's now, and yet it has not gone."""
    found = a_map()
    finger = a_block(0.2, 0.1, 0.36, edge=0.04)
    found.look(picture(BLOCK), (), 0)
    for seconds in range(1, 5):
        found.look(picture(BLOCK, finger), solids_of([finger]), after(seconds))
    assert covers(found, BLOCK)


def test_what_the_arm_carries_is_the_arm() -> None:
    """A grasped box is no obstacle to the hand that holds it."""
    arm = an_arm()
    body = ArmBody(arm)
    posture = body.layout.posture(np.array(arm.robot.home))
    held = AttachedObject('box', BoxShape((0.05, 0.05, 0.1)), 'tool0', Pose((0.0, 0.0, 0.3)))
    x, y, z = (body.link_pose(posture, 'tool0').act(np.array([0.0, 0.0, 0.3]))).tolist()
    place = np.array([[x, y, z]], dtype=np.float32)
    assert near_any(body.solids(posture, (held,)), place, 0.0).all()
    assert not near_any(body.solids(posture), place, 0.0).any()


def test_a_few_points_are_noise() -> None:
    """Fewer than ``points`` in a cube make none."""
    found = a_map(points=5)
    depth = picture()
    depth[60, 80:84] = 800
    found.look(depth, (), 0)
    assert not len(found.cells)
    depth[61, 80:84] = 800
    found.look(depth, (), 0)
    assert len(found.cells)


def test_what_is_out_of_reach_is_left_out() -> None:
    """Far points are few and vague."""
    found = VoxelMap(RULE.model_copy(update={'reach': 1.3}), LENS)
    found.look(picture(BLOCK), (), 0)
    assert covers(found, BLOCK)
    assert found.cells[:, 2].min() * VOXEL > 0.1


def test_large_pictures_are_thinned_and_lose_no_pole() -> None:
    """One column of pixels of a large picture, which leaving pixels out could miss."""
    lens = Lens(1280, 960, (1200.0, 1200.0), (639.5, 479.5))
    found = VoxelMap(RULE, lens, solids_of([TABLE]))
    depth = np.full((960, 1280), 1500, dtype=np.uint16)
    depth[:, 641] = 1000
    found.look(depth, (), 0)
    poles = found.cells[found.cells[:, 2] == 12]
    assert len(poles) >= 18
    assert set(poles[:, 0].tolist()) == {0}


@settings(max_examples=40)
@given(hnp.arrays(np.uint16, (12, 16), elements=st.integers(0, 3000)))
def test_cubes_are_those_with_enough_points(depth: Depth) -> None:
    """Counted one by one, for whatever picture."""
    lens = Lens(16, 12, (14.0, 15.0), (7.0, 6.5))
    turn = (0.5, -0.5, 0.5, -0.5)
    rule = RULE.model_copy(update={'voxel': 0.3, 'points': 2, 'orientation': turn})
    found = VoxelMap(rule, lens)
    found.look(depth, (), 0)
    counted: Counter[tuple[int, ...]] = Counter()
    for row, column in np.ndindex(12, 16):
        z = depth[row, column] / 1000
        ray = np.array([(column - 7.0) / 14.0, (row - 6.5) / 15.0, 1.0]) * z
        if z == 0 or np.linalg.norm(ray) > rule.reach - 2e-3:
            continue
        point = np.array([ray[2], -ray[0], HEIGHT_M - ray[1]])
        if np.abs(point / 0.3 - np.rint(point / 0.3)).min() > 1e-4:
            counted[tuple(np.floor(point / 0.3).astype(int).tolist())] += 1
    wanted = {cell for cell, count in counted.items() if count >= 2}
    assert wanted <= {tuple(cell) for cell in found.cells.tolist()}


def test_cubes_too_fine_for_their_number_are_refused() -> None:
    """Before the memory is full."""
    with pytest.raises(VlaError, match='make voxel greater'):
        VoxelMap(RULE.model_copy(update={'voxel': 0.002}), LENS)


def test_a_picture_of_another_size_is_refused() -> None:
    """Its rays would go elsewhere."""
    with pytest.raises(VlaError, match='16 x 12'):
        a_map().look(np.zeros((12, 16), dtype=np.uint16), (), 0)


@pytest.mark.parametrize('focal', [(0.0, 150.0), (math.nan, 150.0), (150.0, math.inf)])
def test_a_camera_that_was_never_calibrated_is_refused(focal: tuple[float, float]) -> None:
    """Drivers send zeros."""
    with pytest.raises(VlaError, match='no camera'):
        Lens(160, 120, focal, (79.5, 59.5))


@pytest.mark.parametrize(
    'thing',
    [
        SceneObject('box', BoxShape((0.2, 0.3, 0.4)), Pose((0.1, 0.2, 0.3), (0.5, 0.5, 0.5, 0.5))),
        SceneObject('ball', SphereShape(0.2), Pose((0.1, 0.2, 0.3))),
        TABLE,
    ],
)
def test_distances_of_points_are_those_of_the_shapes(thing: SceneObject) -> None:
    """A point is near a solid if a tiny ball there would be."""
    rng = np.random.default_rng(4)
    points = rng.uniform(-0.6, 0.6, (2000, 3)).astype(np.float32)
    (solid,) = solids_of([thing])
    found = solid.near(points, 0.05)
    if isinstance(thing.shape, PlaneShape):
        wanted = points[:, 2] <= 0.05
    elif isinstance(thing.shape, SphereShape):
        wanted = np.linalg.norm(points - thing.pose.position, axis=1) <= 0.25
    else:
        local = (points - np.array(thing.pose.position)) @ solid.pose.rotation
        beyond = np.maximum(np.abs(local) - np.array([0.1, 0.15, 0.2]), 0)
        wanted = np.linalg.norm(beyond, axis=1) <= 0.05
    assert (found != wanted).mean() < 0.002
    assert 0 < found.sum() < len(points)


@pytest.fixture(scope='module')
def rendered() -> tuple[VoxelMap, list[Solid], Simulator]:
    """The simulated arm and its objects, by a real renderer."""
    path = Path(ROBOTS / 'sim_ur5e.yaml')
    arm = an_arm()
    simulator = Simulator(arm.robot, path, 3, '')
    snapshot, options = simulator.snapshot(), mujoco.MjvOption()
    options.geomgroup[COLLISION_GROUP] = 0
    data = mujoco.MjData(snapshot.model)
    data.qpos[:] = snapshot.positions
    mujoco.mj_kinematics(snapshot.model, data)
    mujoco.mj_camlight(snapshot.model, data)
    with mujoco.Renderer(snapshot.model, 480, 640) as renderer:
        renderer.enable_depth_rendering()
        renderer.update_scene(data, camera='scene', scene_option=options)
        depth = np.rint(np.clip(renderer.render() * 1000, 0, 65535)).astype(np.uint16)
    position, turn = simulator.camera_pose('scene')
    rule = DepthCamera.model_validate(
        {
            'camera': 'scene',
            'position': tuple(position.tolist()),
            'orientation': tuple(turn.tolist()),
            'own_margin': 0.06,
            'points': 10,
        }
    )
    focal = 240 / math.tan(simulator.field_of_view('scene') / 2)
    lens = Lens(640, 480, (focal, focal), (319.5, 239.5))
    body = ArmBody(arm)
    solids = body.solids(body.layout.posture(np.array(arm.robot.home)))
    found = VoxelMap(rule, lens, solids_of(surroundings(arm.robot, path)))
    found.look(depth, solids, 0)
    return found, list(solids), simulator


def test_every_object_on_the_table_is_seen(
    rendered: tuple[VoxelMap, list[Solid], Simulator],
) -> None:
    """By a real renderer: each has a cube within its reach, the table has none."""
    found, _, simulator = rendered
    middles = (found.cells + 0.5) * VOXEL
    for body in simulator.world().bodies:
        assert (np.linalg.norm(middles - body.position, axis=1) < 0.08).any(), body.name
    over = middles[np.abs(middles[:, 0] - 0.4) < 0.3]
    assert len(over) < 80


def test_no_cube_is_on_the_arm(rendered: tuple[VoxelMap, list[Solid], Simulator]) -> None:
    """Which would stop it for its own sake."""
    found, solids, _ = rendered
    middles = ((found.cells + 0.5) * VOXEL).astype(np.float32)
    assert not near_any(solids, middles, 0.02).any()
