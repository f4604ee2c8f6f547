# SPDX-License-Identifier: Apache-2.0
"""The simulated arm and its checker."""

import pytest

from test.vla_safety.collision.scenes import an_arm
from vla_safety.collision.arms import Arm
from vla_safety.collision.embedded import EmbeddedChecker


@pytest.fixture
def arm() -> Arm:
    """The simulated arm."""
    return an_arm()


@pytest.fixture
def checker(arm: Arm) -> EmbeddedChecker:
    """Its checker, in an empty scene."""
    return EmbeddedChecker(arm)
