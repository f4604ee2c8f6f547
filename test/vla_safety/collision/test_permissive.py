# SPDX-License-Identifier: Apache-2.0
"""An SRDF that lets links pass through each other is noticed before anything moves."""

from itertools import combinations
from pathlib import Path

import pytest

from test.vla_safety.collision.scenes import NAMES, an_arm
from vla_safety.collision.arms import Arm
from vla_safety.collision.assembly import assemble
from vla_safety.collision.permissive import permitted_collisions

UPPER, TOOL = 'upper_arm_link', 'gripper_base_link'


def with_pairs(folder: Path, pairs: list[tuple[str, str]], reason: str) -> Arm:
    """The simulated arm, its SRDF allowing further pairs."""
    arm = an_arm()
    assert arm.srdf is not None
    said = f' reason="{reason}"' if reason else ''
    lines = [f'<disable_collisions link1="{a}" link2="{b}"{said}/>' for a, b in pairs]
    path = folder / 'permissive.srdf'
    text = arm.srdf.read_text().replace('</robot>', '\n'.join([*lines, '</robot>']))
    path.write_text(text)
    return Arm(arm.robot, arm.urdf, path)


@pytest.mark.parametrize('name', NAMES)
def test_the_srdfs_of_this_repository_permit_no_collision(name: str) -> None:
    """What they disable was sampled, or is built so."""
    assert permitted_collisions(an_arm(name)) == ()


@pytest.mark.parametrize('reason', ['Never', 'Adjacent', 'User', ''])
def test_a_pair_that_collides_is_named_whatever_the_srdf_says(tmp_path: Path, reason: str) -> None:
    """The hand against the upper arm, which an elbow that folds brings together."""
    found = permitted_collisions(with_pairs(tmp_path, [(UPPER, TOOL)], reason))
    assert [{item.first, item.second} for item in found] == [{UPPER, TOOL}]
    assert found[0].reason == reason
    assert 0 < found[0].share < 0.9
    assert (f'"{reason}"' if reason else 'without a reason') in found[0].text


def test_an_srdf_that_permits_everything_is_noticed(tmp_path: Path) -> None:
    """With every pair that can meet, the worst first."""
    arm = an_arm()
    links = sorted(set(assemble((arm,)).links))
    found = permitted_collisions(with_pairs(tmp_path, list(combinations(links, 2)), 'Never'))
    assert len(found) > 10
    assert list(found) == sorted(found, key=lambda item: -item.share)
    assert {UPPER, TOOL} in [{item.first, item.second} for item in found]
    assert all('Adjacent' not in item.text for item in found)


def test_without_an_srdf_nothing_is_permitted() -> None:
    """Only neighbours may touch then."""
    arm = an_arm()
    assert permitted_collisions(Arm(arm.robot, arm.urdf)) == ()
