# SPDX-License-Identifier: Apache-2.0
"""The demonstrator as a policy: smooth, consistent, and not put off by mishaps."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_policy.policy import Rows
from vla_sim.demonstrator import Demonstrator
from vla_sim.rollout import Conditions, Rollout
from vla_sim.simulator import Simulator
from vla_sim.tasks.instruction import draw_instruction

GREEN_IN_BLUE = 'put the green cube in the blue bowl'
Mishap = Callable[[int, Observation, Rows], Rows]


class Disturbed:
    """A demonstrator whose answers, or whose world, somebody meddles with."""

    def __init__(self, deployment: Deployment, mishap: Mishap) -> None:
        """Meddle with each answer."""
        self._inner = make(deployment)
        self._mishap = mishap
        self._count = 0

    def reset(self, instruction: str) -> None:
        """Pass on."""
        self._inner.reset(instruction)
        self._count = 0

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Pass on, then meddle."""
        self._count += 1
        return self._mishap(self._count, observation, self._inner.infer(observation, prefix))


def make(deployment: Deployment) -> Demonstrator:
    """The demonstrator of the deployment."""
    return Demonstrator(deployment.robot, deployment.robot_path, deployment.policy)


def roll(deployment: Deployment, policy: Demonstrator | Disturbed, **conditions: float) -> Rollout:
    """A loop around a policy."""
    return Rollout(
        deployment.robot,
        deployment.robot_path,
        deployment.policy,
        policy,
        Conditions(**conditions),
    )


def observe(simulator: Simulator) -> Observation:
    """All that the demonstrator looks at."""
    gripper = simulator.robot.gripper
    assert gripper is not None
    opening = gripper.to_opening(simulator.gripper_position())
    state = np.array([*simulator.joint_positions(), opening])
    now = simulator.time_ns
    return Observation(now, {}, {}, state, now, '', 'test', simulator.world())


NOTHING = np.empty((0, 7))


@pytest.mark.parametrize('seed', range(6))
def test_tasks_of_every_family_are_carried_out(deployment: Deployment, seed: int) -> None:
    """Quickly, gently, without a step between answers, and the policy says when it is done."""
    outcome = roll(deployment, make(deployment)).run(seed, draw_instruction(seed))
    assert outcome.success, outcome
    assert outcome.finished
    assert outcome.success_s < 9.0
    assert outcome.seam_rad < 1e-6
    assert outcome.velocity_share < 0.65
    assert outcome.acceleration_share < 0.6


@pytest.mark.parametrize(
    'conditions',
    [
        {'lag_s': 0.08},
        {'latency_s': 0.3, 'period_s': 0.35, 'lag_s': 0.1},
        {'lag_s': 0.05, 'pace': 0.5},
    ],
    ids=['controller lags', 'slow answers', 'filter halves the speed'],
)
def test_tasks_are_carried_out_by_a_slow_graph(
    deployment: Deployment, conditions: dict[str, float]
) -> None:
    """As latencies and a safety filter make it."""
    outcome = roll(deployment, make(deployment), **conditions).run(3, GREEN_IN_BLUE)
    assert outcome.success, outcome
    assert outcome.finished


@pytest.mark.parametrize('conditions', [{'pace': 0.3}, {'pace': 0.3, 'latency_s': 0.3}])
def test_tasks_are_carried_out_at_a_third_of_the_pace(
    deployment: Deployment, conditions: dict[str, float]
) -> None:
    """Near things the filter is as slow as that."""
    outcome = roll(deployment, make(deployment), **conditions).run(3, GREEN_IN_BLUE)
    assert outcome.success, outcome


def test_a_plan_made_with_something_in_hand_holds_on_to_it(
    deployment: Deployment, simulator: Simulator
) -> None:
    """Fingers are as far open as what they hold is wide; asking for that would let it go."""
    simulator.reset(2, GREEN_IN_BLUE)
    seen = observe(simulator)
    assert seen.world is not None
    state = seen.state.copy()
    state[-1] = 0.5
    holding = replace(seen, state=state, world=replace(seen.world, held='green_cube'))
    policy = make(deployment)
    policy.reset(GREEN_IN_BLUE)
    rows = policy.infer(holding, NOTHING)
    assert rows.values[0, -1] == deployment.policy.action.gripper.closed


def test_a_dropped_object_is_picked_up_again(deployment: Deployment) -> None:
    """The gripper is opened twice on the way, and the demonstrator goes back for the object."""
    carried = 0

    def drop(_count: int, observation: Observation, rows: Rows) -> Rows:
        nonlocal carried
        carried += observation.world is not None and observation.world.held != ''
        if carried not in (5, 6):
            return rows
        values = rows.values.copy()
        values[:, -1] = 1.0
        carried += 1
        return replace(rows, values=values)

    outcome = roll(deployment, Disturbed(deployment, drop)).run(0, GREEN_IN_BLUE)
    assert carried > 6
    assert outcome.success, outcome
    assert outcome.finished
    assert outcome.acceleration_share < 0.6


@pytest.mark.parametrize(
    ('name', 'moment'), [('green_cube', 3), ('blue_bowl', 3), ('blue_bowl', 11)]
)
def test_an_object_that_is_moved_is_followed(
    deployment: Deployment, name: str, moment: int
) -> None:
    """The cube on the way to it, the bowl at any time."""

    def move(count: int, _observation: Observation, rows: Rows) -> Rows:
        if count == moment:
            rollout.simulator.move_object(name, 0.42, 0.3)
        return rows

    rollout = roll(deployment, Disturbed(deployment, move))
    outcome = rollout.run(2, GREEN_IN_BLUE)
    assert outcome.success, outcome
    assert outcome.finished
    assert outcome.acceleration_share < 0.6


def test_one_task_after_another_on_the_same_table(deployment: Deployment) -> None:
    """Also where the object is stacked upon, in a bowl with another, or not there to be pushed."""
    rollout = roll(deployment, make(deployment))
    first = rollout.run(1, 'stack the red cylinder on the blue cube')
    bowl = next(b.colour for b in rollout.simulator.world().bodies if b.shape == 'bowl')
    assert first.success
    for instruction in (
        f'put the blue cube in the {bowl} bowl',
        f'put the red cylinder in the {bowl} bowl',
        'push the blue cube to the left',
        'stack the red cylinder on the blue cube',
    ):
        outcome = rollout.work(instruction)
        assert outcome.success, outcome


def test_answers_agree_where_nothing_has_changed(
    deployment: Deployment, simulator: Simulator
) -> None:
    """Each continues the one before, row by row, although the arm is observed anew."""
    simulator.reset(3, GREEN_IN_BLUE)
    policy = make(deployment)
    policy.reset(GREEN_IN_BLUE)
    rows = policy.infer(observe(simulator), NOTHING).values
    assert rows.shape == (deployment.policy.rows, 7)
    np.testing.assert_allclose(rows[0, :6], simulator.joint_positions(), atol=1e-6)
    for _answer in range(6):
        for row in rows[1:6]:
            for _ in range(25):
                simulator.command_arm(row[:6])
                simulator.step()
        following = policy.infer(observe(simulator), rows[5:7]).values
        np.testing.assert_allclose(following[:-5], rows[5:], atol=1e-9)
        rows = following


def test_an_arm_that_was_moved_by_others_is_planned_for_anew(
    deployment: Deployment, simulator: Simulator
) -> None:
    """Answers start from the observed state."""
    simulator.reset(3, GREEN_IN_BLUE)
    policy = make(deployment)
    policy.reset(GREEN_IN_BLUE)
    policy.infer(observe(simulator), NOTHING)
    seen = observe(simulator)
    moved = replace(seen, state=seen.state + 0.2, stamp_ns=seen.stamp_ns + 300_000_000)
    rows = policy.infer(moved, NOTHING).values
    np.testing.assert_allclose(rows[0, :6], moved.state[:6], atol=1e-9)


def test_what_is_done_already_is_finished_after_going_home(deployment: Deployment) -> None:
    """The object is not touched again."""
    rollout = roll(deployment, make(deployment))
    assert rollout.run(4, GREEN_IN_BLUE).success
    again = rollout.work(GREEN_IN_BLUE)
    assert again.finished
    assert again.touched == ()
    home = np.array(deployment.robot.home)
    np.testing.assert_allclose(rollout.simulator.joint_positions(), home, atol=0.01)


def test_errors_say_what_is_wrong(deployment: Deployment, simulator: Simulator) -> None:
    """Unknown words, absent objects, no ground truth, an object out of reach."""
    simulator.reset(3, GREEN_IN_BLUE)
    policy = make(deployment)
    with pytest.raises(VlaError, match='given no instruction'):
        policy.infer(observe(simulator), NOTHING)
    with pytest.raises(VlaError, match='not understood'):
        policy.reset('dance')
    policy.reset('put the green cube in the yellow bowl')
    with pytest.raises(VlaError, match='no yellow bowl'):
        policy.infer(observe(simulator), NOTHING)
    policy.reset(GREEN_IN_BLUE)
    with pytest.raises(VlaError, match='given no ground truth'):
        policy.infer(replace(observe(simulator), world=None), NOTHING)
    simulator.move_object('green_cube', 0.9, 0.5)
    with pytest.raises(VlaError, match='cannot reach'):
        policy.infer(observe(simulator), NOTHING)
