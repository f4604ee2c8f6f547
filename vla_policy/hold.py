# SPDX-License-Identifier: Apache-2.0
"""The policy that stays where it is. Knows no instruction."""

import numpy as np
from numpy.typing import NDArray

from vla_contract.action import ActionSpace
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.columns import action_columns, state_columns
from vla_policy.policy import Rows


class Hold:
    """Repeats the joint positions first observed after each reset.

    The first and not the newest: an arm that sags a little under its weight would otherwise be
    asked to hold ever lower.
    """

    def __init__(self, robot: Robot, policy: Policy) -> None:
        """Refuse an action that the state does not tell how to hold."""
        action, state = policy.action, policy.state
        if action.space is not ActionSpace.JOINT_POSITION:
            raise VlaError(
                f'policy {policy.name}: hold answers {ActionSpace.JOINT_POSITION}, '
                f'not {action.space}'
            )
        missing = [name for name in action.columns if name not in state.columns]
        if missing:
            raise VlaError(
                f'policy {policy.name}: hold needs {", ".join(missing)} in state.columns as well'
            )
        self._order = [state.columns.index(name) for name in action.columns]
        self._state = state_columns(robot, policy)
        self._action = action_columns(robot, policy)
        self._rows = policy.rows
        self._row: NDArray[np.float64] | None = None

    def reset(self, instruction: str) -> None:
        """Take the next observation as the place to hold."""
        del instruction
        self._row = None

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Answer the same place in every row."""
        del prefix
        if self._row is None:
            self._row = self._action.from_si(self._state.to_si(observation.state)[self._order])
        return Rows(np.tile(self._row, (self._rows, 1)))
