# SPDX-License-Identifier: Apache-2.0
"""Planning scenes and their differences add up as MoveIt's do; what MoveIt drops stops the arm."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pinocchio as pin
import pytest
from geometry_msgs.msg import Point, Quaternion
from geometry_msgs.msg import Pose as PoseMessage
from shape_msgs.msg import SolidPrimitive

from test.vla_bridge.collision.messages import (
    AttachedCollisionObject,
    CollisionObject,
    own_messages,
)
from vla_bridge.collision.planning_scene_objects import PlanningSceneObjects
from vla_bridge.collision.to_moveit import collision_object
from vla_contract.errors import VlaError
from vla_safety.collision.objects import Pose, SceneObject, SphereShape, VoxelShape

FRAMES = {'base_link': Pose(), 'world': Pose((0.0, 0.0, -1.0))}
HALF = math.sqrt(0.5)


@dataclass
class RobotState:
    """moveit_msgs/RobotState."""

    attached_collision_objects: list[AttachedCollisionObject] = field(default_factory=list)
    is_diff: bool = False


@dataclass
class World:
    """moveit_msgs/PlanningSceneWorld."""

    collision_objects: list[CollisionObject] = field(default_factory=list)
    octomap: Any = field(default_factory=lambda: SimpleNamespace(octomap=SimpleNamespace(data=b'')))


@dataclass
class PlanningScene:
    """moveit_msgs/PlanningScene."""

    robot_state: RobotState = field(default_factory=RobotState)
    world: World = field(default_factory=World)
    is_diff: bool = False


@dataclass
class MoveIt:
    """Message classes of one kind."""

    CollisionObject: Any
    AttachedCollisionObject: Any
    PlanningScene: Any

    def thing(self, name: str = 'cup', operation: bytes = b'\x00', frame: str = 'base_link') -> Any:  # noqa: ANN401 - MoveIt's
        """A ball, unless it is moved or removed."""
        made = self.CollisionObject(id=name, operation=operation)
        made.header.frame_id = frame
        if operation in (b'\x00', b'\x02'):
            made.primitives = [SolidPrimitive(type=SolidPrimitive.SPHERE, dimensions=[0.05])]
        return made

    def at(self, x: float, **given: Any) -> Any:  # noqa: ANN401 - MoveIt's
        """A ball at a place."""
        made = self.thing(**given)
        made.pose.position.x = x
        return made

    def scene(
        self,
        *things: Any,  # noqa: ANN401 - MoveIt's
        attached: Sequence[Any] = (),
        diff: bool = False,
        keep: bool = True,
    ) -> Any:  # noqa: ANN401 - MoveIt's
        """A scene; a difference keeps what is carried unless told otherwise."""
        made = self.PlanningScene(is_diff=diff)
        made.world.collision_objects = list(things)
        made.robot_state.attached_collision_objects = list(attached)
        made.robot_state.is_diff = diff and keep
        return made

    def attach(self, thing: Any, link: str = 'tool0', touch: Sequence[str] = ('finger',)) -> Any:  # noqa: ANN401 - MoveIt's
        """What a link carries."""
        made = self.AttachedCollisionObject(link_name=link, touch_links=list(touch))
        made.object = thing
        return made


@pytest.fixture(params=['of the same shape', 'of MoveIt'])
def moveit(request: pytest.FixtureRequest) -> MoveIt:
    """MoveIt's messages where they are installed, and our own everywhere."""
    if request.param == 'of MoveIt':
        reason = 'moveit_msgs is on no package index: runs where ROS with it is sourced'
        real = pytest.importorskip('moveit_msgs.msg', reason=reason)
        return MoveIt(real.CollisionObject, real.AttachedCollisionObject, real.PlanningScene)
    return MoveIt(CollisionObject, AttachedCollisionObject, PlanningScene)


class Hand:
    """Where the tool is."""

    def __init__(self) -> None:
        """At 1 m above the base, turned a quarter about z."""
        self.pose = pin.SE3(pin.Quaternion(np.array([0.0, 0.0, HALF, HALF])), np.array([0, 0, 1.0]))

    def __call__(self, link: str) -> pin.SE3:
        """Its pose, by name."""
        if link != 'tool0':
            raise VlaError(f'{link} is no link of the arm')
        return self.pose


@pytest.fixture
def hand() -> Hand:
    """The tool."""
    return Hand()


@pytest.fixture
def known(hand: Hand, tmp_path: Path) -> PlanningSceneObjects:
    """Nothing has come."""
    return PlanningSceneObjects(FRAMES, hand, tmp_path)


def places(known: PlanningSceneObjects) -> dict[str, list[float]]:
    """Where things stand, rounded."""
    return {item.name: np.round(item.pose.position, 6).tolist() for item in known.objects}


def test_a_whole_scene_replaces_all(known: PlanningSceneObjects, moveit: MoveIt) -> None:
    """What it does not mention is gone, carried or not."""
    known.apply(
        moveit.scene(moveit.at(1.0), attached=[moveit.attach(moveit.thing('pen', frame=''))])
    )
    assert [item.name for item in known.carried] == ['pen']
    known.apply(moveit.scene(moveit.at(2.0, name='bowl', frame='world')))
    assert places(known) == {'bowl': [2.0, 0.0, -1.0]}
    assert not known.carried
    assert not known.problem


def test_a_difference_changes_what_it_names(known: PlanningSceneObjects, moveit: MoveIt) -> None:
    """Case 61: added under a name that is used, it replaces; removed, it is gone."""
    known.apply(moveit.scene(moveit.at(1.0), moveit.at(2.0, name='bowl')))
    known.apply(moveit.scene(moveit.at(1.5), diff=True))
    assert places(known) == {'bowl': [2.0, 0.0, 0.0], 'cup': [1.5, 0.0, 0.0]}
    known.apply(moveit.scene(moveit.thing('bowl', b'\x01'), diff=True))
    assert places(known) == {'cup': [1.5, 0.0, 0.0]}
    known.apply(moveit.scene(moveit.thing('', b'\x01'), diff=True))
    assert not known.objects


def test_an_object_is_moved_with_all_its_shapes(
    known: PlanningSceneObjects, moveit: MoveIt
) -> None:
    """Each keeps its place in the object."""
    two = moveit.at(1.0)
    two.primitives = [*two.primitives, *two.primitives]
    two.primitive_poses = [PoseMessage(), PoseMessage(position=Point(x=0.1))]
    known.apply(moveit.scene(two))
    moved = moveit.thing('cup', b'\x03', frame='world')
    moved.pose = PoseMessage(position=Point(y=3.0), orientation=Quaternion(z=HALF, w=HALF))
    known.apply(moveit.scene(moved, diff=True))
    assert places(known) == {'cup': [0.0, 3.0, -1.0], 'cup/1': [0.0, 3.1, -1.0]}


def test_a_single_shape_with_a_pose_of_its_own_is_moved_by_that(
    known: PlanningSceneObjects, moveit: MoveIt
) -> None:
    """As MoveIt: without an object's pose, the shape's is the object's."""
    ball = moveit.thing()
    ball.primitive_poses = [PoseMessage(position=Point(x=1.0))]
    known.apply(moveit.scene(ball))
    known.apply(moveit.scene(moveit.at(2.0, operation=b'\x03'), diff=True))
    assert places(known) == {'cup': [2.0, 0.0, 0.0]}


def test_shapes_are_appended(known: PlanningSceneObjects, moveit: MoveIt) -> None:
    """To an object, or as a new one."""
    known.apply(moveit.scene(moveit.at(1.0)))
    known.apply(moveit.scene(moveit.at(2.0, operation=b'\x02'), diff=True))
    known.apply(moveit.scene(moveit.at(3.0, name='new', operation=b'\x02'), diff=True))
    assert places(known) == {'cup': [1, 0, 0], 'cup/1': [2, 0, 0], 'new': [3, 0, 0]}


def test_what_stands_there_is_taken_and_put_down_again(
    known: PlanningSceneObjects, moveit: MoveIt, hand: Hand
) -> None:
    """It moves with the hand in between, and stands where it was let go."""
    known.apply(moveit.scene(moveit.at(1.0)))
    empty = moveit.CollisionObject(id='cup')
    known.apply(moveit.scene(attached=[moveit.attach(empty)], diff=True))
    assert not known.objects
    (held,) = known.carried
    assert held.link == 'tool0'
    assert held.touch_links == {'finger'}
    assert held.pose.position == pytest.approx((0.0, -1.0, -1.0))
    hand.pose = pin.SE3(hand.pose.rotation, np.array([0.0, 0.5, 1.0]))
    gone = moveit.attach(moveit.thing('cup', b'\x01'))
    known.apply(moveit.scene(attached=[gone], diff=True))
    assert places(known) == {'cup': [1.0, 0.5, 0.0]}
    assert not known.carried
    assert not known.problem


def test_what_is_given_elsewhere_is_carried_from_there(
    known: PlanningSceneObjects, moveit: MoveIt
) -> None:
    """In a frame that stands, the hand being where it is."""
    known.apply(moveit.scene(attached=[moveit.attach(moveit.at(1.0, frame='world'))]))
    assert known.carried[0].pose.position == pytest.approx((0.0, -1.0, -2.0))


def test_a_difference_that_is_none_of_the_arm_lets_go_of_all(
    known: PlanningSceneObjects, moveit: MoveIt
) -> None:
    """As MoveIt: robot_state.is_diff must be set to keep what is carried."""
    known.apply(moveit.scene(attached=[moveit.attach(moveit.thing(frame=''))]))
    known.apply(moveit.scene(diff=True))
    assert known.carried
    known.apply(moveit.scene(diff=True, keep=False))
    assert not known.carried


def test_a_difference_from_nothing_known_is_refused(
    known: PlanningSceneObjects, moveit: MoveIt
) -> None:
    """Until a whole scene comes: there could be more."""
    known.apply(moveit.scene(moveit.at(1.0), diff=True))
    assert 'before any whole scene' in known.problem
    known.apply(moveit.scene(moveit.at(1.0)))
    assert not known.problem


Change = Callable[[MoveIt], Any]


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda m: m.scene(m.thing(frame='map'), diff=True), "frame 'map'"),
        (lambda m: m.scene(m.CollisionObject(id='cup'), diff=True), 'frame'),
        (lambda m: m.scene(m.at(math.nan), diff=True), 'nan'),
        (lambda m: m.scene(m.thing(operation=b'\x07'), diff=True), 'operation 7'),
        (lambda m: m.scene(m.thing(operation=b'\x03'), diff=True), 'never added'),
        (lambda m: m.scene(attached=[m.attach(m.thing(frame=''), 'nose')], diff=True), 'nose'),
        (lambda m: m.scene(attached=[m.attach(m.thing(frame='map'))], diff=True), 'map'),
        (
            lambda m: m.scene(attached=[m.attach(m.CollisionObject(id='cup'))], diff=True),
            'stands nowhere',
        ),
        (
            lambda m: m.scene(attached=[m.attach(m.thing(operation=b'\x03'))], diff=True),
            'not for what is carried',
        ),
    ],
)
def test_what_cannot_be_understood_is_remembered_until_it_goes(
    known: PlanningSceneObjects, moveit: MoveIt, change: Change, said: str
) -> None:
    """Case 28 and its like: MoveIt logs them and goes on without."""
    known.apply(moveit.scene(moveit.at(1.0, name='bowl')))
    known.apply(change(moveit))
    assert said in known.problem
    known.apply(moveit.scene(moveit.at(2.0, name='bowl'), diff=True))
    assert said in known.problem
    known.apply(moveit.scene(moveit.thing('cup', b'\x01'), diff=True))
    assert not known.problem


def test_an_octomap_is_refused(known: PlanningSceneObjects, moveit: MoveIt) -> None:
    """Free space is not what it says when it is not read."""
    full = PlanningScene()
    full.world.octomap = SimpleNamespace(octomap=SimpleNamespace(data=b'\x01'))
    known.apply(full)
    assert 'octomap' in known.problem
    known.apply(moveit.scene())
    assert not known.problem


def test_voxels_are_boxes_to_moveit() -> None:
    """Joined, since each box costs it time."""
    seen = SceneObject('seen', VoxelShape(0.1, ((0, 0, 0), (1, 0, 0), (5, 5, 5))), Pose())
    made = collision_object(seen, 'base_link', own_messages())
    sizes = sorted(tuple(np.round(solid.dimensions, 6)) for solid in made.primitives)
    assert sizes == [(0.1, 0.1, 0.1), (0.2, 0.1, 0.1)]
    middles = sorted(round(pose.position.x, 6) for pose in made.primitive_poses)
    assert middles == [0.1, 0.55]


def test_shape_is_as_given(known: PlanningSceneObjects, moveit: MoveIt) -> None:
    """A ball is a ball."""
    known.apply(moveit.scene(moveit.thing()))
    assert known.objects == (SceneObject('cup', SphereShape(0.05)),)
