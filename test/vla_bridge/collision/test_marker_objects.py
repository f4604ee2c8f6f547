# SPDX-License-Identifier: Apache-2.0
"""What RViz draws as solid is an obstacle; what cannot be understood stays until it goes."""

import math
from pathlib import Path

import pytest
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Quaternion, Vector3
from geometry_msgs.msg import Pose as PoseMessage
from hypothesis import given
from hypothesis import strategies as st
from visualization_msgs.msg import Marker

from vla_bridge.collision.marker_objects import MOST_OBJECTS, MarkerObjects
from vla_safety.collision.objects import (
    BoxShape,
    CylinderShape,
    MeshShape,
    Pose,
    Shape,
    SphereShape,
    VoxelShape,
)
from vla_safety.motion import NS

FRAMES = {'base_link': Pose(), 'world': Pose((0.0, 0.0, -1.0))}
ROBOT = Path(__file__)


def a_marker(kind: int = Marker.CUBE, number: int = 0, **changes: object) -> Marker:
    """A cube of 10 cm in the base frame, or what is changed of it."""
    made = Marker(type=kind, id=number, ns='test', action=Marker.ADD)
    made.header.frame_id = 'base_link'
    made.scale = Vector3(x=0.1, y=0.1, z=0.1)
    made.pose = PoseMessage(position=Point(x=0.5))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def known(*markers: Marker) -> MarkerObjects:
    """After one message."""
    found = MarkerObjects(FRAMES, ROBOT)
    found.apply(markers, 0)
    return found


@pytest.mark.parametrize(
    ('kind', 'scale', 'shape'),
    [
        (Marker.CUBE, (0.1, 0.2, 0.3), BoxShape((0.1, 0.2, 0.3))),
        (Marker.SPHERE, (0.2, 0.2, 0.2), SphereShape(0.1)),
        (Marker.SPHERE, (0.2, 0.4, 0.1), SphereShape(0.2)),
        (Marker.CYLINDER, (0.2, 0.2, 0.5), CylinderShape(0.1, 0.5)),
        (Marker.CYLINDER, (0.2, 0.6, 0.5), CylinderShape(0.3, 0.5)),
    ],
)
def test_solids_are_as_large_as_they_look(
    kind: int, scale: tuple[float, float, float], shape: Shape
) -> None:
    """Ellipsoids and elliptic cylinders are within what is round."""
    x, y, z = scale
    found = known(a_marker(kind, scale=Vector3(x=x, y=y, z=z)))
    (item,) = found.objects
    assert item.name == 'marker test/0'
    assert item.shape == shape
    assert item.pose == Pose((0.5, 0.0, 0.0))
    assert not found.problem


def test_an_id_that_is_used_again_replaces() -> None:
    """Case 61: one thing, where it was last said to be; another namespace is another thing."""
    moved = PoseMessage(position=Point(y=0.7))
    found = known(a_marker(), a_marker(pose=moved), a_marker(ns='other'))
    assert [item.pose.position for item in found.objects] == [(0.0, 0.7, 0.0), (0.5, 0.0, 0.0)]


def test_markers_are_deleted_one_by_one_and_all_at_once() -> None:
    """DELETE names one, DELETEALL none."""
    found = known(a_marker(number=1), a_marker(number=2), a_marker(number=3))
    found.apply([a_marker(number=2, action=Marker.DELETE)], 1)
    assert [item.name for item in found.objects] == ['marker test/1', 'marker test/3']
    found.apply([Marker(action=Marker.DELETEALL), a_marker(number=4)], 2)
    assert [item.name for item in found.objects] == ['marker test/4']


def test_a_lifetime_ends() -> None:
    """Counted from when the marker came; said again, it begins anew."""
    brief = a_marker(lifetime=Duration(sec=1, nanosec=500_000_000))
    found = known(brief, a_marker(number=1))
    assert not found.expire(NS)
    found.apply([brief], NS)
    assert not found.expire(2 * NS)
    assert found.expire(3 * NS)
    assert [item.name for item in found.objects] == ['marker test/1']


def test_a_list_is_many_of_one_shape() -> None:
    """In the frame of its pose."""
    half = math.sqrt(0.5)
    pose = PoseMessage(position=Point(z=1.0), orientation=Quaternion(z=half, w=half))
    balls = [Point(x=0.1), Point(x=0.33)]
    found = known(a_marker(Marker.SPHERE_LIST, pose=pose, points=balls))
    assert [item.name for item in found.objects] == ['marker test/0/0', 'marker test/0/1']
    assert found.objects[1].pose.position == pytest.approx((0.0, 0.33, 1.0))


def test_cubes_side_by_side_are_voxels() -> None:
    """As an occupancy map publishes them, thousands at a time."""
    cubes = [Point(x=0.05 + 0.1 * i, y=-0.35, z=0.15) for i in range(1000)]
    (item,) = known(a_marker(Marker.CUBE_LIST, points=cubes)).objects
    assert isinstance(item.shape, VoxelShape)
    assert item.shape.cells[:2] == ((0, -4, 1), (1, -4, 1))
    assert len(item.shape.cells) == 1000


def test_cubes_anywhere_are_boxes() -> None:
    """And too many of them are refused, since they could not be checked in time."""
    cubes = [Point(x=0.013 * i, y=0.02) for i in range(MOST_OBJECTS + 1)]
    found = known(a_marker(Marker.CUBE_LIST, points=cubes[:3]))
    assert [item.shape for item in found.objects] == [BoxShape((0.1, 0.1, 0.1))] * 3
    found = known(a_marker(Marker.CUBE_LIST, points=cubes))
    assert 'at most 500' in found.problem


def test_a_mesh_is_found_and_scaled(tmp_path: Path) -> None:
    """By file:// and by package://; the scale is a factor."""
    file = tmp_path / 'part.stl'
    file.write_bytes(b'')
    found = known(a_marker(Marker.MESH_RESOURCE, mesh_resource=f'file://{file}'))
    (item,) = found.objects
    assert item.shape == MeshShape(file, (0.1, 0.1, 0.1))


def test_a_frame_that_stands_is_followed() -> None:
    """A link that nothing moves is as good as the base frame."""
    there = a_marker()
    there.header.frame_id = '/world'
    assert known(there).objects[0].pose.position == (0.5, 0.0, -1.0)


def test_a_text_is_nothing_to_hit() -> None:
    """Names of things are published beside them."""
    found = known(a_marker(Marker.TEXT_VIEW_FACING, text='cup'))
    assert not found.objects
    assert not found.problem


def in_frame(name: str) -> Marker:
    """A cube in another frame."""
    made = a_marker()
    made.header.frame_id = name
    return made


@pytest.mark.parametrize(
    ('marker', 'said'),
    [
        (in_frame('camera_link'), "frame 'camera_link'"),
        (in_frame(''), "frame ''"),
        (a_marker(scale=Vector3(x=0.1, y=0.1)), 'above 0'),
        (a_marker(scale=Vector3(x=0.1, y=-0.1, z=0.1)), 'above 0'),
        (a_marker(scale=Vector3(x=0.1, y=math.nan, z=0.1)), 'nan'),
        (a_marker(Marker.SPHERE, scale=Vector3(x=0.1, z=0.1)), 'above 0'),
        (a_marker(pose=PoseMessage(position=Point(x=math.inf))), 'inf'),
        (a_marker(pose=PoseMessage(orientation=Quaternion(w=0.5))), 'length 0.5'),
        (a_marker(Marker.ARROW), 'type 0 is no body'),
        (a_marker(Marker.CUBE_LIST, points=[Point(x=math.nan)]), 'nan'),
        (a_marker(Marker.MESH_RESOURCE, mesh_resource='file:///no/such.stl'), 'is not a file'),
        (a_marker(Marker.MESH_RESOURCE, mesh_resource='package://no/such.stl'), 'not found'),
        (a_marker(Marker.MESH_RESOURCE, mesh_resource='such.stl'), 'neither package'),
        (a_marker(action=7), 'action 7'),
        (a_marker(lifetime=Duration(sec=-1)), 'lifetime'),
    ],
)
def test_what_cannot_be_understood_is_remembered_until_it_goes(marker: Marker, said: str) -> None:
    """Cases 28 and 62, and what drivers send: nothing else makes them good."""
    found = known(marker)
    assert said in found.problem
    assert 'marker test/0' in found.problem
    found.apply([a_marker(number=1)], 1)
    assert said in found.problem
    found.apply([a_marker()], 2)
    assert not found.problem
    found.apply([marker], 3)
    found.apply([a_marker(action=Marker.DELETE)], 4)
    assert not found.problem


ACTIONS = st.sampled_from([Marker.ADD, Marker.DELETE, Marker.DELETEALL])


@given(st.lists(st.lists(st.tuples(ACTIONS, st.integers(0, 3), st.floats(-1, 1)), max_size=4)))
def test_messages_add_up(messages: list[list[tuple[int, int, float]]]) -> None:
    """What stands there is what a table of the last word on each id holds."""
    found, table = MarkerObjects(FRAMES, ROBOT), dict[int, float]()
    for message in messages:
        place = [PoseMessage(position=Point(x=x)) for _, _, x in message]
        markers = [
            a_marker(number=number, action=action, pose=pose)
            for (action, number, _), pose in zip(message, place, strict=True)
        ]
        found.apply(markers, 0)
        for action, number, x in message:
            if action == Marker.ADD:
                table[number] = x
            elif action == Marker.DELETE:
                table.pop(number, None)
            else:
                table.clear()
    there = {item.name: item.pose.position[0] for item in found.objects}
    assert there == {f'marker test/{number}': x for number, x in table.items()}
