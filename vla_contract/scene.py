# SPDX-License-Identifier: Apache-2.0
"""What stands around the arm, where news of it comes from, and how far the arm keeps away."""

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from vla_contract.document import Contradiction, Document
from vla_contract.fields import Name, OptionalTopic, Positive

Vector3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
NotNegative = Annotated[float, Field(ge=0)]
SHAPES = ('box', 'sphere', 'cylinder', 'mesh', 'plane')


class Cylinder(Document):
    """A cylinder along z about its middle.

    Attributes:
        radius: In metres.
        length: In metres.
    """

    radius: Positive
    length: Positive


class Mesh(Document):
    """The convex hull of a mesh file.

    Attributes:
        file: STL, OBJ, DAE or PLY, beside the robot file or ``package://…``.
        scale: Factors along x, y and z from the file's unit to metres.
    """

    file: Name
    scale: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)


class SceneObject(Document):
    """Something that the arm must not touch. Exactly one shape is given.

    Attributes:
        name: Unique; findings name it.
        box: Full lengths along x, y and z [m].
        sphere: Radius [m].
        cylinder: Along z.
        mesh: From a file.
        plane: true: all that lies below z = 0 of its pose is solid.
        position: Of its middle, in the base frame [m].
        orientation: Quaternion x, y, z, w.
        touch_links: Links that may touch it, such as the base that stands on it.
        slows: Nearness to it slows the arm down; false for what the arm works on.
    """

    name: Name
    box: tuple[Positive, Positive, Positive] | None = None
    sphere: Positive | None = None
    cylinder: Cylinder | None = None
    mesh: Mesh | None = None
    plane: bool = False
    position: Vector3 = (0.0, 0.0, 0.0)
    orientation: Quaternion = (0.0, 0.0, 0.0, 1.0)
    touch_links: tuple[Name, ...] = ()
    slows: bool = True

    def contradictions(self) -> Iterator[Contradiction]:
        """It has one shape, and its quaternion turns and does nothing else."""
        given = [shape for shape in SHAPES if getattr(self, shape) not in (None, False)]
        if len(given) != 1:
            found = ' and '.join(given) or 'no shape'
            text = f'{self.name} has {found}; give it one of {", ".join(SHAPES)}'
            yield Contradiction((given[-1] if given else 'name',), text)
        norm = math.hypot(*self.orientation)
        if abs(norm - 1) > 1e-3:
            yield Contradiction(('orientation',), f'has length {norm:g}; give it length 1')


class DepthCamera(Document):
    """A depth camera whose points are obstacles.

    Attributes:
        camera: Of the robot's cameras; it must be a depth camera with an info_topic.
        position: Of its optical frame in the base frame [m].
        orientation: Of its optical frame (z forward, x right): quaternion x, y, z, w.
        voxel: Edge of the cubes that points are gathered in [m].
        points: Points that make a cube an obstacle, of a picture thinned to 320 x 240.
        forget_s: Time after which a cube that is not seen again is free, unless it is hidden [s].
        reach: Points farther away than this are ignored [m].
        own_margin: Points nearer to the arm than this are taken for the arm itself [m].
    """

    camera: Name
    position: Vector3
    orientation: Quaternion
    voxel: Positive = 0.04
    points: Annotated[int, Field(gt=0)] = 5
    forget_s: Positive = 1.0
    reach: Positive = 2.0
    own_margin: NotNegative = 0.04


class Scene(Document):
    """Everything around the arm.

    Attributes:
        objects: What always stands there.
        planning_scene: Topic of moveit_msgs/PlanningScene, empty for none.
        markers: Topic of visualization_msgs/MarkerArray whose shapes are obstacles, empty for none.
        depth: A depth camera whose points are obstacles.
        max_age_s: Age of the last news from any of these beyond which nothing moves [s]; 0: what
            was heard once holds for ever.
        required: Without any object, nothing moves.
    """

    objects: tuple[SceneObject, ...] = ()
    planning_scene: OptionalTopic = ''
    markers: OptionalTopic = ''
    depth: DepthCamera | None = None
    max_age_s: NotNegative = 0.0
    required: bool = False

    def contradictions(self) -> Iterator[Contradiction]:
        """Names are unique, and ages are kept of something."""
        names = [item.name for item in self.objects]
        for index, name in enumerate(names):
            if names.index(name) < index:
                text = f'{name} is also scene.objects.{names.index(name)}.name'
                yield Contradiction(('objects', index, 'name'), text)
        if self.max_age_s and not (self.planning_scene or self.markers or self.depth):
            yield Contradiction(
                ('max_age_s',), f'{self.max_age_s:g} s, but no topic brings news of the scene'
            )


class CollisionBackend(StrEnum):
    """What looks for collisions."""

    EMBEDDED = 'embedded'
    MOVEIT = 'moveit'
    NONE = 'none'


class Collision(Document):
    """How far the arm keeps away from itself and everything else.

    Attributes:
        backend: ``embedded`` (Pinocchio and coal), ``moveit`` (yes or no by MoveIt's planning
            scene, distances by coal), or ``none``.
        margin: Least distance to the scene and other arms [m].
        own_margin: Least distance between parts of the arm [m].
        tracking: What the arm may be beside its plan, added to the margin [m].
        slow_from: Distance to the scene under which the pace falls, down to ``slowest`` at the
            margin [m]; 0: the pace does not depend on it.
        slowest: Pace at the margin.
        auditor: MoveIt's ``/check_state_validity`` as auditor: its name, empty for none.
    """

    backend: CollisionBackend = CollisionBackend.EMBEDDED
    margin: NotNegative = 0.01
    own_margin: NotNegative = 0.0
    tracking: NotNegative = 0.0
    slow_from: NotNegative = 0.0
    slowest: Annotated[float, Field(gt=0, le=1)] = 0.2
    auditor: OptionalTopic = ''

    def contradictions(self) -> Iterator[Contradiction]:
        """Slowing down begins before the margin."""
        kept = self.margin + self.tracking
        if 0 < self.slow_from <= kept:
            yield Contradiction(
                ('slow_from',), f'{self.slow_from:g} m is not above margin + tracking {kept:g} m'
            )
        if self.auditor and self.backend is CollisionBackend.NONE:
            text = f'{self.auditor} has nothing to compare with: backend is none'
            yield Contradiction(('auditor',), text)
