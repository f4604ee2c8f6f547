# SPDX-License-Identifier: Apache-2.0
"""An episode is repeated in time, from its start only, and a bad file is refused in words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.replay import Episode, Replay, load_episode, save_episode

NOTHING = np.empty((0, 3))
COLUMNS = ('turn', 'slide', 'gripper')
TIMES = np.array([0.0, 0.5, 1.0])
VALUES = np.array([[0.0, 0.1, 0.0], [0.5, 0.1, 1.0], [1.0, 0.2, 1.0]])
START = (0.0, 0.1, 0.0)


@pytest.fixture
def episode(tmp_path: Path) -> Path:
    """One second of motion."""
    path = tmp_path / 'episode.npz'
    save_episode(path, Episode(COLUMNS, TIMES, VALUES))
    return path


def replay(robot: Robot, path: Path, policy: Policy) -> Replay:
    """A replay that has been reset."""
    found = Replay(robot, policy, path)
    found.reset('anything')
    return found


def file(policy_file: Callable[..., Policy], **changes: object) -> Policy:
    """A policy file of kind replay."""
    return policy_file(kind='replay', episode='episode.npz', **changes)


def test_rows_are_those_of_the_episode_at_their_times(
    robot: Robot,
    episode: Path,
    policy_file: Callable[..., Policy],
    observation: Callable[..., Observation],
) -> None:
    """Between rows it interpolates; after the last it stays and says that it is done."""
    policy = replay(robot, episode, file(policy_file))
    first = policy.infer(observation(7.0, START), NOTHING)
    np.testing.assert_allclose(first.values[:, 0], [0.0, 0.1, 0.2, 0.3])
    later = policy.infer(observation(7.8, (0.8, 0.1, 0.0)), NOTHING)
    np.testing.assert_allclose(later.values[:, 0], [0.8, 0.9, 1.0, 1.0])
    assert not later.finished
    last = policy.infer(observation(8.0, (1.0, 0.2, 0.0)), NOTHING)
    np.testing.assert_allclose(last.values, [VALUES[-1]] * 4)
    assert last.finished


def test_it_starts_again_after_a_reset(
    robot: Robot,
    episode: Path,
    policy_file: Callable[..., Policy],
    observation: Callable[..., Observation],
) -> None:
    """A reset takes it back to the first row."""
    policy = replay(robot, episode, file(policy_file))
    policy.infer(observation(0.0, START), NOTHING)
    policy.reset('again')
    assert policy.infer(observation(5.0, START), NOTHING).values[0, 0] == 0.0


@pytest.mark.parametrize('away', [0.2, np.nan])
def test_it_refuses_to_start_far_from_the_first_row(
    robot: Robot,
    episode: Path,
    policy_file: Callable[..., Policy],
    observation: Callable[..., Observation],
    away: float,
) -> None:
    """The error names the joint and the distance, and in radians even where the policy is not."""
    policy = replay(robot, episode, file(policy_file, state={'unit': 'deg'}))
    state = (np.degrees(0.05), 0.1 + away, 0.0)
    with pytest.raises(VlaError, match=f'starts with slide at 0.100 m.*{away:.3f} m away'):
        policy.infer(observation(0.0, state), NOTHING)
    policy.infer(observation(1.0, START), NOTHING)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'times': np.array([0.0, 1.0])}, r'shape \(3, 3\); 2 times and 3 columns need \(2, 3\)'),
        ({'times': np.array([0.0, 0.0, 1.0])}, 'times must start at 0 and increase'),
        ({'times': np.array([1.0, 2.0, 3.0])}, 'times must start at 0 and increase'),
        ({'values': VALUES * np.nan}, 'not finite'),
        ({'values': VALUES.astype(int)}, 'found <U7, float64, int64'),
        ({'columns': np.array(['turn', 1, None], dtype=object)}, 'cannot be read: Object arrays'),
    ],
)
def test_a_bad_episode_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """No pickle is ever read, and what does not fit is said with its numbers."""
    path = tmp_path / 'bad.npz'
    np.savez(path, **{'columns': np.array(COLUMNS), 'times': TIMES, 'values': VALUES, **changes})
    with pytest.raises(VlaError, match=words):
        load_episode(path)


def test_files_that_are_no_episodes_are_refused(tmp_path: Path) -> None:
    """A missing file, another file and an incomplete one."""
    path = tmp_path / 'other.npz'
    with pytest.raises(VlaError, match=r'cannot be read: .*No such file'):
        load_episode(path)
    path.write_bytes(b'PK\x03\x04 half a zip')
    with pytest.raises(VlaError, match='cannot be read'):
        load_episode(path)
    np.savez(path, times=TIMES)
    with pytest.raises(VlaError, match='columns is not a file in the archive'):
        load_episode(path)
