# SPDX-License-Identifier: Apache-2.0
"""The simulated world: the arm on a table, objects, lights and cameras, as one MuJoCo model."""

from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_sim.arm import PHYSICS_STEP_S, VISUAL_GROUP, load_arm
from vla_sim.objects import add_item
from vla_sim.obstacles import add_obstacles
from vla_sim.scene import SIDE_LINE_Y, Scene
from vla_sim.setting import USUAL, Look, Triple, turned

SCENE_FRAME = 'scene_camera_optical_frame'
HALF_TURN = (0.0, 1.0, 0.0, 0.0)
"""About x: between an optical frame (z forward, y down) and MuJoCo's camera (z back, y up)."""
SCENE_FOVY_DEG = 47.0
WRIST_FOVY_DEG = 75.0

_TABLE_X = (-0.28, 0.92)
_TABLE_Y = (-0.62, 0.62)
_TABLE_THICKNESS = 0.04
_FLOOR_Z = -0.74
_ROOM_HALF = 2.6
_SLAB = 0.02
_FLOOR_RGBA = (0.46, 0.49, 0.53, 1.0)
_WALL_RGBA = (0.80, 0.83, 0.87, 1.0)
_EYE = (1.26, 0.60, 0.70)
_LOOK_AT = (0.27, 0.0, 0.17)


def build_world(
    robot: Robot, robot_path: Path, scene: Scene, look: Look = USUAL.look
) -> mujoco.MjModel:
    """Put the arm, the table and a scene together."""
    spec = load_arm(robot, robot_path)
    _set_options(spec, robot, look)
    _add_room(spec, look)
    _add_table(spec, look)
    add_obstacles(spec, robot, robot_path)
    _add_cameras(spec, robot, robot_path, look)
    for item in scene.items:
        add_item(spec, item)
    return spec.compile()


def _set_options(spec: mujoco.MjSpec, robot: Robot, look: Look) -> None:
    """Steps and solver that hold a gripped object without creep; cheap and even light.

    The drawing buffer is as large as the largest camera: all of it is cleared for every picture.
    """
    option = spec.option
    option.timestep = PHYSICS_STEP_S
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0
    option.noslip_iterations = 3
    visual = spec.visual
    visual.quality.offsamples = 0
    visual.quality.numslices = 24
    visual.quality.numstacks = 6
    visual.quality.numquads = 1
    visual.global_.offwidth = max((camera.width for camera in robot.cameras), default=640)
    visual.global_.offheight = max((camera.height for camera in robot.cameras), default=480)
    visual.headlight.ambient = _lit((0.36, 0.37, 0.39), look)
    visual.headlight.diffuse = _lit((0.16, 0.16, 0.16), look)
    visual.headlight.specular = (0.0, 0.0, 0.0)
    spec.stat.extent = 1.0
    visual.map.znear = 0.01
    visual.map.zfar = 12.0


def _add_room(spec: mujoco.MjSpec, look: Look) -> None:
    """A floor and plain walls, cheaper to draw than a sky, and two lamps that cast no shadow."""
    spec.worldbody.add_geom(
        name='floor',
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=(_ROOM_HALF, _ROOM_HALF, _SLAB),
        pos=(0.0, 0.0, _FLOOR_Z - _SLAB),
        rgba=_FLOOR_RGBA,
        group=VISUAL_GROUP,
    )
    far, middle = _ROOM_HALF + _SLAB, _FLOOR_Z + _ROOM_HALF
    for side in (-1, 1):
        across = (_SLAB, _ROOM_HALF, _ROOM_HALF)
        _add_paint(spec, (side * far, 0.0, middle), across, _WALL_RGBA)
        along = (_ROOM_HALF, _SLAB, _ROOM_HALF)
        _add_paint(spec, (0.0, side * far, middle), along, _WALL_RGBA)
    turn = turned((0.0, 0.0, look.light_turn))
    for east, north, strength in ((1.2, -1.5, 0.45), (-0.8, 1.6, 0.22)):
        x, y, _ = map(float, turn @ (east, north, 0.0))
        spec.worldbody.add_light(
            pos=(x, y, 2.4),
            dir=(-x, -y, -2.2),
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            castshadow=False,
            diffuse=_lit((strength, strength, strength * 0.97), look),
            specular=(0.3, 0.3, 0.3),
        )


def _add_table(spec: mujoco.MjSpec, look: Look) -> None:
    """A table whose top is z = 0, with lines where its left and right sides begin."""
    middle_x = (_TABLE_X[0] + _TABLE_X[1]) / 2
    half_x = (_TABLE_X[1] - _TABLE_X[0]) / 2
    half_y = _TABLE_Y[1]
    spec.worldbody.add_geom(
        name='table',
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=(half_x, half_y, _TABLE_THICKNESS / 2),
        pos=(middle_x, 0.0, -_TABLE_THICKNESS / 2),
        rgba=(*look.table, 1.0),
        friction=(0.6, 0.005, 0.0001),
        condim=4,
        group=VISUAL_GROUP,
    )
    edge = (0.52, 0.44, 0.36, 1.0)
    low = (middle_x, 0.0, -_TABLE_THICKNESS - 0.004)
    _add_paint(spec, low, (half_x - 0.02, half_y - 0.02, 0.004), edge)
    height = -_TABLE_THICKNESS - _FLOOR_Z
    for x in (_TABLE_X[0] + 0.07, _TABLE_X[1] - 0.07):
        for y in (_TABLE_Y[0] + 0.07, _TABLE_Y[1] - 0.07):
            centre = (x, y, _FLOOR_Z + height / 2)
            _add_paint(spec, centre, (0.025, 0.025, height / 2), (0.30, 0.31, 0.33, 1.0))
    for side in (-1, 1):
        line = (0.46, side * SIDE_LINE_Y, 0.0006)
        _add_paint(spec, line, (0.20, 0.005, 0.0006), (0.93, 0.91, 0.87, 1.0))


def _add_paint(
    spec: mujoco.MjSpec,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    rgba: tuple[float, float, float, float],
) -> None:
    """A box to look at."""
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=centre,
        size=half,
        rgba=rgba,
        contype=0,
        conaffinity=0,
        group=VISUAL_GROUP,
    )


def _add_cameras(spec: mujoco.MjSpec, robot: Robot, robot_path: Path, look: Look) -> None:
    """A camera at each optical frame of the URDF, and one that faces the table from the front."""
    eye = tuple(float(x) for x in np.add(_EYE, look.scene_shift))
    target = tuple(float(x) for x in np.add(_LOOK_AT, look.scene_shift))
    turn = turned(look.scene_turn)
    for camera in robot.cameras:
        body = spec.body(camera.frame)
        if body is not None:
            body.add_camera(
                name=camera.name,
                pos=look.wrist_shift,
                quat=_after(HALF_TURN, look.wrist_turn),
                fovy=WRIST_FOVY_DEG,
            )
        elif camera.frame == SCENE_FRAME:
            spec.worldbody.add_camera(
                name=camera.name, pos=eye, xyaxes=_facing(eye, target, turn), fovy=SCENE_FOVY_DEG
            )
        else:
            raise VlaError(
                f'{robot_path}: camera {camera.name}: the simulator knows no frame {camera.frame}; '
                f'name a link of the URDF, or {SCENE_FRAME}'
            )


def _lit(colour: Triple, look: Look) -> Triple:
    """A light's colour in a look."""
    red, green, blue = (
        c * look.light_strength * t for c, t in zip(colour, look.light_tint, strict=True)
    )
    return red, green, blue


def _after(quaternion: tuple[float, ...], turn: Triple) -> tuple[float, ...]:
    """A quaternion w x y z, turned by a rotation vector; unchanged where that is none."""
    if not any(turn):
        return quaternion
    own, both = np.zeros(4), np.zeros(4)
    mujoco.mju_mat2Quat(own, turned(turn).ravel())
    mujoco.mju_mulQuat(both, own, np.array(quaternion))
    return tuple(float(x) for x in both)


def _facing(
    eye: tuple[float, ...], target: tuple[float, ...], turn: NDArray[np.float64]
) -> list[float]:
    """Right and up axes of an upright camera that looks from a point to another, then turned."""
    backward = np.subtract(eye, target)
    right = np.cross((0.0, 0.0, 1.0), backward)
    up = np.cross(backward, right)
    return [*(turn @ (right / np.linalg.norm(right))), *(turn @ (up / np.linalg.norm(up)))]
