# SPDX-License-Identifier: Apache-2.0
"""Joint states, arrays, stamps and ground truth: the same from rclpy and from a bag."""

import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, MultiArrayDimension
from vla_control.msg import GroundTruth, SimObject

from vla_bridge.codecs.ground_truth import decode_ground_truth
from vla_bridge.codecs.joint_state import joint_positions
from vla_bridge.codecs.multi_array import array_values
from vla_bridge.codecs.stamp import stamp_ns
from vla_contract.errors import VlaError

Reader = Callable[[Any], Any]


def test_joints_are_found_by_name(read: Reader) -> None:
    """Order and unknown joints do not matter; a joint that is not there is left out."""
    message = JointState(name=['c', 'x', 'a'], position=[3.0, np.nan, 1.0])
    assert joint_positions(read(message), ('a', 'b', 'c'), 't') == {'a': 1.0, 'c': 3.0}


def test_a_message_of_velocities_only_says_nothing_of_positions(read: Reader) -> None:
    """Empty positions are allowed by the message's definition."""
    assert joint_positions(read(JointState(name=['a'], velocity=[1.0])), ('a',), 't') == {}


@pytest.mark.parametrize(
    ('names', 'positions', 'words'),
    [
        (['a', 'b'], [1.0, np.nan], 'joints: position of b is nan'),
        (['a', 'b'], [-np.inf, 0.0], 'joints: position of a is -inf'),
        (['a', 'b'], [1.0], 'joints: 1 positions for 2 names'),
        (['a', 'a'], [1.0, 1.0], 'joints: a stands twice'),
    ],
)
def test_wrong_joint_states_are_refused_in_words(
    read: Reader, names: list[str], positions: list[float], words: str
) -> None:
    """The error names topic, joint and value."""
    with pytest.raises(VlaError, match=words):
        joint_positions(read(JointState(name=names, position=positions)), ('a', 'b'), 'joints')


def test_an_array_takes_its_shape_from_the_caller(read: Reader) -> None:
    """With and without a layout, and after an offset."""
    message = Float64MultiArray(data=array.array('d', [9.0, 1.0, 2.0, 3.0, 4.0]))
    message.layout.data_offset = 1
    np.testing.assert_array_equal(array_values(read(message), (2, 2), 't'), [[1, 2], [3, 4]])
    message.layout.dim = [MultiArrayDimension(size=2), MultiArrayDimension(size=2)]
    np.testing.assert_array_equal(array_values(read(message), (2, 2), 't'), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ('data', 'sizes', 'words'),
    [
        ([1.0], [], r't: expected 2 numbers for the shape \(2,\), found 1'),
        ([1.0, np.nan], [], 't: number 1 is nan'),
        ([1.0, 2.0], [1, 2], r't: expected the shape \(2,\), found the layout \(1, 2\)'),
    ],
)
def test_wrong_arrays_are_refused_in_words(
    read: Reader, data: list[float], sizes: list[int], words: str
) -> None:
    """The error names topic, expected and found."""
    message = Float64MultiArray(data=array.array('d', data))
    message.layout.dim = [MultiArrayDimension(size=size) for size in sizes]
    with pytest.raises(VlaError, match=words):
        array_values(read(message), (2,), 't')


def test_stamps_are_exact(read: Reader) -> None:
    """No float on the way."""
    assert stamp_ns(read(Time(sec=2**31 - 1, nanosec=999_999_999)), 't') == 2**31 * 10**9 - 1


@pytest.mark.parametrize(('seconds', 'rest'), [(-1, 0), (0, 10**9)])
def test_impossible_stamps_are_refused(read: Reader, seconds: int, rest: int) -> None:
    """The error names the topic and both numbers."""
    with pytest.raises(VlaError, match=f't: stamp has sec {seconds} and nanosec {rest}'):
        stamp_ns(read(Time(sec=seconds, nanosec=rest)), 't')


def test_ground_truth_becomes_a_world() -> None:
    """Every object with its pose and size, and what the gripper does."""
    pose = Pose(
        position=Point(x=0.1, y=0.2, z=0.3), orientation=Quaternion(x=0.0, y=0.0, z=1.0, w=0.0)
    )
    cube = SimObject(
        name='red_cube',
        shape='cube',
        colour='red',
        pose=pose,
        size=Vector3(x=0.04, y=0.05, z=0.06),
    )
    message = GroundTruth(objects=[cube], gripper=0.5, held='red_cube')
    message.header.stamp.sec = 3
    world = decode_ground_truth(message, 't')
    assert (world.stamp_ns, world.gripper, world.held) == (3 * 10**9, 0.5, 'red_cube')
    (body,) = world.bodies
    assert (body.name, body.shape, body.colour) == ('red_cube', 'cube', 'red')
    np.testing.assert_array_equal(body.position, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(body.orientation, [0.0, 0.0, 1.0, 0.0])
    np.testing.assert_array_equal(body.size, [0.04, 0.05, 0.06])
