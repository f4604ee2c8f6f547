# SPDX-License-Identifier: Apache-2.0
"""The policy that repeats an episode. Looks at nothing but the clock and where the arm starts.

An episode is an ``.npz`` file (numpy, no pickle) of three arrays, in the columns, units and
gripper convention of the policy file that names it:

    columns   names, as in the policy file's action
    times     time of each row from the start [s], from 0, increasing
    values    rows x columns
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vla_contract.action import ActionSpace
from vla_contract.document import Contradiction
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.columns import action_columns, state_columns
from vla_policy.policy import Rows

START_TOLERANCE = 0.1
"""Greatest distance of a joint from the episode's start [rad or m]."""

_NS = 1_000_000_000


@dataclass(frozen=True)
class Episode:
    """Rows of actions with their times; see the module for the file."""

    columns: tuple[str, ...]
    times: NDArray[np.float64]
    values: NDArray[np.float64]


def save_episode(path: Path, episode: Episode) -> None:
    """Write an episode."""
    columns = np.array(episode.columns, dtype=np.str_)
    np.savez_compressed(path, columns=columns, times=episode.times, values=episode.values)


def load_episode(path: Path) -> Episode:
    """Read an episode, or say what is wrong with the file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            columns, times, values = (file[key] for key in ('columns', 'times', 'values'))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise VlaError(f'episode {path} cannot be read: {error}') from error
    if columns.dtype.kind != 'U' or times.dtype.kind != 'f' or values.dtype.kind != 'f':
        raise VlaError(
            f'episode {path}: columns must be text, times and values floating point; '
            f'found {columns.dtype}, {times.dtype}, {values.dtype}'
        )
    if values.shape != (len(times), columns.size) or times.ndim != 1 or not len(times):
        raise VlaError(
            f'episode {path}: values have the shape {values.shape}; '
            f'{len(times)} times and {columns.size} columns need ({len(times)}, {columns.size})'
        )
    _check_numbers(path, times, values)
    names = tuple(str(name) for name in columns)
    return Episode(names, times.astype(np.float64), values.astype(np.float64))


def _check_numbers(path: Path, times: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    if not (np.isfinite(times).all() and np.isfinite(values).all()):
        raise VlaError(f'episode {path}: holds numbers that are not finite')
    if times[0] != 0.0 or (np.diff(times) <= 0.0).any():
        raise VlaError(
            f'episode {path}: times must start at 0 and increase; the first is {times[0]:g} s'
        )


def contradictions(policy: Policy, path: Path) -> Iterator[Contradiction]:
    """What a policy file asks of replay that it cannot do with an episode."""
    action = policy.action
    if action.space is not ActionSpace.JOINT_POSITION:
        yield Contradiction(
            ('action', 'space'),
            f'{action.space}; replay needs {ActionSpace.JOINT_POSITION}, where it can tell '
            'whether the arm is at the start',
        )
    missing = [name for name in action.motion_columns if name not in policy.state.columns]
    if missing:
        yield Contradiction(
            ('state', 'columns'),
            f'without {", ".join(missing)}; replay needs it to tell whether the arm is at the '
            'start',
        )
    try:
        columns = load_episode(path).columns
    except VlaError as error:
        yield Contradiction(('episode',), f'{policy.episode}: {error}')
        return
    if columns != action.columns:
        yield Contradiction(
            ('action', 'columns'),
            f'{", ".join(action.columns)}; episode {path.name} has {", ".join(columns)}',
        )


class Replay:
    """Plays an episode from the first observation after each reset, at its own speed."""

    def __init__(self, robot: Robot, policy: Policy, path: Path) -> None:
        """Read the episode, for a policy file without contradictions."""
        self._episode = load_episode(path)
        self._joints = policy.action.motion_columns
        self._path = path
        self._state_at = [policy.state.columns.index(name) for name in self._joints]
        self._state = state_columns(robot, policy)
        self._action = action_columns(robot, policy)
        self._offsets_s = np.arange(policy.rows) * policy.step_s
        self._began_ns: int | None = None

    def reset(self, instruction: str) -> None:
        """Begin again with the next observation, whatever the instruction."""
        del instruction
        self._began_ns = None

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """The rows that the episode has from now on; its last row once it is over."""
        del prefix
        if self._began_ns is None:
            self._refuse_far_start(observation.state)
            self._began_ns = observation.stamp_ns
        elapsed_s = (observation.stamp_ns - self._began_ns) / _NS
        at = elapsed_s + self._offsets_s
        episode = self._episode
        rows = np.stack(
            [np.interp(at, episode.times, column) for column in episode.values.T], axis=1
        )
        return Rows(rows, finished=bool(elapsed_s >= episode.times[-1]))

    def _refuse_far_start(self, state: NDArray[np.float64]) -> None:
        """Refuse to start with a joint far from the episode's first row."""
        measured = self._state.to_si(state)[self._state_at]
        start = self._action.to_si(self._episode.values[0])[: len(self._joints)]
        distance = np.abs(measured - start)
        worst = int(np.argmax(distance))
        if not distance[worst] <= START_TOLERANCE:
            unit = self._action.units[worst]
            raise VlaError(
                f'episode {self._path} starts with {self._joints[worst]} at {start[worst]:.3f} '
                f'{unit}, and it is at {measured[worst]:.3f} {unit}, {distance[worst]:.3f} {unit} '
                f'away; at most {START_TOLERANCE} {unit} is allowed: move the arm there first'
            )
