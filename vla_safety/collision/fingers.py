# SPDX-License-Identifier: Apache-2.0
"""What a gripper that opens or closes would come too near, with the arm where it is."""

from collections.abc import Sequence

import numpy as np

from vla_contract.errors import VlaError
from vla_safety.collision.checker import CollisionChecker, Contact, Margin
from vla_safety.motion import Array

STEP_M = 0.002
"""Farthest that a finger travels between two looks [m]."""
_TOLERANCE_M = 1e-4
_MOST_LOOKS = 200


def met_by_fingers(
    checker: CollisionChecker, start: Array, end: Array, margin: Margin
) -> Contact | None:
    """What fingers come too near on a straight way between two postures, None where nothing is.

    What is too near at the start already may stay as it is, or get farther away.

    Args:
        checker: Knows the gripper and the scene.
        start: A posture.
        end: The same with another opening.
        margin: Distances kept.
    """
    half = np.abs(end - start) / 2
    if checker.is_free((start + end) / 2, margin, half):
        return None
    looks = int(np.ceil(float(checker.radii @ (2 * half)) / STEP_M))
    if looks > _MOST_LOOKS:
        raise VlaError(f'the fingers would travel too far to be looked at: {looks} postures')
    near = {contact.pair: contact.distance_m for contact in checker.contacts(start, margin)}
    for share in _shares(looks):
        for contact in checker.contacts(start + share * (end - start), margin):
            if contact.distance_m < near.get(contact.pair, np.inf) - _TOLERANCE_M:
                return contact
    return None


def _shares(looks: int) -> Sequence[float]:
    return [float(share) for share in np.linspace(0, 1, max(looks, 1) + 1)[1:]]
