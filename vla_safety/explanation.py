# SPDX-License-Identifier: Apache-2.0
"""What the pipeline made of a refused chunk: the steps, the outcome, and what there is to draw."""

from dataclasses import dataclass

from vla_safety.collision.checker import Clearance
from vla_safety.motion import Motion
from vla_safety.reasons import Finding
from vla_safety.rows import RowPath
from vla_safety.steps import Step


@dataclass(frozen=True)
class Explanation:
    """What the pipeline made of a chunk.

    Attributes:
        steps: All of them, reached or not.
        finding: The outcome.
        asked: Joint positions that the chunk asks for, limits not looked at; None where what it
            says cannot be told in joint positions.
        followed: Rows of them that were to be followed.
        intended: How they were to be followed; it need not end at rest.
        sent: What the controller holds after the decision; None where nothing moves.
        cut_ns: Until when what was proposed is in order; None where nothing was cut off.
        proposed: The motion that was refused; None where none was made.
        nearest: What is nearest to the arm where the motion was cut off; None where nothing is,
            or nothing was.
    """

    steps: tuple[Step, ...]
    finding: Finding
    asked: RowPath | None
    followed: int
    intended: Motion | None
    sent: Motion | None
    cut_ns: int | None
    proposed: Motion | None
    nearest: Clearance | None
