# SPDX-License-Identifier: Apache-2.0
"""Another arm beside this one: where it stands, and where it says what it does.

The other arm's robot file is read for its shape and joints. Arms that it names in turn are not
followed: two files may name each other.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vla_contract.document import Contradiction, Document
from vla_contract.fields import Name, Positive, Topic

if TYPE_CHECKING:
    from vla_contract.robot import Robot

Vector3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]


class OtherArm(Document):
    """Another arm that this one must not touch. It has a safety node of its own.

    Attributes:
        name: Unique; findings name it.
        robot: Its robot file, beside this one; ``.yaml`` may be left out.
        position: Of its base frame in ours [m].
        orientation: Of its base frame in ours: quaternion x, y, z, w.
        joint_states: Topic of its joint states, for example ``/right/joint_states``.
        plan: Topic on which its safety node says where it may still be, for example
            ``/right/safety_node/shared_plan``.
        max_age_s: Silence of either topic after which nothing moves [s].
    """

    name: Name
    robot: Name
    position: Vector3 = (0.0, 0.0, 0.0)
    orientation: Quaternion = (0.0, 0.0, 0.0, 1.0)
    joint_states: Topic
    plan: Topic
    max_age_s: Positive = 0.25

    def contradictions(self) -> Iterator[Contradiction]:
        """Its quaternion turns and does nothing else; its name can stand before a link's."""
        norm = math.hypot(*self.orientation)
        if abs(norm - 1) > 1e-3:
            yield Contradiction(('orientation',), f'has length {norm:g}; give it length 1')
        if '/' in self.name:
            yield Contradiction(('name',), f'{self.name} holds a /, which links are told apart by')
        if self.joint_states == self.plan:
            yield Contradiction(('plan',), f'{self.plan} is also the topic of joint_states')


@dataclass(frozen=True)
class Neighbour:
    """Another arm, with its robot file read.

    Attributes:
        said: What our robot file says of it.
        robot: What its own says.
        path: Its own.
    """

    said: OtherArm
    robot: 'Robot'
    path: Path


def other_path(robot_path: Path, name: str) -> Path:
    """The robot file that an entry names: beside ours, with or without its ending."""
    path = robot_path.parent / name
    return path if path.suffix else path.with_name(f'{path.name}.yaml')
