# SPDX-License-Identifier: Apache-2.0
"""One episode from its layout to its outcome: instructions, verdicts, and what is noted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_bridge.evaluation.asker import Asker
from vla_bridge.evaluation.delays import Delays
from vla_bridge.evaluation.film import RATE_HZ, Film
from vla_bridge.evaluation.filtered_arm import FilteredArm
from vla_bridge.evaluation.outcome import Outcome
from vla_bridge.evaluation.smoothness import Seams, rms_jerk
from vla_bridge.evaluation.suites import Episode
from vla_bridge.evaluation.timeline import NS, Timeline
from vla_bridge.evaluation.view import View
from vla_bridge.simulation.judge import VERDICT_RATE_HZ, Judge
from vla_bridge.simulation.simulated_robot import SimulatedRobot
from vla_contract.action import ActionChunk
from vla_contract.errors import VlaError
from vla_contract.observation import World
from vla_contract.policy import Policy as PolicyFile
from vla_policy.answer_chunk import ChunkMaker
from vla_policy.policy import Policy
from vla_policy.worker import Answer, Assignment
from vla_safety.filter import MotionFilter
from vla_sim.controllers.joint_trajectory import TrajectoryOptions
from vla_sim.observer import Observer
from vla_sim.simulator import Simulator
from vla_sim.tasks.instruction import parse

LIMIT_S = 25.0
"""Simulated time that each instruction is given [s]."""
SETTLE_S = 1.0
"""The verdict must still hold so long after the task has ended [s]."""
ARMED_S, BEGIN_S = 0.3, 0.5
"""When the filter is armed and the first instruction is given [s]."""
MOVED_M = 0.03
"""An object this far from where it was has been moved [m]."""


@dataclass
class _Claims:
    """What the policy said of being done."""

    first_s: float | None = None
    wrong: int = 0


class EpisodeRun:
    """One episode under way.

    Attributes:
        simulator: Its world.
        film: Takes pictures; None where nobody films.
    """

    def __init__(
        self,
        episode: Episode,
        simulator: Simulator,
        motion_filter: MotionFilter,
        policy: Policy,
        contract: PolicyFile,
        latency_s: float,
        delays: Delays,
    ) -> None:
        """Lay everything out; nothing moves yet.

        Args:
            episode: What is to happen.
            simulator: Its world, just laid out.
            motion_filter: Of the same robot, disarmed.
            policy: At work on nothing else.
            contract: Its policy file.
            latency_s: Simulated time from a question to the policy until its answer.
            delays: Of what is transport in the graph.
        """
        robot = simulator.robot
        self._episode, self._timeline = episode, Timeline()
        self.simulator = simulator
        simulated = SimulatedRobot(simulator, TrajectoryOptions())
        self._period_s = simulated.period_ns / NS
        self._arm = FilteredArm(motion_filter, simulated, self._timeline, delays, self._cycle)
        self._chunk_s = delays.chunk_s
        self._asker = Asker(policy, contract, self._timeline, latency_s, self._deliver)
        self._observer = Observer(simulator, contract)
        self._view = View(self._observer, self._asker, self._timeline, robot, contract, delays)
        self._maker = ChunkMaker(robot, contract, 'evaluation')
        self._judge = Judge(self.simulator, self._complain)
        self.film: Film | None = None
        self._seams, self._claims = Seams(), _Claims()
        self._before = self.simulator.world()
        self._cycles = 0
        self._task: Assignment | None = None
        self._task_ns = self._begin_ns = 0
        self._done_s: float | None = None
        self._reason, self._ended = '', False
        self._timeline.after(ARMED_S, self._arm.allow_motion)
        self._timeline.after(BEGIN_S, lambda: self._give(episode.instruction))
        change = self._change = episode.change
        if change is not None:
            self._timeline.after(BEGIN_S + change.after_s, lambda: self._give(change.instruction))

    def outcome(self) -> Outcome:
        """Let it happen, and say how it went."""
        timeline = self._timeline
        after_s = self._change.after_s if self._change else 0.0
        timeline.run(round((BEGIN_S + after_s + LIMIT_S) * NS), lambda: self._ended)
        if not self._ended:
            self._end('not done in time')
        duration_s = self._since(self._begin_ns)
        timeline.run(timeline.now_ns + round(SETTLE_S * NS))
        return self._told(duration_s)

    def close(self) -> None:
        """Give the drawing contexts back."""
        self._observer.close()

    def _since(self, start_ns: int) -> float:
        return (self._timeline.now_ns - start_ns) / NS

    def _give(self, instruction: str) -> None:
        """Give an instruction, as the instruction node does."""
        if self._ended:
            return
        first = self._task is None
        self._task = Assignment('first' if first else 'second', instruction)
        self._task_ns = self._timeline.now_ns
        if first:
            self._begin_ns = self._task_ns
        self._seams.restart()
        self._judge.set_task(self._task.task_id, instruction)
        self._arm.set_task(self._task.task_id)
        self._asker.assign(self._task)

    def _cycle(self) -> None:
        """A cycle of the arm is over."""
        self._cycles += 1
        if self.film is not None and self._is_due(RATE_HZ):
            self.film.look()
        if self._ended:
            return
        self._view.cycle()
        if self._task is not None and self._is_due(VERDICT_RATE_HZ):
            self._look_at_task()

    def _is_due(self, rate_hz: float) -> bool:
        """Is something of this rate due in this cycle?"""
        return self._cycles % max(1, round(1.0 / (rate_hz * self._period_s))) == 0

    def _look_at_task(self) -> None:
        """Is it done, or can it not be done any more?"""
        verdict = self._judge.verdict()
        waiting = self._change is not None and self._task_ns == self._begin_ns
        if verdict is not None and verdict.success and not waiting:
            self._done_s = self._since(self._task_ns)
            self._end('')
        elif stopped := self._arm.stopped():
            self._end(f'stopped by the motion filter: {stopped}')
        elif self._asker.refusal:
            self._end(f'refused by the policy: {self._asker.refusal}')

    def _end(self, reason: str) -> None:
        """End the task, as the instruction node does."""
        self._ended, self._reason = True, reason
        self._asker.assign(None)
        self._arm.set_task(None)

    def _deliver(self, answer: Answer) -> None:
        chunk = self._maker.chunk(answer)
        if answer.rows.finished:
            self._note_claim()
        self._timeline.after(self._chunk_s, lambda: self._arrive(chunk))

    def _arrive(self, chunk: ActionChunk) -> None:
        if self._task is not None and chunk.task_id == self._task.task_id and not self._ended:
            self._seams.take_over(chunk, self._timeline.now_ns)
        self._arm.take(chunk)

    def _note_claim(self) -> None:
        if self._claims.first_s is None:
            self._claims.first_s = self._since(self._task_ns)
        verdict = self._judge.verdict()
        self._claims.wrong += verdict is None or not verdict.success

    def _complain(self, text: str) -> None:
        raise VlaError(f'{self._episode.suite} {self._episode.number}: {text}')

    def _told(self, duration_s: float) -> Outcome:
        """How it went, after the arm has come to rest."""
        instruction = self._task.instruction if self._task else self._episode.instruction
        holds = self.simulator.success(instruction)
        reason = self._reason
        if not reason and not holds:
            reason = 'undone again'
        elif reason == 'not done in time':
            reason = f'{reason}: {self._diagnosis(instruction)}'
        arm, asker = self._arm, self._asker
        begun = round(self._begin_ns / NS / self._period_s)
        seen = slice(begun, begun + round(duration_s / self._period_s))
        return Outcome(
            suite=self._episode.suite,
            number=self._episode.number,
            family=self._episode.family,
            instruction=instruction,
            scene_seed=self._episode.scene_seed,
            success=not reason,
            reason=reason,
            time_s=self._done_s if not reason else None,
            duration_s=duration_s,
            jerk=rms_jerk(arm.positions[seen], arm.velocities[seen], self._period_s),
            boundary=max(self._seams.steps, default=None),
            interventions=arm.interventions.by_reason(),
            ran_out=arm.interventions.ran_out,
            chunks=arm.interventions.followed,
            collisions=tuple(
                (found.link, found.other) for found in self.simulator.collisions.recent
            ),
            claims=self._claims.wrong,
            claimed_s=self._claims.first_s,
            errors=len(asker.errors),
            inference_ms=tuple(1e3 * taken_s for taken_s in asker.inference_s),
        )

    def _diagnosis(self, instruction: str) -> str:
        """What was moved instead."""
        moved = _moved(self._before, self.simulator.world())
        subject = parse(instruction).subject.name
        if subject in moved:
            return 'its object was moved, not to its target'
        if moved:
            return 'another object was moved'
        if not self._arm.interventions.followed:
            return 'no chunk was followed'
        return 'nothing was moved'


def _moved(before: World, after: World) -> set[str]:
    places: dict[str, NDArray[np.float64]] = {body.name: body.position for body in before.bodies}
    return {
        body.name
        for body in after.bodies
        if float(np.linalg.norm(body.position - places[body.name])) > MOVED_M
    }
