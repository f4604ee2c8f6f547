# SPDX-License-Identifier: Apache-2.0
"""The simulated arm: servos, gripper, objects, verdicts."""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_sim.inverse_kinematics import InverseKinematics
from vla_sim.planning.tool_path import pointing_down
from vla_sim.simulator import Simulator

GREEN_IN_BLUE = 'put the green cube in the blue bowl'


def home_of(simulator: Simulator) -> NDArray[np.float64]:
    """The home posture."""
    return np.array(simulator.robot.home)


def run(simulator: Simulator, seconds: float) -> None:
    """Let time pass."""
    for _ in range(round(seconds / simulator.physics_step_s)):
        simulator.step()


def place_of(simulator: Simulator, name: str) -> NDArray[np.float64]:
    """Centre of an object."""
    return next(body for body in simulator.world().bodies if body.name == name).position


def trapezoid(time_s: float, way: float, speed: float, rise: float) -> float:
    """Position on a way from rest to rest at constant acceleration and bounded speed."""
    ramp = speed / rise
    cruise = way / speed - ramp
    time_s = min(max(time_s, 0.0), 2 * ramp + cruise)
    if time_s < ramp:
        return rise * time_s**2 / 2
    if time_s < ramp + cruise:
        return speed * (time_s - ramp / 2)
    return way - rise * (2 * ramp + cruise - time_s) ** 2 / 2


def go(
    simulator: Simulator, kinematics: InverseKinematics, place: tuple[float, ...], yaw: float = 0.0
) -> set[str]:
    """Move the tool to a place within a second, pointing down; what was held on the way."""
    held = set()
    start = simulator.joint_positions()
    goal = kinematics.solve(pointing_down(place, yaw), start)
    for k in range(500):
        share = (k + 1) / 500
        simulator.command_arm(start + (goal - start) * share**3 * (10 - 15 * share + 6 * share**2))
        simulator.step()
        held.add(simulator.world().held)
    return held


def test_the_same_seed_and_commands_give_the_same_states(deployment: Deployment) -> None:
    """Bit by bit, also in another simulator."""
    states = []
    for _ in range(2):
        sim = Simulator(deployment.robot, deployment.robot_path, 7)
        sim.command_arm(home_of(sim) + 0.1)
        run(sim, 0.3)
        bodies = [body.position for body in sim.world().bodies]
        states.append(np.concatenate([sim.joint_positions(), *bodies]))
    assert (states[0] == states[1]).all()


def test_a_scene_is_laid_out_for_the_instruction(simulator: Simulator) -> None:
    """And starts at home with the task open; without an instruction the seed chooses one."""
    assert simulator.reset(3, GREEN_IN_BLUE) == GREEN_IN_BLUE
    names = {body.name for body in simulator.world().bodies}
    assert {'green_cube', 'blue_bowl'} <= names
    assert not simulator.success(GREEN_IN_BLUE)
    np.testing.assert_allclose(simulator.joint_positions(), home_of(simulator), atol=1e-6)
    chosen = simulator.reset(4)
    assert chosen == simulator.instruction
    assert not simulator.success(chosen)


def test_time_starts_at_zero_and_never_jumps_back(deployment: Deployment) -> None:
    """A reset in the middle of a run must not confuse those who keep time."""
    sim = Simulator(deployment.robot, deployment.robot_path)
    assert sim.time_ns == 0
    run(sim, 0.1)
    sim.reset(1)
    assert sim.time_ns == 100_000_000


@pytest.mark.parametrize('steps_between_commands', [1, 5])
@pytest.mark.parametrize('joint', range(6))
def test_servos_track_two_radians_a_second_within_two_milliradians(
    simulator: Simulator, joint: int, steps_between_commands: int
) -> None:
    """At 10 rad/s², with commands at 500 and at 100 Hz; the other joints stay."""
    simulator.reset(0)
    way = 0.8 if joint in (0, 4, 5) else -0.8
    step = simulator.physics_step_s
    worst = 0.0
    for k in range(400):
        if k % steps_between_commands == 0:
            target = home_of(simulator)
            ahead = (k + steps_between_commands) * step
            target[joint] += math.copysign(trapezoid(ahead, 0.8, 2.0, 10.0), way)
            simulator.command_arm(target)
        simulator.step()
        ideal = home_of(simulator)
        ideal[joint] += math.copysign(trapezoid((k + 1) * step, 0.8, 2.0, 10.0), way)
        worst = max(worst, float(np.abs(simulator.joint_positions() - ideal).max()))
    assert worst < 0.002


def test_an_arm_that_is_placed_elsewhere_stays_there(simulator: Simulator) -> None:
    """At once and at rest, with its gripper as asked for; objects lie where they lay."""
    before = simulator.world().bodies
    there = np.array(simulator.robot.home) + np.array([0.3, 0.1, -0.2, 0.1, 0.2, -0.3])
    simulator.place_arm(there, 0.5)
    assert np.array_equal(simulator.joint_positions(), there)
    for _ in range(100):
        simulator.step()
    assert np.abs(simulator.joint_positions() - there).max() < 2e-3
    assert simulator.world().gripper == pytest.approx(0.5, abs=0.02)
    for body, was in zip(simulator.world().bodies, before, strict=True):
        assert np.abs(body.position - was.position).max() < 1e-3


def test_a_stretched_arm_does_not_sag(simulator: Simulator) -> None:
    """Gravity is compensated."""
    simulator.reset(0)
    stretched = np.array([0.0, -0.5, 0.4, -1.4, -1.57, 0.0])
    start = simulator.joint_positions()
    for k in range(750):
        simulator.command_arm(start + (stretched - start) * min(1.0, k / 500))
        simulator.step()
    np.testing.assert_allclose(simulator.joint_positions(), stretched, atol=1e-4)


def test_a_step_of_the_command_is_ridden_out(simulator: Simulator) -> None:
    """Real drives get such commands too; the arm arrives and stands."""
    simulator.reset(0)
    target = home_of(simulator) + np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.5])
    simulator.command_arm(target)
    run(simulator, 1.0)
    np.testing.assert_allclose(simulator.joint_positions(), target, atol=1e-3)
    assert np.abs(simulator.joint_velocities()).max() < 1e-2


def test_the_gripper_closes_no_faster_than_its_speed(simulator: Simulator) -> None:
    """4 cm at 15 cm/s take 0.27 s, both fingers alike."""
    simulator.reset(0)
    assert simulator.gripper_position() == pytest.approx(0.04, abs=1e-4)
    simulator.command_gripper(0.0)
    run(simulator, 0.2)
    assert simulator.gripper_position() > 0.008
    assert abs(simulator.gripper_velocity()) < 0.2
    run(simulator, 0.3)
    assert simulator.gripper_position() == pytest.approx(0.0, abs=1e-3)
    assert simulator.world().gripper == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize('shape', ['cube', 'cylinder'])
def test_a_gripped_object_stays_while_the_arm_shakes(
    simulator: Simulator, deployment: Deployment, shape: str
) -> None:
    """It neither slips nor creeps, is called held, and falls when let go."""
    simulator.reset(1, f'put the red {shape} in the blue bowl')
    kinematics = InverseKinematics(deployment.robot, deployment.robot_path)
    name = f'red_{shape}'
    simulator.move_object(name, 0.45, 0.0)
    height = float(place_of(simulator, name)[2])
    go(simulator, kinematics, (0.45, 0.0, 0.15))
    go(simulator, kinematics, (0.45, 0.0, height))
    assert simulator.world().held == ''
    simulator.command_gripper(0.0)
    run(simulator, 0.5)
    go(simulator, kinematics, (0.45, 0.0, 0.3))
    assert simulator.world().held == name
    assert simulator.contacts() == ()
    grip = simulator.tool_pose()[0] - place_of(simulator, name)
    lifted = simulator.joint_positions()
    for k in range(2000):
        growing = min(1.0, k / 500)
        sway = 0.15 * growing * math.sin(2 * math.pi * k / 400)  # up to 9 rad/s²
        simulator.command_arm(lifted + np.array([sway, 0.0, 0.0, 0.0, 0.0, sway]))
        simulator.step()
    slip = simulator.tool_pose()[0] - place_of(simulator, name) - grip
    assert abs(slip[2]) < 0.0005
    assert np.linalg.norm(slip) < 0.005
    simulator.command_gripper(0.04)
    run(simulator, 0.6)
    assert simulator.world().held == ''
    assert place_of(simulator, name)[2] < 0.1


@pytest.mark.parametrize('shape', ['cube', 'cylinder'])
def test_an_object_that_both_fingers_push_along_is_not_held(
    simulator: Simulator, deployment: Deployment, shape: str
) -> None:
    """Both touch it and press, but on one side: it is free to roll away."""
    simulator.reset(1, f'push the red {shape} to the left')
    kinematics = InverseKinematics(deployment.robot, deployment.robot_path)
    name, yaw = f'red_{shape}', math.pi / 2
    simulator.move_object(name, 0.45, 0.0)
    simulator.command_gripper(0.009)
    go(simulator, kinematics, (0.45, -0.09, 0.2), yaw)
    go(simulator, kinematics, (0.45, -0.09, 0.018), yaw)
    held = set()
    for y in (-0.05, -0.01, 0.03, 0.07, 0.11):
        held |= go(simulator, kinematics, (0.45, y, 0.018), yaw)
    assert place_of(simulator, name)[1] > 0.1
    assert held == {''}


def test_a_bowl_is_hollow(simulator: Simulator) -> None:
    """What is dropped above it lies inside, below the rim."""
    simulator.reset(2, GREEN_IN_BLUE)
    bowl = place_of(simulator, 'blue_bowl')
    simulator.move_object('green_cube', float(bowl[0]), float(bowl[1]), 0.1)
    run(simulator, 1.0)
    cube = place_of(simulator, 'green_cube')
    assert np.hypot(*(cube - bowl)[:2]) < 0.03
    assert cube[2] < 0.04
    assert simulator.success(GREEN_IN_BLUE)
    assert simulator.progress(GREEN_IN_BLUE) == 1.0


def test_success_waits_until_the_object_lies_still(simulator: Simulator) -> None:
    """While it falls it is not done."""
    simulator.reset(2, GREEN_IN_BLUE)
    bowl = place_of(simulator, 'blue_bowl')
    simulator.move_object('green_cube', float(bowl[0]), float(bowl[1]), 0.06)
    run(simulator, 0.05)
    assert not simulator.success(GREEN_IN_BLUE)
    assert simulator.progress(GREEN_IN_BLUE) < 1.0


def test_contacts_name_link_and_obstacle(simulator: Simulator, deployment: Deployment) -> None:
    """A finger pressed on the table is seen."""
    simulator.reset(0)
    go(simulator, InverseKinematics(deployment.robot, deployment.robot_path), (0.3, 0.0, 0.004))
    assert ('gripper_left_finger_link', 'table') in simulator.contacts()


def test_every_collision_is_counted_once_with_its_time(deployment: Deployment) -> None:
    """Each touch of the table, but not how long it lasts; moving an object is none."""
    simulator = Simulator(deployment.robot, deployment.robot_path, 3, GREEN_IN_BLUE)
    kinematics = InverseKinematics(deployment.robot, deployment.robot_path)
    x, y, _ = place_of(simulator, 'green_cube')
    simulator.command_gripper(0.0)
    go(simulator, kinematics, (float(x) - 0.1, float(y), 0.02))
    go(simulator, kinematics, (float(x), float(y), 0.02))
    assert np.hypot(*(place_of(simulator, 'green_cube')[:2] - (x, y))) > 0.02
    assert simulator.collisions.count == 0
    for touches in (1, 2):
        before_ns = simulator.time_ns
        go(simulator, kinematics, (0.3, 0.0, 0.004))
        run(simulator, 0.1)
        assert simulator.collisions.count == 2 * touches
        newest = simulator.collisions.recent[-2:]
        assert {(touch.link, touch.other) for touch in newest} == {
            ('gripper_left_finger_link', 'table'),
            ('gripper_right_finger_link', 'table'),
        }
        assert before_ns < newest[0].time_ns <= simulator.time_ns
        go(simulator, kinematics, (0.3, 0.0, 0.1))
        run(simulator, 0.3)


def test_fingers_that_close_on_each_other_are_no_collision(simulator: Simulator) -> None:
    """That is what they are for."""
    simulator.reset(0)
    before = simulator.collisions.count
    simulator.command_gripper(0.0)
    run(simulator, 1.0)
    assert simulator.collisions.count == before


def test_what_is_asked_must_be_there(simulator: Simulator) -> None:
    """Unknown words and absent objects are different errors, each with its remedy."""
    simulator.reset(3, GREEN_IN_BLUE)
    with pytest.raises(VlaError, match='is not understood'):
        simulator.success('dance')
    with pytest.raises(VlaError, match=r'there is no \w+ bowl on the table; there is .*blue bowl'):
        simulator.success('put the green cube in the yellow bowl')
    with pytest.raises(VlaError, match='is not understood'):
        simulator.reset(3, 'dance')
    assert simulator.instruction == GREEN_IN_BLUE


@pytest.mark.parametrize('bad', [[np.nan] * 6, [np.inf] + [0.0] * 5, [0.0] * 5])
def test_commands_that_are_no_positions_are_refused(simulator: Simulator, bad: list[float]) -> None:
    """The world would explode otherwise."""
    with pytest.raises(VlaError, match='6 finite joint positions'):
        simulator.command_arm(np.array(bad))


def test_a_gripper_command_must_be_finite(simulator: Simulator) -> None:
    """The same for the finger."""
    with pytest.raises(VlaError, match='finite'):
        simulator.command_gripper(math.nan)


def test_a_robot_without_gripper_or_home_is_refused(deployment: Deployment) -> None:
    """The error names file and key."""
    for key, value in (('gripper', None), ('home', ())):
        robot = deployment.robot.model_copy(update={key: value})
        with pytest.raises(VlaError, match=rf'here\.yaml: {key}'):
            Simulator(robot, Path('here.yaml'))
