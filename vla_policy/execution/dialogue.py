# SPDX-License-Identifier: Apache-2.0
"""One policy, asked as its execution strategy wants it. Knows no thread and no clock.

The live worker asks through it. So can a loop in simulated time: what is measured there is then
what runs.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy as PolicyFile
from vla_policy.execution.abilities import guided
from vla_policy.execution.schedule import Schedule
from vla_policy.policy import Policy, Rows


@dataclass(frozen=True)
class Plan:
    """Rows to execute.

    Attributes:
        rows: As they are to be executed.
        start_ns: Time at which row 0 applies [ns].
    """

    rows: Rows
    start_ns: int


class Dialogue:
    """Questions to a policy, and its answers.

    For each task ``begin``; then, as long as it lasts and whenever ``due``, an observation that
    ``is_new``: ``ask`` about it, and ``take`` the answer if it is still wanted.

    Args:
        policy: Asked by nobody else meanwhile.
        contract: Its policy file.

    Raises:
        VlaError: The policy cannot do what its file's execution strategy asks of it.
    """

    def __init__(self, policy: Policy, contract: PolicyFile) -> None:
        """Prepare."""
        self._policy = policy
        self._guided = guided(policy, contract)
        self._shape = (contract.rows, len(contract.action.columns))
        self._schedule = Schedule(contract)
        self._used_ns: int | None = None

    @property
    def delay_rows(self) -> int:
        """Actions consumed while an answer is made: the most of the last ten."""
        return self._schedule.delay_rows

    def begin(self, instruction: str) -> None:
        """Put the policy to a new task; raises as Policy.reset."""
        self._schedule.restart()
        self._used_ns = None
        self._policy.reset(instruction)

    def due(self, now_ns: int) -> bool:
        """Whether it is time to ask."""
        return self._schedule.due(now_ns)

    def is_new(self, observation: Observation) -> bool:
        """Whether the policy was not asked about it last time."""
        return self._schedule.applies_ns(observation) != self._used_ns

    def ask(self, observation: Observation) -> Rows:
        """Ask about an observation.

        Raises:
            VlaError: As Policy.infer, or the answer cannot be used.
        """
        at_ns = self._used_ns = self._schedule.applies_ns(observation)
        guidance = self._schedule.guidance(at_ns)
        if self._guided is not None and guidance is not None:
            answer = self._guided.infer_guided(observation, guidance)
        else:
            answer = self._policy.infer(observation, self._schedule.prefix(at_ns))
        return replace(answer, values=self._checked(answer.values))

    def take(self, answer: Rows, observation: Observation, now_ns: int) -> Plan:
        """Make an answer that has just come the one to execute."""
        at_ns = self._schedule.applies_ns(observation)
        rows = replace(answer, values=self._schedule.blended(answer.values, at_ns))
        return Plan(rows, self._schedule.answered(rows.values, at_ns, now_ns))

    def _checked(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of an answer, or an error that says why they are none."""
        most, columns = self._shape
        values = np.asarray(values)
        if values.ndim != 2 or values.shape[1] != columns or not 1 <= values.shape[0] <= most:
            raise VlaError(
                f'the policy answered values of the shape {values.shape}, '
                f'expected 1 to {most} rows x {columns} columns'
            )
        if values.dtype.kind not in 'fiu':
            raise VlaError(f'the policy answered values of the type {values.dtype}')
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            row, column = wrong[0]
            raise VlaError(
                f'the policy answered {values[row, column]} in row {row}, column {column}, '
                f'and {len(wrong) - 1} more that are not finite'
            )
        return values.astype(np.float64)
