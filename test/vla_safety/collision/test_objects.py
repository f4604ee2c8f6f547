# SPDX-License-Identifier: Apache-2.0
"""Shapes, poses and SRDFs: what is wrong is refused when it is read, by name and value."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from vla_contract.errors import VlaError
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    CylinderShape,
    MeshShape,
    PlaneShape,
    Pose,
    SceneObject,
    SphereShape,
)
from vla_safety.collision.srdf import read_allowed

LINKS = ('base', 'arm', 'hand')


@pytest.mark.parametrize(
    ('make', 'told'),
    [
        (lambda: BoxShape((0.1, 0.0, 0.1)), 'size of a box is (0.1, 0.0, 0.1)'),
        (lambda: BoxShape((0.1, math.nan, 0.1)), 'nan'),
        (lambda: BoxShape((0.1, 1e300, 0.1)), '1e+300'),
        (lambda: SphereShape(-0.1), 'radius of a sphere is (-0.1,)'),
        (lambda: CylinderShape(0.1, math.inf), 'inf'),
        (lambda: Pose((0.0, math.nan, 0.0)), 'position is'),
        (lambda: Pose(orientation=(0.0, 0.0, 0.0, 0.0)), 'has length 0'),
        (lambda: Pose(orientation=(0.0, 0.0, 1.0, 1.0)), 'has length 1.41421'),
        (lambda: SceneObject(' ', SphereShape(0.1)), 'no name'),
        (lambda: AttachedObject('floor', PlaneShape(), 'hand'), 'floor is a plane'),
        (lambda: MeshShape(Path('nowhere.stl')), 'nowhere.stl is not a file'),
    ],
)
def test_a_senseless_object_is_refused_with_its_values(
    make: Callable[[], object], told: str
) -> None:
    """A flat box would be dropped by the broadphase, without a word."""
    with pytest.raises(VlaError) as refused:
        make()
    assert told in str(refused.value)


def write(path: Path, pairs: str) -> Path:
    """An SRDF with these elements."""
    file = path / 'arm.srdf'
    file.write_text(f'<robot name="arm">{pairs}</robot>')
    return file


def test_pairs_are_read_in_either_order_with_their_reason(tmp_path: Path) -> None:
    """Whoever asks need not know which link was written first."""
    file = write(tmp_path, '<disable_collisions link1="hand" link2="arm" reason="Adjacent"/>')
    assert read_allowed(file, LINKS) == {frozenset(('arm', 'hand')): 'Adjacent'}


@pytest.mark.parametrize(
    ('pairs', 'told'),
    [
        ('<disable_collisions link1="hand" link2="hnad"/>', "link2 'hnad', which the URDF lacks"),
        ('<disable_collisions link1="hand"/>', "link2 '', which the URDF lacks"),
        ('<disable_collisions link1="hand" link2="hand"/>', 'names hand twice'),
        ('<robot', 'is not XML'),
    ],
)
def test_an_srdf_that_does_not_fit_is_refused_by_file_and_link(
    tmp_path: Path, pairs: str, told: str
) -> None:
    """A pair that names no link was meant to say something about one."""
    file = write(tmp_path, pairs)
    with pytest.raises(VlaError) as refused:
        read_allowed(file, LINKS)
    assert told in str(refused.value)
    assert str(file) in str(refused.value)


def test_an_srdf_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Without it more would collide, not less, but the user named it."""
    with pytest.raises(VlaError, match='cannot be read'):
        read_allowed(tmp_path / 'none.srdf', LINKS)
