# SPDX-License-Identifier: Apache-2.0
"""The simulated world: the arm on a table, objects, lights and cameras, as one MuJoCo model."""

from pathlib import Path

import mujoco
import numpy as np

from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_sim.arm import VISUAL_GROUP, load_arm
from vla_sim.objects import add_item
from vla_sim.scene import Scene

PHYSICS_STEP_S = 0.002
SCENE_FRAME = 'scene_camera_optical_frame'
HALF_TURN = (0.0, 1.0, 0.0, 0.0)
"""About x: between an optical frame (z forward, y down) and MuJoCo's camera (z back, y up)."""
SCENE_FOVY_DEG = 42.0
WRIST_FOVY_DEG = 75.0
SIDE_LINE_Y = 0.15
"""The table's marked sides begin this far left and right of its middle [m]."""

_TABLE_X = (-0.28, 0.92)
_TABLE_Y = (-0.62, 0.62)
_TABLE_THICKNESS = 0.04
_FLOOR_Z = -0.74
_EYE = (1.28, 0.62, 0.78)
_LOOK_AT = (0.34, -0.02, 0.08)


def build_world(robot: Robot, robot_path: Path, scene: Scene) -> mujoco.MjModel:
    """Put the arm, the table and a scene together."""
    spec = load_arm(robot, robot_path)
    _set_options(spec)
    _add_room(spec)
    _add_table(spec)
    _add_cameras(spec, robot, robot_path)
    for item in scene.items:
        add_item(spec, item)
    return spec.compile()


def _set_options(spec: mujoco.MjSpec) -> None:
    """Steps and solver that hold a gripped object without creep; drawing without shadows."""
    option = spec.option
    option.timestep = PHYSICS_STEP_S
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0
    option.noslip_iterations = 3
    visual = spec.visual
    visual.quality.offsamples = 0
    visual.global_.offwidth = 1280
    visual.global_.offheight = 960
    visual.headlight.ambient = (0.42, 0.42, 0.44)
    visual.headlight.diffuse = (0.22, 0.22, 0.22)
    visual.headlight.specular = (0.05, 0.05, 0.05)
    visual.map.znear = 0.01
    visual.map.zfar = 20.0


def _add_room(spec: mujoco.MjSpec) -> None:
    """A sky, a floor and two lamps that cast no shadow."""
    spec.add_texture(
        name='sky',
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.88, 0.91, 0.95),
        rgb2=(0.55, 0.63, 0.72),
        width=64,
        height=384,
    )
    _add_checker(spec, 'floor', (0.62, 0.65, 0.69), (0.58, 0.61, 0.65), repeat=4.0)
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(6.0, 6.0, 0.1),
        pos=(0.3, 0.0, _FLOOR_Z),
        material='floor',
        contype=0,
        conaffinity=0,
        group=VISUAL_GROUP,
    )
    for x, y, strength in ((0.9, -1.4, 0.55), (-0.6, 1.3, 0.28)):
        spec.worldbody.add_light(
            pos=(x, y, 2.4),
            dir=(0.35 - x, -y, -2.3),
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            castshadow=False,
            diffuse=(strength, strength, strength * 0.97),
            specular=(0.25, 0.25, 0.25),
        )


def _add_checker(
    spec: mujoco.MjSpec,
    name: str,
    light: tuple[float, float, float],
    dark: tuple[float, float, float],
    repeat: float,
) -> None:
    spec.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=light,
        rgb2=dark,
        width=256,
        height=256,
    )
    material = spec.add_material(name=name, texrepeat=(repeat, repeat), texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    material.specular = 0.0


def _add_table(spec: mujoco.MjSpec) -> None:
    """A table whose top is z = 0, with a line where its left and right sides begin."""
    middle_x = (_TABLE_X[0] + _TABLE_X[1]) / 2
    half_x = (_TABLE_X[1] - _TABLE_X[0]) / 2
    half_y = _TABLE_Y[1]
    top = spec.worldbody.add_geom(
        name='table',
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=(half_x, half_y, _TABLE_THICKNESS / 2),
        pos=(middle_x, 0.0, -_TABLE_THICKNESS / 2),
        rgba=(0.86, 0.80, 0.71, 1.0),
        friction=(0.6, 0.005, 0.0001),
        condim=4,
    )
    top.group = VISUAL_GROUP
    legs = [(x, y) for x in (_TABLE_X[0] + 0.06, _TABLE_X[1] - 0.06) for y in (-0.56, 0.56)]
    height = -_TABLE_THICKNESS - _FLOOR_Z
    for x, y in legs:
        centre = (x, y, _FLOOR_Z + height / 2)
        _add_paint(spec, centre, (0.025, 0.025, height / 2), (0.36, 0.37, 0.39, 1.0))
    for side in (-1, 1):
        centre = (0.46, side * SIDE_LINE_Y, 0.0002)
        _add_paint(spec, centre, (0.20, 0.003, 0.0002), (0.97, 0.96, 0.93, 1.0))


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


def _add_cameras(spec: mujoco.MjSpec, robot: Robot, robot_path: Path) -> None:
    """A camera at each optical frame of the URDF, and one that faces the table from the front."""
    for camera in robot.cameras:
        body = spec.body(camera.frame)
        if body is not None:
            body.add_camera(name=camera.name, quat=HALF_TURN, fovy=WRIST_FOVY_DEG)
        elif camera.frame == SCENE_FRAME:
            spec.worldbody.add_camera(
                name=camera.name, pos=_EYE, xyaxes=_facing(_EYE, _LOOK_AT), fovy=SCENE_FOVY_DEG
            )
        else:
            raise VlaError(
                f'{robot_path}: camera {camera.name}: the simulator knows no frame {camera.frame}; '
                f'name a link of the URDF, or {SCENE_FRAME}'
            )


def _facing(eye: tuple[float, ...], target: tuple[float, ...]) -> list[float]:
    """Right and up axes of an upright camera that looks from a point to another."""
    backward = np.subtract(eye, target)
    right = np.cross((0.0, 0.0, 1.0), backward)
    up = np.cross(backward, right)
    return [*(right / np.linalg.norm(right)), *(up / np.linalg.norm(up))]
