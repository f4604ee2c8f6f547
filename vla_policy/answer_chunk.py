# SPDX-License-Identifier: Apache-2.0
"""An answer as the chunk that is sent for it. Knows neither who sends it nor who takes it."""

from vla_contract.action import ActionChunk
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.columns import action_columns
from vla_policy.worker import Answer


class ChunkMaker:
    """Makes the chunks of one session.

    Attributes:
        session: New at every start of a policy.
        sequence: Of the last chunk made.
    """

    def __init__(self, robot: Robot, policy: Policy, session: str = '') -> None:
        """Begin with no chunk.

        Args:
            robot: Gives rows their units and their frame.
            policy: Gives rows their columns and their time step.
            session: No other may have it.
        """
        self.session, self.sequence = session, 0
        self._policy, self._frame = policy, robot.base_frame
        self._columns = action_columns(robot, policy)

    def restart(self, session: str) -> None:
        """Begin another session."""
        self.session, self.sequence = session, 0

    def chunk(self, answer: Answer) -> ActionChunk:
        """The next chunk."""
        self.sequence += 1
        return ActionChunk(
            session=self.session,
            sequence=self.sequence,
            task_id=answer.task_id,
            observation_stamp_ns=answer.image_ns,
            start_ns=answer.start_ns,
            step_s=self._policy.step_s,
            space=self._policy.action.space,
            columns=self._columns.names,
            units=self._columns.units,
            frame=self._frame,
            values=self._columns.to_si(answer.rows.values),
        )
