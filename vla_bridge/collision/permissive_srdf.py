# SPDX-License-Identifier: Apache-2.0
"""Tells whoever starts an arm what its SRDF lets pass through each other."""

from collections.abc import Iterator

from vla_contract.deployment import Deployment
from vla_contract.scene import CollisionBackend
from vla_safety.collision.arms import Arm
from vla_safety.collision.permissive import permitted_collisions

MOST = 10
"""Pairs that are named; of all others there is only the number."""


def srdf_warnings(deployment: Deployment) -> Iterator[str]:
    """Lines about pairs of links that are not compared and can collide; none where there are none.

    Raises:
        VlaError: URDF or SRDF cannot be read, or a mesh is not on this machine.
    """
    robot, srdf = deployment.robot, deployment.srdf_path
    if srdf is None or robot.collision.backend is CollisionBackend.NONE:
        return
    found = permitted_collisions(Arm(robot, deployment.urdf_path, srdf))
    if not found:
        return
    pairs = '1 pair of links' if len(found) == 1 else f'{len(found)} pairs of links'
    yield (
        f'{srdf} takes {pairs} out of collision checking that can collide; nothing keeps the arm '
        'from that. Remove their disable_collisions'
    )
    for pair in found[:MOST]:
        yield pair.text
    if len(found) > MOST:
        yield f'and {len(found) - MOST} more'
