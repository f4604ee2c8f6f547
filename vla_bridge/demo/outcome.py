# SPDX-License-Identifier: Apache-2.0
"""How a run went: what is printed at its end and kept as summary.json."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vla_bridge.recording.streams import UNPUBLISHED

SUMMARY = 'summary.json'


@dataclass(frozen=True)
class Attempt:
    """One instruction.

    Attributes:
        instruction: As given.
        seed: Of the scene.
        success: The simulator's judgement.
        outcome: How the action ended, in a word.
        message: The same at length.
        duration_s: From instruction to end.
        chunks: Executed.
        first_motion_s: From instruction to the first joint that moved; None if none did.
        bag: Folder of the recording, within that of the run.
        messages: Recorded.
        message_megabytes: Of these messages as they were sent.
        bag_megabytes: Of the recording on disk, which is compressed.
        unpublished: Topics that nobody publishes in this deployment; no fault.
        recorder: What went wrong while recording, empty if nothing did.
    """

    instruction: str
    seed: int
    success: bool
    outcome: str
    message: str
    duration_s: float
    chunks: int
    first_motion_s: float | None
    bag: str
    messages: int
    message_megabytes: float
    bag_megabytes: float
    unpublished: tuple[str, ...]
    recorder: str


@dataclass
class Outcome:
    """One run.

    Attributes:
        date: Of the start.
        robot: Its name.
        policy: Its name.
        simulated: The arm was simulated.
        ground_truth: The policy read the simulator's ground truth.
        ready_s: From start to every node active.
        motion_s: From start to the first motion; None if there was none.
        cpu: Share of one core by node while instructions were carried out.
        attempts: The instructions.
        exits: Exit code by node, negative for a signal.
        clean: Every node stopped when asked.
        total_s: The whole run, video and plot included.
    """

    date: str
    robot: str
    policy: str
    simulated: bool
    ground_truth: bool
    ready_s: float = 0.0
    motion_s: float | None = None
    cpu: dict[str, float] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    exits: dict[str, int] = field(default_factory=dict)
    clean: bool = False
    total_s: float = 0.0

    @property
    def success(self) -> bool:
        """Every instruction was carried out and the graph stopped as it should."""
        return bool(self.attempts) and all(a.success for a in self.attempts) and self.clean

    def write(self, folder: Path) -> Path:
        """Keep it beside what it speaks of."""
        path = folder / SUMMARY
        value = {'success': self.success} | asdict(self)
        path.write_text(json.dumps(value, indent=2) + '\n', encoding='utf-8')
        return path


def sort_out(said: str) -> tuple[str, tuple[str, ...]]:
    """The recorder's words as problems, and the topics that merely nobody publishes."""
    parts = [part for part in said.split('; ') if part]
    ending = f' {UNPUBLISHED}'
    unpublished = tuple(part.removesuffix(ending) for part in parts if part.endswith(ending))
    return '; '.join(part for part in parts if not part.endswith(ending)), unpublished


def folder_megabytes(folder: Path) -> float:
    """Size of the files in a folder."""
    return round(sum(path.stat().st_size for path in folder.glob('*')) / 1e6, 2)
