# SPDX-License-Identifier: Apache-2.0
"""Strategies in a closed loop: a robot that takes one row a tick, a policy that answers later."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.execution import DualRate
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_policy.execution.chunking import Guidance, guidance_weights
from vla_policy.execution.dialogue import Dialogue, Plan
from vla_policy.execution.dual_rate import DualRateRunner
from vla_policy.policy import Rows

STEP_NS = 100_000_000
ROWS = 10
LATENCY = 2

Observe = Callable[..., Observation]
Files = Callable[..., Policy]


class Undecided:
    """Changes its mind with each answer: the n-th says n in every row, but for what it is told."""

    def __init__(self) -> None:
        """Not asked yet."""
        self.answers = 0
        self.delays: list[int] = []
        self.prefixes: list[int] = []

    def reset(self, instruction: str) -> None:
        """Nothing to forget."""

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """All rows the same, after the prefix."""
        del observation
        self.prefixes.append(len(prefix))
        return Rows(self._own())

    def infer_guided(self, observation: Observation, guidance: Guidance) -> Rows:
        """What a perfect guidance would make of them."""
        del observation
        self.delays.append(guidance.delay_rows)
        target, weights = guidance.filled(ROWS)
        return Rows(weights[:, None] * target + (1 - weights[:, None]) * self._own())

    def _own(self) -> NDArray[np.float64]:
        self.answers += 1
        return np.full((ROWS, 3), float(self.answers))


@dataclass
class Robot:
    """Takes the row of the newest plan whose turn it is; None where there is none."""

    took: list[float | None] = field(default_factory=list)

    def take(self, plan: Plan | None, tick: int) -> None:
        """One turn."""
        row = -1 if plan is None else (tick * STEP_NS - plan.start_ns) // STEP_NS
        here = plan is not None and 0 <= row < len(plan.rows.values)
        self.took.append(float(plan.rows.values[row, 0]) if plan is not None and here else None)


def run(policy: Undecided, contract: Policy, observe: Observe, ticks: int) -> list[float | None]:
    """What the robot took, tick by tick; the policy needs some of them for each answer."""
    dialogue = Dialogue(policy, contract)
    dialogue.begin('do it')
    robot, plan = Robot(), None
    asked: tuple[Rows, Observation, int] | None = None
    for tick in range(ticks):
        if asked is None and dialogue.due(tick * STEP_NS):
            observation = observe(tick * STEP_NS / 1e9)
            asked = dialogue.ask(observation), observation, tick + LATENCY
        if asked is not None and asked[2] == tick:
            plan = dialogue.take(asked[0], asked[1], tick * STEP_NS)
            asked = None
        robot.take(plan, tick)
    return robot.took


def test_synchronous_plays_every_row_and_waits(policy_file: Files, observation: Observe) -> None:
    """The arm rests for as long as the policy thinks."""
    contract = policy_file(execution={'strategy': 'synchronous'}, rows=ROWS)
    took = run(Undecided(), contract, observation, 3 * (ROWS + LATENCY))
    rests: list[float | None] = [None] * LATENCY
    assert took == [*rests, *[1.0] * ROWS, *rests, *[2.0] * ROWS, *rests, *[3.0] * ROWS]


def test_asynchronous_never_rests_and_jumps(policy_file: Files, observation: Observe) -> None:
    """Each new mind is followed at once: the whole jump in one tick."""
    contract = policy_file(execution={'strategy': 'asynchronous'}, rows=ROWS)
    took = run(Undecided(), contract, observation, 40)[LATENCY:]
    assert None not in took
    jumps = np.diff(np.array(took, dtype=float))
    assert set(jumps) == {0.0, 1.0}


def test_real_time_chunking_fades_into_the_new_mind(
    policy_file: Files, observation: Observe
) -> None:
    """What cannot be changed is kept, and then the weights say how fast the new one takes over."""
    contract = policy_file(execution={'strategy': 'real_time_chunking'}, rows=ROWS)
    policy = Undecided()
    took = np.array(run(policy, contract, observation, 60)[LATENCY:], dtype=float)
    assert policy.delays[:2] == [0, 0]  # warm-up
    assert set(policy.delays[2:]) == {LATENCY}
    weights = guidance_weights(ROWS, LATENCY, ROWS // 2, 'exponential')
    jumps = np.diff(took)
    assert (jumps >= 0).all()
    assert jumps[20:].max() == pytest.approx(1 - weights[LATENCY])


def test_a_prefix_is_what_the_robot_takes_meanwhile(
    policy_file: Files, observation: Observe
) -> None:
    """As many rows as it will take, once that is known."""
    contract = policy_file(execution={'strategy': 'prefix_conditioning'}, rows=ROWS)
    policy = Undecided()
    run(policy, contract, observation, 60)
    assert policy.prefixes[:3] == [0, 0, 0]
    assert set(policy.prefixes[3:]) == {LATENCY}


def test_ensembling_is_slow_to_change_its_mind(policy_file: Files, observation: Observe) -> None:
    """Where each answer alone would jump by 1, their mean jumps by half of that."""
    execution = {'strategy': 'temporal_ensembling', 'decay': 0.0}
    contract = policy_file(execution=execution, rows=ROWS)
    took = np.array(run(Undecided(), contract, observation, 60)[LATENCY:], dtype=float)
    assert np.abs(np.diff(took)).max() == pytest.approx(0.5)


def test_an_answer_that_cannot_be_used_is_refused(
    policy_file: Files, observation: Observe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything of it is remembered, and the observation is not asked about again."""
    policy = Undecided()
    monkeypatch.setattr(policy, '_own', lambda: np.full((ROWS, 3), np.nan))
    dialogue = Dialogue(policy, policy_file(rows=ROWS))
    dialogue.begin('do it')
    seen = observation(0.0)
    assert dialogue.is_new(seen)
    with pytest.raises(VlaError, match='nan in row 0'):
        dialogue.ask(seen)
    assert not dialogue.is_new(seen)
    assert dialogue.due(0)


class TwoRates:
    """Sees the time, and answers with it."""

    def reset(self, instruction: str) -> None:
        """Nothing to forget."""

    def encode(self, observation: Observation) -> int:
        """The time of the picture."""
        return observation.stamp_ns

    def act(self, latent: int, seen_ns: int, observation: Observation) -> Rows:
        """How old what was seen is."""
        assert latent == seen_ns
        return Rows(np.full((ROWS, 3), (observation.state_stamp_ns - latent) / 1e9))


def test_two_rates_answer_from_the_state_on_and_say_when_they_looked(policy_file: Files) -> None:
    """The chunk begins at the state and carries the stamp of the picture."""
    contract = policy_file(execution={'strategy': 'dual_rate'}, rows=ROWS)
    assert isinstance(contract.execution, DualRate)
    runner = DualRateRunner(TwoRates(), contract.execution)
    dialogue = Dialogue(runner, contract)
    dialogue.begin('do it')
    for index in range(10):
        state_ns = index * 10_000_000
        seen = Observation(0, {}, {}, np.zeros(3), state_ns, 'do it', 'task')
        assert dialogue.due(state_ns)
        assert dialogue.is_new(seen)
        plan = dialogue.take(dialogue.ask(seen), seen, state_ns)
        assert (plan.start_ns, plan.rows.image_ns) == (state_ns, 0)
        assert plan.rows.values[0, 0] == pytest.approx(state_ns / 1e9)
    runner.close()
