# SPDX-License-Identifier: Apache-2.0
"""Where frames are and how fast they move, for many states at once.

Pinocchio takes one state a call, and from Python most of a call is not computing. Motions are
looked at in hundreds of states, so here each joint is one step over all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from vla_safety.motion import Array


@dataclass(frozen=True)
class _Joint:
    """A joint with one coordinate.

    Its rotation against the joint above is ``fixed + sin(q) * sine + cos(q) * cosine``.
    """

    parent: int
    place: Array
    axis: Array
    turns: bool
    fixed: Array
    sine: Array
    cosine: Array


@dataclass(frozen=True)
class Frame:
    """A frame that a joint carries.

    Attributes:
        joint: Number of the joint, 0 for the base.
        place: Of its origin, as seen from the joint [m].
    """

    joint: int
    place: Array


class Chain:
    """A model whose joints all have one coordinate."""

    def __init__(self, model: pin.Model) -> None:
        """Read the model once."""
        self._joints = [_joint(model, index) for index in range(1, model.njoints)]
        self._columns = [int(model.joints[index].idx_q) for index in range(1, model.njoints)]
        self._last: tuple[Array, list[Array], list[Array]] | None = None

    def positions(self, q: Array, frames: Sequence[Frame]) -> Array:
        """Of frames in the model's world [m]: frames by states by 3."""
        turns, places = self._place(q)
        return np.stack([places[f.joint] + turns[f.joint] @ f.place for f in frames])

    def speeds(self, q: Array, v: Array, frames: Sequence[Frame]) -> Array:
        """Of frames [m/s]: frames by states."""
        turns, places = self._place(q)
        linear, angular = [np.zeros((len(q), 3))], [np.zeros((len(q), 3))]
        for index, (joint, column) in enumerate(zip(self._joints, self._columns, strict=True)):
            above, rate = joint.parent, v[:, column, None]
            along = (turns[index + 1] @ joint.axis) * rate
            arm = places[index + 1] - places[above]
            carried = linear[above] + _cross(angular[above], arm)
            linear.append(carried if joint.turns else carried + along)
            angular.append(angular[above] + along if joint.turns else angular[above])
        velocities = [
            linear[f.joint] + _cross(angular[f.joint], turns[f.joint] @ f.place) for f in frames
        ]
        return np.asarray(np.sqrt(np.einsum('fki,fki->fk', velocities, velocities)))

    def _place(self, q: Array) -> tuple[list[Array], list[Array]]:
        """Rotation and origin of every joint, the base first: states by 3 by 3, states by 3.

        One check after another asks about the same states.
        """
        if self._last is not None and np.array_equal(self._last[0], q):
            return self._last[1:]
        turns = [np.broadcast_to(np.eye(3), (len(q), 3, 3))]
        places = [np.zeros((len(q), 3))]
        for joint, column in zip(self._joints, self._columns, strict=True):
            above, value = joint.parent, q[:, column]
            place = places[above] + turns[above] @ joint.place
            if joint.turns:
                s, c = np.sin(value)[:, None, None], np.cos(value)[:, None, None]
                turns.append(turns[above] @ (joint.fixed + s * joint.sine + c * joint.cosine))
            else:
                turns.append(turns[above] @ joint.fixed)
                place = place + (turns[-1] @ joint.axis) * value[:, None]
            places.append(place)
        self._last = q, turns, places
        return turns, places


def _joint(model: pin.Model, index: int) -> _Joint:
    kind = model.joints[index]
    data = kind.createData()
    kind.calc(data, np.zeros(model.nq))
    motion = np.asarray(data.S).reshape(6)
    turns = bool(np.any(motion[3:]))
    axis = motion[3:] if turns else motion[:3]
    placement = model.jointPlacements[index]
    rotation = np.asarray(placement.rotation)
    along, skew = np.outer(axis, axis), pin.skew(axis)
    return _Joint(
        parent=int(model.parents[index]),
        place=np.array(placement.translation),
        axis=np.array(axis),
        turns=turns,
        fixed=rotation @ along if turns else rotation,
        sine=rotation @ skew,
        cosine=rotation @ (np.eye(3) - along),
    )


def _cross(a: Array, b: Array) -> Array:
    """Row by row; numpy's own costs more than all else here."""
    x = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    y = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    z = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return np.stack([x, y, z], axis=1)
