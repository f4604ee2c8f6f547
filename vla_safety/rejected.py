# SPDX-License-Identifier: Apache-2.0
"""A refused chunk as a file: whoever has it, and the arm's description, can ask again why.

Every number comes back to the last bit, so that the same code gives the same answer.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vla_contract.action import MOST_ROWS
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.avoidance import Avoidance
from vla_safety.beside import Beside, neighbours_of
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import CollisionChecker
from vla_safety.filter import MotionFilter
from vla_safety.kinematics import Kinematics
from vla_safety.plain import from_plain, to_plain
from vla_safety.reasons import Reason
from vla_safety.situation import Rejection, recall
from vla_safety.watch import Watch

VERSION = 2
MOST_VALUES = 200_000
"""Of a chunk that is kept; the rows beyond MOST_ROWS, which refuse it, are left out."""
_LARGEST_FILE = 64_000_000
_OWN_LINE = 2
"""Levels of mappings whose keys stand on lines of their own."""

LoadChecker = Callable[[Robot, Path, Path | None], CollisionChecker | None]
"""Collision checking for a robot, its URDF and its SRDF; None where it asks for none."""


@dataclass(frozen=True)
class Setup:
    """What holds as long as a safety node runs.

    Attributes:
        deployment: As it was named, for people.
        robot: The robot file with every override laid over it.
        robot_path: That file; meshes are named from there.
        urdf: The arm's description.
        srdf: The same; None where there is none.
        others: The arms beside it.
        digests: SHA-256 of each description, by path.
        period_s: Time between ticks.
        companions: Whose heartbeats are awaited, and the reason to give where one is silent.
    """

    deployment: str
    robot: Robot
    robot_path: Path
    urdf: Path
    srdf: Path | None
    others: tuple[Beside, ...]
    digests: Mapping[str, str]
    period_s: float
    companions: Mapping[str, Reason]

    def changed_files(self) -> Iterator[str]:
        """What is no longer as it was, in words."""
        for path, digest in self.digests.items():
            if not Path(path).is_file():
                yield f'{path} is not on this machine'
            elif digest_of(Path(path)) != digest:
                yield f'{path} has changed since: the answer may be another now'


@dataclass(frozen=True)
class RejectedChunk:
    """A rejection, with all it takes to repeat it.

    Attributes:
        version: Of the file's format.
        setup: The arm and its files.
        rejection: The chunk, what it met, and why it was refused.
    """

    version: int
    setup: Setup
    rejection: Rejection


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def to_text(setup: Setup, rejection: Rejection) -> str:
    """The file's text, or an error where the chunk is too large to be kept."""
    chunk = rejection.chunk
    kept = chunk.values[: MOST_ROWS + 1]
    if kept.size > MOST_VALUES:
        raise VlaError(f'a chunk of {kept.size} values is not kept; at most {MOST_VALUES} are')
    rejection = replace(rejection, chunk=replace(chunk, values=kept))
    return _lines(to_plain(RejectedChunk(VERSION, setup, rejection)), _OWN_LINE) + '\n'


def from_text(text: str, where: str) -> RejectedChunk:
    """What a file's text says.

    Raises:
        VlaError: It is no file of ours; ``where`` stands before what is wrong.
    """
    try:
        plain = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise VlaError(f'{where} is not a rejected chunk: {error}') from error
    version = plain.get('version') if isinstance(plain, Mapping) else None
    if version != VERSION:
        raise VlaError(f'{where} is not a rejected chunk of version {VERSION}: it has {version!r}')
    try:
        return from_plain(RejectedChunk, plain)
    except VlaError as error:
        raise VlaError(f'{where}: {error}') from error


def read_rejected(path: Path) -> RejectedChunk:
    """Read a file, or raise what is wrong with it."""
    if path.stat().st_size > _LARGEST_FILE:
        raise VlaError(f'{path} has more than {_LARGEST_FILE} bytes: no rejected chunk has')
    try:
        return from_text(path.read_text(encoding='utf-8'), str(path))
    except UnicodeDecodeError as error:
        raise VlaError(f'{path} is not a rejected chunk: {error}') from error


def rebuilt(rejected: RejectedChunk, load_checker: LoadChecker) -> MotionFilter:
    """A filter in the situation that the chunk met."""
    setup = rejected.setup
    kinematics = Kinematics(setup.robot, setup.urdf)
    checker, avoidance = load_checker(setup.robot, setup.urdf, setup.srdf), None
    if checker is not None:
        own = Arm(setup.robot, setup.urdf, setup.srdf)
        beside = neighbours_of(own, setup.others, session=0)
        avoidance = Avoidance(checker, setup.robot, neighbours=beside)
    motion_filter = MotionFilter(
        setup.robot,
        kinematics,
        setup.period_s,
        Watch(setup.companions, setup.robot.timing.heartbeat_timeout_s),
        avoidance,
    )
    recall(motion_filter, rejected.rejection.met)
    return motion_filter


def _lines(plain: object, levels: int) -> str:
    """JSON with a line for each key down to some level: short to read, and short to write."""
    if not levels or not isinstance(plain, Mapping) or not plain:
        return json.dumps(plain, ensure_ascii=False, allow_nan=False)
    items = (f'{json.dumps(key)}: {_lines(item, levels - 1)}' for key, item in plain.items())
    return '{\n' + ',\n'.join(items) + '\n}'


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is no number of JSON')
