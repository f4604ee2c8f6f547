# SPDX-License-Identifier: Apache-2.0
"""How long a policy takes for an answer on this machine.

Of a policy at two rates, how long its head takes, and its trunk.
"""

import math
import statistics
import time
from dataclasses import dataclass
from typing import Any

from vla_bridge.evaluation.dual_rate import TimedDualRate
from vla_bridge.evaluation.suites import episode
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_policy.execution.dialogue import Dialogue
from vla_policy.policy import Policy
from vla_sim.arm import PHYSICS_STEP_S
from vla_sim.observer import Observer
from vla_sim.simulator import Simulator

WARM_UP, COUNTED = 3, 21
"""Answers that do not count, and those that do."""
_STEPS = 50
"""Of physics, from one question to the next."""


@dataclass(frozen=True)
class Latency:
    """Simulated time that a policy takes.

    Attributes:
        answer_s: From a question until its answer [s].
        trunk_s: Of a policy at two rates, until its trunk has seen something; else 0 [s].
    """

    answer_s: float
    trunk_s: float = 0.0


def measure_latency(deployment: Deployment, policy: Policy, seed: int = 0) -> Latency:
    """Medians of some answers in the words of a task, rounded up to a physics step.

    Each continues the one before as the policy file's strategy asks for, while the arm stands
    still. What else an answer needs on its way is not in it.

    Args:
        deployment: Of a simulated arm.
        policy: Of its policy file.
        seed: Of the scene and the task.

    Raises:
        VlaError: There is no answer.
    """
    asked = episode('seen', seed, 0)
    simulator = Simulator(
        deployment.robot, deployment.robot_path, asked.scene_seed, asked.layout, asked.setting
    )
    observer = Observer(simulator, deployment.policy)
    dialogue = Dialogue(policy, deployment.policy)
    dialogue.begin(asked.instruction)
    taken = []
    try:
        for _ in range(WARM_UP + COUNTED):
            for _ in range(_STEPS):
                simulator.step()
            seen = observer.observe(asked.instruction)
            began = time.perf_counter()
            answer = dialogue.ask(seen)
            taken.append(time.perf_counter() - began)
            dialogue.take(answer, seen, simulator.time_ns)
    except VlaError as error:
        raise VlaError(
            f'policy {deployment.policy.name} gave no answer, so that its latency is not known: '
            f'{error}'
        ) from error
    finally:
        observer.close()
    answer_s = statistics.median(taken[WARM_UP:])
    if not isinstance(policy, TimedDualRate):
        return Latency(rounded_up(answer_s))
    return _of_parts(policy, seen)


def _of_parts(policy: TimedDualRate[Any], seen: Observation) -> Latency:
    """Head and trunk one by one."""
    heads, trunks = [], []
    for _ in range(COUNTED):
        began = time.perf_counter()
        latent = policy.parts.encode(seen)
        between = time.perf_counter()
        policy.parts.act(latent, seen.stamp_ns, seen)
        trunks.append(between - began)
        heads.append(time.perf_counter() - between)
    return Latency(rounded_up(statistics.median(heads)), rounded_up(statistics.median(trunks)))


def rounded_up(latency_s: float) -> float:
    """To a whole number of physics steps, at least one [s]."""
    steps = max(1, math.ceil(latency_s / PHYSICS_STEP_S))
    return round(steps * PHYSICS_STEP_S, 9)
