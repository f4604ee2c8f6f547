# SPDX-License-Identifier: Apache-2.0
"""Is the task done? The simulator's own predicates, asked about the task of the moment."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from vla_contract.errors import VlaError
from vla_sim.simulator import Simulator

VERDICT_RATE_HZ = 10.0


@dataclass(frozen=True)
class Verdict:
    """What the judge says.

    Attributes:
        task_id: Empty where the scene's own instruction was judged.
        instruction: What was judged.
        progress: 0 to 1.
        success: It is done.
    """

    task_id: str
    instruction: str
    progress: float
    success: bool


class Judge:
    """Judges the current task, or the scene's own instruction while there is no task.

    Args:
        simulator: Whose world is judged.
        complain: Called once for an instruction that cannot be judged.
    """

    def __init__(self, simulator: Simulator, complain: Callable[[str], None]) -> None:
        """Judge the scene's own instruction."""
        self._simulator, self._complain = simulator, complain
        self._lock = threading.Lock()
        self._task = ('', '')
        self._unjudged = ''

    def set_task(self, task_id: str, instruction: str) -> None:
        """Judge a task from now on; empty strings for none."""
        with self._lock:
            self._task = (task_id, instruction)

    def verdict(self) -> Verdict | None:
        """Verdict on the world as it is; None where the instruction makes no sense in it."""
        with self._lock:
            task_id, given = self._task
        instruction = given or self._simulator.instruction
        try:
            success = self._simulator.success(instruction)
            progress = 1.0 if success else self._simulator.progress(instruction)
        except VlaError as error:
            if instruction != self._unjudged:
                self._unjudged = instruction
                self._complain(str(error))
            return None
        return Verdict(task_id, instruction, progress, success)
