# SPDX-License-Identifier: Apache-2.0
"""Objects survive the way to MoveIt's messages and back, and what is no object is refused."""

import math
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import Point, Quaternion
from geometry_msgs.msg import Pose as PoseMessage
from shape_msgs.msg import Mesh, MeshTriangle, Plane, SolidPrimitive

from test.vla_bridge.collision.messages import (
    AttachedCollisionObject,
    CollisionObject,
    own_messages,
)
from vla_bridge.collision.from_moveit import attached_objects, scene_objects
from vla_bridge.collision.to_moveit import attached_collision_object, collision_object
from vla_contract.errors import VlaError
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    CylinderShape,
    MeshShape,
    PlaneShape,
    Pose,
    SceneObject,
    Shape,
    SphereShape,
)
from vla_safety.collision.shapes import PLANE_EXTENT_M

HALF = math.sqrt(0.5)
AT = Pose((0.1, -0.2, 0.3), (0.0, 0.0, HALF, HALF))
FRAMES = {'base_link': Pose()}
TETRAHEDRON = [(0.0, 0.0, 0.0), (0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.1)]
FACES = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]


def to_message(item: SceneObject) -> CollisionObject:
    """The message of an object, in the base frame."""
    made = collision_object(item, 'base_link', own_messages())
    assert isinstance(made, CollisionObject)
    return made


def a_mesh() -> Mesh:
    """A tetrahedron."""
    return Mesh(
        vertices=[Point(x=x, y=y, z=z) for x, y, z in TETRAHEDRON],
        triangles=[MeshTriangle(vertex_indices=np.array(face, np.uint32)) for face in FACES],
    )


def a_message(**shapes: list[object]) -> CollisionObject:
    """A message of some shapes."""
    made = CollisionObject(id='thing')
    for field, values in shapes.items():
        setattr(made, field, values)
    made.header.frame_id = 'base_link'
    return made


@pytest.mark.parametrize(
    'shape', [BoxShape((0.1, 0.2, 0.3)), SphereShape(0.04), CylinderShape(0.05, 0.2)]
)
def test_primitives_return_as_they_were(shape: Shape, tmp_path: Path) -> None:
    """Name, shape and pose come back, whatever the shape's order of numbers in the message."""
    (found,) = scene_objects(to_message(SceneObject('thing', shape, AT)), FRAMES, tmp_path)
    assert found.name == 'thing'
    assert found.shape == shape
    assert found.pose.position == pytest.approx(AT.position)
    assert found.pose.orientation == pytest.approx(AT.orientation)


def test_cylinder_is_length_then_radius_in_a_message() -> None:
    """The order of shape_msgs/SolidPrimitive, which is not ours."""
    message = to_message(SceneObject('pole', CylinderShape(radius=0.01, length=1.5)))
    (solid,) = message.primitives
    assert solid.dimensions[SolidPrimitive.CYLINDER_HEIGHT] == 1.5
    assert solid.dimensions[SolidPrimitive.CYLINDER_RADIUS] == 0.01


def test_half_space_is_sent_as_a_block_below_it() -> None:
    """A plane of MoveIt is infinitely thin: an arm on its far side would be free."""
    floor = SceneObject('floor', PlaneShape(), Pose((0.3, 0.4, -0.1)))
    message = to_message(floor)
    assert not message.planes
    assert list(message.primitives[0].dimensions) == [PLANE_EXTENT_M] * 3
    assert message.pose.position.z + PLANE_EXTENT_M / 2 == pytest.approx(-0.1)


def test_plane_of_a_message_is_solid_below_its_normal(tmp_path: Path) -> None:
    """2 x = 1, seen from greater x."""
    message = a_message(planes=[Plane(coef=[2.0, 0.0, 0.0, -1.0])])
    (wall,) = scene_objects(message, FRAMES, tmp_path)
    assert isinstance(wall.shape, PlaneShape)
    assert wall.pose.position == pytest.approx((0.5, 0.0, 0.0))
    assert wall.pose.orientation == pytest.approx((0.0, HALF, 0.0, HALF))


def test_mesh_returns_as_its_hull(tmp_path: Path) -> None:
    """Written to a file, since meshes are files to us; sent back, it has the same corners."""
    (found,) = scene_objects(a_message(meshes=[a_mesh()]), FRAMES, tmp_path)
    assert isinstance(found.shape, MeshShape)
    message = to_message(found)
    corners = {(round(p.x, 6), round(p.y, 6), round(p.z, 6)) for p in message.meshes[0].vertices}
    assert corners == set(TETRAHEDRON)


def test_same_mesh_is_written_once(tmp_path: Path) -> None:
    """A scene that is published at 30 Hz does not fill the disk."""
    for _ in range(3):
        scene_objects(a_message(meshes=[a_mesh()]), FRAMES, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_cone_stands_in_a_cylinder(tmp_path: Path) -> None:
    """We have no cones; what is about one keeps the arm off it."""
    cone = SolidPrimitive(type=SolidPrimitive.CONE, dimensions=[0.3, 0.1])
    (found,) = scene_objects(a_message(primitives=[cone]), FRAMES, tmp_path)
    assert found.shape == CylinderShape(radius=0.1, length=0.3)


def test_object_of_several_shapes_is_several_objects(tmp_path: Path) -> None:
    """The pose of the object moves them all, and shapes without a pose are where it is."""
    ball = SolidPrimitive(type=SolidPrimitive.SPHERE, dimensions=[0.1])
    message = a_message(
        primitives=[ball, ball],
        primitive_poses=[PoseMessage(position=Point(x=0.2))],
    )
    message.pose = PoseMessage(position=Point(z=1.0), orientation=Quaternion(z=HALF, w=HALF))
    found = scene_objects(message, FRAMES, tmp_path)
    assert [item.name for item in found] == ['thing', 'thing/1']
    assert found[0].pose.position == pytest.approx((0.0, 0.2, 1.0))
    assert found[1].pose.position == pytest.approx((0.0, 0.0, 1.0))


def test_quaternion_that_was_never_set_turns_nothing(tmp_path: Path) -> None:
    """As MoveIt has it; messages of other languages begin with zeros."""
    ball = SolidPrimitive(type=SolidPrimitive.SPHERE, dimensions=[0.1])
    message = a_message(primitives=[ball])
    message.pose = PoseMessage(orientation=Quaternion(x=0.0, y=0.0, z=0.0, w=0.0))
    (found,) = scene_objects(message, FRAMES, tmp_path)
    assert found.pose == Pose()


def test_frame_that_stands_is_followed(tmp_path: Path) -> None:
    """An object given in the world, when the base stands somewhere else."""
    message = to_message(SceneObject('box', BoxShape((0.1, 0.1, 0.1)), Pose((1.0, 0.0, 0.0))))
    message.header.frame_id = 'world'
    (found,) = scene_objects(message, {'world': Pose((0.0, 0.0, -0.5))}, tmp_path)
    assert found.pose.position == pytest.approx((1.0, 0.0, -0.5))


def test_carried_object_returns_with_its_link(tmp_path: Path) -> None:
    """The link that carries it may always touch it."""
    cup = AttachedObject('cup', CylinderShape(0.03, 0.1), 'tool0', AT, frozenset({'finger'}))
    message = attached_collision_object(cup, own_messages())
    assert message.touch_links == ['finger', 'tool0']
    (found,) = attached_objects(message, tmp_path)
    assert (found.name, found.link, found.shape) == ('cup', 'tool0', cup.shape)
    assert found.pose.position == pytest.approx(AT.position)


BALL = SolidPrimitive(type=SolidPrimitive.SPHERE, dimensions=[0.1])


@pytest.mark.parametrize(
    ('shapes', 'said'),
    [
        ({}, 'without any shape'),
        ({'primitives': [SolidPrimitive(type=SolidPrimitive.PRISM)]}, 'type 5'),
        ({'primitives': [SolidPrimitive(type=SolidPrimitive.BOX, dimensions=[1.0])]}, '1 dimensi'),
        (
            {'primitives': [SolidPrimitive(type=SolidPrimitive.SPHERE, dimensions=[math.nan])]},
            'nan',
        ),
        ({'planes': [Plane(coef=[0.0, 0.0, 0.0, 1.0])]}, 'which is none'),
        ({'meshes': [Mesh()]}, '0 triangles'),
        ({'meshes': [Mesh(vertices=[], triangles=a_mesh().triangles)]}, '0 vertices'),
        (
            {
                'primitives': [BALL],
                'primitive_poses': [PoseMessage(orientation=Quaternion(w=0.5))],
            },
            'length 0.5',
        ),
        ({'primitives': [BALL], 'primitive_poses': [PoseMessage(position=Point(x=1e300))]}, '1e+3'),
    ],
)
def test_what_is_no_object_is_refused(
    shapes: dict[str, list[object]], said: str, tmp_path: Path
) -> None:
    """A scene with a hole in it looks like a free one."""
    with pytest.raises(VlaError) as caught:
        scene_objects(a_message(**shapes), FRAMES, tmp_path)
    assert said in str(caught.value)


def test_unknown_frame_is_refused(tmp_path: Path) -> None:
    """MoveIt would drop the object and go on."""
    message = to_message(SceneObject('box', BoxShape((0.1, 0.1, 0.1))))
    message.header.frame_id = 'map'
    with pytest.raises(VlaError, match="frame 'map'"):
        scene_objects(message, FRAMES, tmp_path)


def test_carried_object_in_another_frame_is_refused(tmp_path: Path) -> None:
    """Where the arm was when it was attached is not in the message."""
    message = AttachedCollisionObject(link_name='tool0', object=a_message(primitives=[BALL]))
    with pytest.raises(VlaError, match='base_link'):
        attached_objects(message, tmp_path)
