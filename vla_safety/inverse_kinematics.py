# SPDX-License-Identifier: Apache-2.0
"""From a tool pose to joint positions, on the branch of the configuration that it starts from."""

import numpy as np
import pinocchio as pin

from vla_safety.kinematics import Kinematics
from vla_safety.limits import Limits
from vla_safety.motion import Array
from vla_safety.reasons import Reason, RefusedError

TOLERANCE = 1e-7
"""Greatest error of a solution [m and rad]."""
_ITERATIONS = 30
_DAMPING = 1e-4
_LONGEST_STEP = 0.2


class InverseKinematics:
    """Damped least squares. The damping goes with the error, so a solution is exact."""

    def __init__(self, kinematics: Kinematics, limits: Limits) -> None:
        """Solve for this arm within these limits."""
        self._kinematics = kinematics
        self._lower = limits.lower + limits.margin
        self._upper = limits.upper - limits.margin

    def pose(self, q: Array) -> pin.SE3:
        """Tool pose in the base frame at a configuration."""
        return self._kinematics.tool_pose(q)

    def solve(self, pose: pin.SE3, seed: Array) -> Array:
        """Joint positions within limits that put the tool there, found by walking from the seed.

        Raises:
            RefusedError: UNREACHABLE where the walk does not arrive.
        """
        q = np.array(seed, dtype=np.float64)
        error = np.full(6, np.inf)
        for _ in range(_ITERATIONS):
            jacobian = self._kinematics.tool_jacobian(q)
            error = pose_error(self._kinematics.tool_pose(q), pose)
            size = float(error @ error)
            if np.abs(error).max() < TOLERANCE:
                return q
            normal = jacobian @ jacobian.T
            normal[np.diag_indices(6)] += _DAMPING * min(1.0, size * 1e3) + 1e-10
            step = jacobian.T @ np.linalg.solve(normal, error)
            longest = float(np.abs(step).max())
            q = q + step * min(1.0, _LONGEST_STEP / max(longest, 1e-12))
            q = np.clip(q, self._lower, self._upper)
        x, y, z = pose.translation
        raise RefusedError(
            Reason.UNREACHABLE,
            f'the tool cannot reach ({x:.3f}, {y:.3f}, {z:.3f}) m in this posture: '
            f'{np.linalg.norm(error[:3]) * 1e3:.1f} mm and '
            f'{np.degrees(np.linalg.norm(error[3:])):.1f} degrees are left',
        )

    def manipulability(self, q: Array) -> float:
        """Least tool speed, over all directions, per unit of joint speed; 0 in a singularity.

        Turning is counted at a lever of LEVER metres, so that both are speeds.
        """
        jacobian = self._kinematics.tool_jacobian(q)
        jacobian[3:] *= LEVER
        return float(np.linalg.svd(jacobian, compute_uv=False)[-1])


LEVER = 0.2
"""Size of what the tool holds, by which turning is compared with moving [m]."""


def pose_error(now: pin.SE3, wanted: pin.SE3) -> Array:
    """Translation [m] and rotation vector [rad] from one pose to another, in base axes."""
    turn = pin.log3(wanted.rotation @ now.rotation.T)
    return np.concatenate([wanted.translation - now.translation, turn])
