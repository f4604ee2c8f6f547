# SPDX-License-Identifier: Apache-2.0
"""The check that MoveIt alone would do of a chunk: each row for itself, and nothing between."""

import time
from collections.abc import Sequence

from benchmarks.fuzz.record import Thing
from benchmarks.fuzz.rig import parts, scene_object
from vla_bridge.collision.installed import find_bindings
from vla_bridge.collision.moveit import MoveItChecker
from vla_contract.action import ActionChunk
from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm


def check_rows(
    name: str, things: Sequence[Thing], chunks: Sequence[ActionChunk]
) -> list[float] | None:
    """Time that MoveIt takes for all rows of each chunk [s]; None where it is not installed.

    Args:
        name: Of the robot file.
        things: What stands around.
        chunks: Rows of joint positions that touch nothing.
    """
    try:
        find_bindings()
    except VlaError:
        return None
    own = parts(name)
    urdf, srdf = ((own.path.parent / file).resolve() for file in (own.robot.urdf, own.robot.srdf))
    checker = MoveItChecker(Arm(own.robot, urdf, srdf))
    checker.set_scene([scene_object(thing) for thing in things])
    found = []
    for chunk in chunks:
        began = time.perf_counter()
        free = all(checker.moveit.is_free(checker.layout.posture(row)) for row in chunk.values)
        found.append(time.perf_counter() - began)
        if not free:
            raise RuntimeError('the benchmark means to measure a free way')
    return found
