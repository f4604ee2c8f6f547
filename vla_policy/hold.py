# SPDX-License-Identifier: Apache-2.0
"""The policy that stays where it is. Knows no instruction."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vla_contract.action import ActionSpace
from vla_contract.document import Contradiction
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.columns import action_columns, state_columns
from vla_policy.policy import Rows


def contradictions(policy: Policy) -> Iterator[Contradiction]:
    """What a policy file asks of hold that it cannot do."""
    space = policy.action.space
    if space is not ActionSpace.JOINT_POSITION:
        text = f'{space}; hold answers {ActionSpace.JOINT_POSITION}'
        yield Contradiction(('action', 'space'), text)
    missing = [name for name in policy.action.columns if name not in policy.state.columns]
    if missing:
        yield Contradiction(
            ('state', 'columns'),
            f'without {", ".join(missing)}; to hold what is in action.columns it must be felt',
        )


class Hold:
    """Repeats the joint positions first observed after each reset.

    The first and not the newest: an arm that sags a little under its weight would otherwise be
    asked to hold ever lower.
    """

    def __init__(self, robot: Robot, policy: Policy) -> None:
        """Prepare for a policy file without contradictions."""
        state = policy.state.columns
        self._order = [state.index(name) for name in policy.action.columns]
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
