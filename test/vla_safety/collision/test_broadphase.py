# SPDX-License-Identifier: Apache-2.0
"""The broadphase leaves nothing out: flat pairs of an own making say the same."""

from collections.abc import Iterable

import coal
import numpy as np
import pinocchio as pin
import pytest

from test.vla_safety.collision.scenes import NAMES, an_arm, boxes, random_postures
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import Margin
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import BoxShape, SceneObject
from vla_safety.collision.pairs import ROUNDING_M
from vla_safety.motion import Array

POSTURES = 1_000
TOLD_APART_M = 5e-6


class Flat:
    """Every pair, one by one, by Pinocchio's own reading of URDF and SRDF."""

    def __init__(self, arm: Arm, scene: Iterable[SceneObject], margin_m: float = 0.0) -> None:
        """Load the arm and put cubes around it."""
        self._model = pin.buildModelFromUrdf(str(arm.urdf), mimic=True)
        shapes = pin.buildGeomFromUrdf(self._model, str(arm.urdf), pin.GeometryType.COLLISION)
        shapes.addAllCollisionPairs()
        assert arm.srdf is not None
        pin.removeCollisionPairs(self._model, shapes, str(arm.srdf))
        links = shapes.ngeoms
        moving = [i for i in range(links) if shapes.geometryObjects[i].parentJoint]
        own = len(shapes.collisionPairs)
        for thing in scene:
            assert isinstance(thing.shape, BoxShape)
            place = pin.SE3(np.eye(3), np.array(thing.pose.position))
            box = pin.GeometryObject(thing.name, 0, 0, place, coal.Box(*thing.shape.size))
            index = shapes.addGeometryObject(box)
            for link in moving:
                shapes.addCollisionPair(pin.CollisionPair(link, index))
        self._shapes, self._data, self._scratch = (
            shapes,
            self._model.createData(),
            shapes.createData(),
        )
        for k, request in enumerate(self._scratch.collisionRequests):
            request.security_margin = (margin_m if k >= own else 0.0) + ROUNDING_M
        self._arm = arm

    def is_free(self, posture: Array) -> bool:
        """Whether no pair is nearer than the margin; the arm's own may not touch."""
        gripper, q = self._arm.robot.gripper, pin.neutral(self._model)
        assert gripper is not None
        ends = gripper.model or gripper
        values = dict(zip(self._arm.robot.joint_names, posture, strict=False))
        values[ends.joint] = ends.closed + posture[-1] * (ends.open - ends.closed)
        for name, value in values.items():
            q[self._model.joints[self._model.getJointId(name)].idx_q] = value
        return not pin.computeCollisions(
            self._model, self._data, self._shapes, self._scratch, q, True
        )


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('count', [0, 8, 30])
def test_broadphase_and_flat_pairs_agree(name: str, count: int) -> None:
    """In every scene, at random postures, with and without a margin."""
    arm, scene = an_arm(name), boxes(count, seed=count)
    checker = EmbeddedChecker(arm)
    checker.set_scene(scene)
    for margin_m, postures in ((0.0, POSTURES * 2 // 3), (0.03, POSTURES // 3 + 1)):
        flat = Flat(arm, scene, margin_m)
        drawn = random_postures(arm, checker, postures, seed=count)
        free = [checker.is_free(posture, Margin(margin_m)) for posture in drawn]
        for posture, said in zip(drawn, free, strict=True):
            assert said is flat.is_free(posture) or is_borderline(checker, posture, margin_m)
        assert not all(free)
        assert any(free)


def is_borderline(checker: EmbeddedChecker, posture: Array, margin_m: float) -> bool:
    """Whether the nearest pair is at its margin to within what coal can tell."""
    margin = Margin(margin_m + ROUNDING_M - TOLD_APART_M, ROUNDING_M - TOLD_APART_M)
    return not checker.contacts(posture, margin) and bool(
        checker.contacts(posture, margin.plus(2 * TOLD_APART_M))
    )


def test_shapes_deep_in_each_other_are_not_taken_for_apart() -> None:
    """Coal's own answer, without a margin, is that this forearm and gripper are 1 µm apart."""
    arm = an_arm()
    checker = EmbeddedChecker(arm)
    posture = np.array(
        [
            2.3915042442855814,
            -2.003611905417362,
            -0.07709459533787388,
            -2.4654674340537257,
            2.896668381414403,
            0.5223232088189338,
            0.21928921556775016,
        ]
    )
    (contact,) = checker.contacts(posture)
    assert contact.pair == {'forearm_link', 'gripper_base_link'}
    assert contact.distance_m == pytest.approx(-0.00102, abs=1e-5)
    assert not checker.is_free(posture)
