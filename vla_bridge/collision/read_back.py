# SPDX-License-Identifier: Apache-2.0
"""What a planning scene says that it holds, compared with what it was given.

MoveIt logs an object that it could not take, and goes on without it.
"""

from collections.abc import Sequence
from typing import Any

from vla_contract.errors import VlaError


def refuse_missing(scene: Any, stands: Sequence[Any], carried: Sequence[Any]) -> None:  # noqa: ANN401
    """Raise if a moveit_msgs/PlanningScene lacks an object, or a shape of one, or has another.

    Args:
        scene: What MoveIt says.
        stands: moveit_msgs/CollisionObject messages that it was given.
        carried: moveit_msgs/AttachedCollisionObject messages that it was given.
    """
    bodies = scene.robot_state.attached_collision_objects
    _compare('the scene', stands, scene.world.collision_objects)
    _compare('the arm', [item.object for item in carried], [body.object for body in bodies])
    links = {body.object.id: body.link_name for body in bodies}
    for item in carried:
        if links[item.object.id] != item.link_name:
            raise VlaError(
                f'MoveIt attached {item.object.id} to {links[item.object.id]}, not to '
                f'{item.link_name}'
            )


def _compare(where: str, given: Sequence[Any], held: Sequence[Any]) -> None:
    wanted = {item.id: _shapes(item) for item in given}
    found = {item.id: _shapes(item) for item in held}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise VlaError(
                f'MoveIt was given {wanted.get(name, "nothing")} for {name} and holds '
                f'{found.get(name, "nothing")} in {where}; no verdict of it can be trusted'
            )


def _shapes(item: Any) -> str:  # noqa: ANN401
    return (
        f'{len(item.primitives)} primitives, {len(item.meshes)} meshes, {len(item.planes)} planes'
    )
