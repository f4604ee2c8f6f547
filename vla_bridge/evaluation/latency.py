# SPDX-License-Identifier: Apache-2.0
"""How long a policy takes for an answer on this machine."""

import math
import statistics
import time

from vla_bridge.evaluation.suites import episode
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_policy.execution.dialogue import Dialogue
from vla_policy.policy import Policy
from vla_sim.arm import PHYSICS_STEP_S
from vla_sim.observer import Observer
from vla_sim.simulator import Simulator

WARM_UP, COUNTED = 3, 21
"""Answers that do not count, and those that do."""
_STEPS = 50
"""Of physics, from one question to the next."""


def measure_latency(deployment: Deployment, policy: Policy, seed: int = 0) -> float:
    """The median of some answers in the words of a task, rounded up to a physics step [s].

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
    return rounded_up(statistics.median(taken[WARM_UP:]))


def rounded_up(latency_s: float) -> float:
    """To a whole number of physics steps, at least one [s]."""
    steps = max(1, math.ceil(latency_s / PHYSICS_STEP_S))
    return round(steps * PHYSICS_STEP_S, 9)
