# SPDX-License-Identifier: Apache-2.0
"""MoveIt's planning scene without a node: does a posture touch anything? Yes or no, no distances.

MoveIt says nothing when it has been misunderstood, so whatever is told to it is read back, and its
model is compared with Pinocchio's before it is believed:

- its transforms are updated before each check; otherwise it would judge the posture before;
- joints are set by name, and credible values are checked here: it reads beyond a short vector,
  takes an unknown group for the whole robot, and does not ask for joint bounds (the filter does);
- no numpy array is passed: bindings that were built for numpy 1 crash on those of numpy 2;
- an object in an unknown frame would be dropped; all are given in the planning frame;
- each scene gets a world of its own; the default one is shared by all;
- what may touch is decided by ``vla_safety.collision.pairs`` for every checker alike.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from vla_bridge.collision.description import write_description
from vla_bridge.collision.installed import Bindings
from vla_bridge.collision.proof import prove_kinematics, prove_shapes
from vla_bridge.collision.read_back import refuse_missing
from vla_bridge.collision.to_moveit import attached_collision_object, collision_object
from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm
from vla_safety.collision.assembly import Assembly
from vla_safety.collision.checker import Pair
from vla_safety.collision.objects import AttachedObject, SceneObject, refuse_repeated
from vla_safety.motion import Array


class MoveItScene:
    """One planning scene on the arms of an assembly."""

    def __init__(self, bindings: Bindings, arms: Sequence[Arm], assembly: Assembly) -> None:
        """Load the arms and prove that MoveIt has them as Pinocchio has; ``build`` comes next.

        Args:
            bindings: MoveIt.
            arms: The one that is checked first.
            assembly: Of the same arms.
        """
        self._bindings, self._assembly = bindings, assembly
        with TemporaryDirectory(prefix='vla-moveit-') as folder:
            files = write_description(arms, assembly, Path(folder))
            self.model = bindings.RobotModel(str(files.urdf), str(files.srdf))
        self._driven = files.driven
        model = assembly.model
        indices = [model.joints[model.getJointId(name)].idx_q for name in files.driven]
        self._rows, self._offset = assembly.matrix[indices], assembly.offset[indices]
        self._greatest = assembly.greatest[indices]
        self._scene: Any = None
        self._state: Any = None
        self._pairs: frozenset[Pair] = frozenset()
        self._matrix: Any = None
        self._request = bindings.CollisionRequest()
        self.build((), (), frozenset())
        prove_kinematics(self.placed, assembly)
        state = self.placed(np.zeros(assembly.matrix.shape[1]))
        prove_shapes(bindings, self._scene, state, assembly)
        self.build((), (), frozenset())

    def build(
        self,
        objects: Sequence[SceneObject],
        attached: Sequence[AttachedObject],
        pairs: frozenset[Pair],
    ) -> None:
        """Replace everything but the arms; on an error, all stays as it was.

        Args:
            objects: The scene.
            attached: What links carry.
            pairs: What is compared with what; nothing else is.
        """
        bindings = self._bindings
        scene = bindings.PlanningScene(self.model, bindings.World())
        frame, messages = scene.planning_frame, bindings.messages
        stands = [collision_object(o, frame, messages, self._assembly.base) for o in objects]
        carried = [attached_collision_object(item, messages) for item in attached]
        for message in stands:
            scene.apply_collision_object(message)
        scene.current_state.update()
        for message in carried:
            scene.process_attached_collision_object(message)
        refuse_missing(scene.planning_scene_message, stands, carried)
        moving = [*sorted(set(self._assembly.links)), *(item.name for item in attached)]
        matrix = self._allow(pairs, moving, [item.name for item in objects])
        scene.allowed_collision_matrix = matrix
        self._scene, self._state = scene, scene.current_state
        self._pairs, self._matrix = pairs, matrix

    def is_free(self, posture: Array, ignoring: Collection[Pair] = ()) -> bool:
        """Whether nothing touches; a posture that is not to be believed is not free.

        Args:
            posture: As the assembly's layout has it.
            ignoring: Pairs that are judged elsewhere.
        """
        if not self._place(posture):
            return False
        ignored = self._pairs.intersection(ignoring)
        if not ignored:
            return not self._scene.is_state_colliding(self._state, '')
        with self._marked(ignored, may_touch=True):
            return not self._collides()

    def touching(self, posture: Array) -> tuple[Pair, ...]:
        """All pairs that touch, found one by one: the bindings do not say which they are."""
        self.placed(posture)
        with self._marked(self._pairs, may_touch=True):
            return tuple(pair for pair in sorted(self._pairs, key=sorted) if self._touches(pair))

    def positions(self, posture: Array) -> dict[str, float] | None:
        """MoveIt's joints by name; None for a posture that is not to be believed."""
        count = self._rows.shape[1]
        if posture.shape != (count,):
            raise VlaError(f'a posture of shape {posture.shape}, where {count} numbers are needed')
        if not np.isfinite(posture).all():
            return None
        positions = self._rows @ posture + self._offset
        if not (np.abs(positions) <= self._greatest).all():
            return None
        return dict(zip(self._driven, positions.tolist(), strict=True))

    def placed(self, posture: Array) -> Any:  # noqa: ANN401 - MoveIt's
        """The state of the arms in a posture; it is valid until the next."""
        if not self._place(posture):
            raise VlaError(f'posture {np.array2string(posture)} is not finite or not credible')
        return self._state

    def _place(self, posture: Array) -> bool:
        positions = self.positions(posture)
        if positions is None:
            return False
        self._state.joint_positions = positions
        self._state.update()
        return True

    def _touches(self, pair: Pair) -> bool:
        with self._marked([pair], may_touch=False):
            return self._collides()

    def _collides(self) -> bool:
        result = self._bindings.CollisionResult()
        self._scene.check_collision(self._request, result, self._state, self._matrix)
        return bool(result.collision)

    @contextmanager
    def _marked(self, pairs: Collection[Pair], *, may_touch: bool) -> Iterator[None]:
        """For a while, whatever happens in it."""
        for pair in pairs:
            self._matrix.set_entry(*pair, may_touch)
        try:
            yield
        finally:
            for pair in pairs:
                self._matrix.set_entry(*pair, not may_touch)

    def _allow(self, pairs: frozenset[Pair], moving: Sequence[str], still: Sequence[str]) -> Any:  # noqa: ANN401
        """Everything may touch but these pairs; what stands still never meets what does too."""
        refuse_repeated([*moving, *still])
        matrix = self._bindings.AllowedCollisionMatrix([], False)
        for index, first in enumerate(moving):
            for second in (*moving[index + 1 :], *still):
                if frozenset((first, second)) not in pairs:
                    matrix.set_entry(first, second, True)
        return matrix
