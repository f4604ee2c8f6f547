# SPDX-License-Identifier: Apache-2.0
"""The SRDFs of this repository allow no more than what they say they allow."""

import numpy as np
import pytest

from test.vla_safety.collision.scenes import NAMES, an_arm
from tools.make_srdf import reasons_of
from vla_safety.collision.arms import Arm
from vla_safety.collision.assembly import assemble
from vla_safety.collision.srdf import read_allowed

SAMPLES = 400


@pytest.mark.parametrize('name', NAMES)
def test_pairs_that_meet_are_not_allowed_as_if_they_never_did(name: str) -> None:
    """Sampled anew: neighbours and grippers are the same, and what is near is checked."""
    arm = an_arm(name)
    assert arm.srdf is not None
    assembly = assemble((Arm(arm.robot, arm.urdf),))
    written = {tuple(sorted(pair)): r for pair, r in read_allowed(arm.srdf, assembly.links).items()}
    sampled = reasons_of(assembly, SAMPLES)
    never = {pair for pair, reason in written.items() if reason == 'Never'}
    assert never <= {pair for pair, reason in sampled.items() if reason == 'Never'}
    built = {pair for pair, reason in sampled.items() if reason in ('Adjacent', 'Gripper')}
    assert built == {pair for pair, r in written.items() if r in ('Adjacent', 'Gripper')}


@pytest.mark.parametrize('name', NAMES)
def test_an_srdf_leaves_something_to_check(name: str) -> None:
    """The hand against the base, in every arm."""
    arm = an_arm(name)
    assert arm.srdf is not None
    assembly = assemble((arm,))
    hand = assembly.links[
        int(np.argmax([s.parentJoint for s in assembly.geometry.geometryObjects]))
    ]
    assert frozenset((assembly.links[0], hand)) not in assembly.allowed
