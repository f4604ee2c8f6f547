# SPDX-License-Identifier: Apache-2.0
"""Real arms, scenes of boxes, and motions between two postures."""

from pathlib import Path

import numpy as np

from vla_contract.deployment import load_robot
from vla_safety.collision.arms import Arm
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import BoxShape, Pose, SceneObject
from vla_safety.kinematics import Kinematics
from vla_safety.motion import NS, Array, Motion

ROBOTS = Path(__file__).resolve().parents[3] / 'config' / 'robots'
NAMES = tuple(sorted(path.stem for path in ROBOTS.glob('*.yaml')))
START_NS = 1_700_000_000 * NS


def an_arm(name: str = 'sim_ur5e', called: str = '', pose: Pose | None = None) -> Arm:
    """An arm by its robot file's name."""
    path = ROBOTS / f'{name}.yaml'
    robot = load_robot(path)
    urdf, srdf = ((path.parent / file).resolve() for file in (robot.urdf, robot.srdf))
    return Arm(robot, urdf, srdf, called, pose or Pose())


def home(checker: EmbeddedChecker, arm: Arm) -> Array:
    """The arm's home with an open gripper."""
    return checker.layout.posture(np.array(arm.robot.home))


def tool_point(arm: Arm, q: Array) -> tuple[float, float, float]:
    """Where the tool is, in the base frame."""
    x, y, z = Kinematics(arm.robot, arm.urdf).tool_positions(q[None])[0].tolist()
    return x, y, z


def random_postures(arm: Arm, checker: EmbeddedChecker, count: int, seed: int = 0) -> Array:
    """Postures within a turn of the limits' middle, gripper anywhere."""
    rng = np.random.default_rng(seed)
    q = rng.uniform(-np.pi, np.pi, (count, len(arm.robot.joints)))
    for index, joint in enumerate(arm.robot.joints):
        if joint.position is not None:
            q[:, index] = rng.uniform(*joint.position, count)
    opening = rng.uniform(0, 1, count)
    return np.array([checker.layout.posture(*one) for one in zip(q, opening, strict=True)])


def a_box(name: str, at: tuple[float, float, float], edge: float = 0.05) -> SceneObject:
    """A cube."""
    return SceneObject(name, BoxShape((edge, edge, edge)), Pose(at))


def boxes(count: int, seed: int = 0) -> list[SceneObject]:
    """Cubes around an arm, none at its foot."""
    rng = np.random.default_rng(seed)
    turn, reach = rng.uniform(-np.pi, np.pi, count), rng.uniform(0.3, 1.0, count)
    x, y, z = reach * np.cos(turn), reach * np.sin(turn), rng.uniform(0, 1, count)
    places = zip(x.tolist(), y.tolist(), z.tolist(), strict=True)
    return [a_box(f'box {i}', place) for i, place in enumerate(places)]


def a_motion(start: Array, end: Array, seconds: float = 1.0, knots: int = 12) -> Motion:
    """From rest to rest on a straight line, by a quintic in many pieces."""
    u = np.linspace(0, 1, knots)[:, None]
    way = np.asarray(end) - start
    return Motion(
        START_NS + np.round(u[:, 0] * seconds * NS).astype(np.int64),
        start + (10 * u**3 - 15 * u**4 + 6 * u**5) * way,
        (30 * u**2 - 60 * u**3 + 30 * u**4) * way / seconds,
        (60 * u - 180 * u**2 + 120 * u**3) * way / seconds**2,
    )
