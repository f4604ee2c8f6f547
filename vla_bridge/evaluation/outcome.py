# SPDX-License-Identifier: Apache-2.0
"""How an episode went, as numbers and words that can be written down."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """One episode.

    Attributes:
        suite: It belongs to.
        number: In the suite, from 0.
        family: Of the task that counts.
        instruction: That counts, the last one given.
        scene_seed: Of the scene.
        success: The simulator's verdict when the task ended, and a second later still.
        reason: Why not; empty for a success.
        time_s: Simulated time from the instruction to success; None without.
        duration_s: Simulated time from the first instruction to the end.
        jerk: Of the joints while the arm moves, root mean square [rad/s³].
        boundary: Greatest step from one chunk to the next [rad]; None where chunks are not joint
            positions, or there was only one.
        interventions: Of the motion filter, by kind and reason.
        ran_out: Times that rows ran out before the next chunk came.
        chunks: Followed.
        collisions: Links of the arm and what they hit.
        claims: Answers that said that the task is done while it was not.
        claimed_s: Simulated time from the instruction to the first answer that says that it is
            done; None without.
        errors: Questions without an answer that could be used.
        inference_ms: How long answers really took on this machine. The only numbers that are not
            the same each time.
    """

    suite: str
    number: int
    family: str
    instruction: str
    scene_seed: int
    success: bool
    reason: str
    time_s: float | None
    duration_s: float
    jerk: float
    boundary: float | None
    interventions: dict[str, int]
    ran_out: int
    chunks: int
    collisions: tuple[tuple[str, str], ...]
    claims: int
    claimed_s: float | None
    errors: int
    inference_ms: tuple[float, ...]

    @property
    def intervened(self) -> int:
        """All interventions."""
        return sum(self.interventions.values())

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> 'Outcome':
        """What plain() gave."""
        pairs = tuple((link, other) for link, other in plain['collisions'])
        return cls(**{**plain, 'collisions': pairs, 'inference_ms': tuple(plain['inference_ms'])})
