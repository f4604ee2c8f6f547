# SPDX-License-Identifier: Apache-2.0
"""sim_node as a process of its own, over real DDS: what a robot's users see and send."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from vla_control.msg import GroundTruth, Task, TaskProgress
from vla_control.srv import ResetSimulation

from vla_bridge import topics
from vla_bridge.codecs.stamp import stamp_ns
from vla_bridge.resources import config_file, share
from vla_contract.camera import Camera
from vla_contract.deployment import load_robot

COMMAND = [sys.executable, '-m', 'vla_bridge.nodes.sim_node', '--ros-args']
ROBOT = load_robot(config_file('sim_ur5e', 'robots'))
CYCLE_NS = 10_000_000


class Bench:
    """Hears everything that sim_node says."""

    def __init__(self, context: Context) -> None:
        """Subscribe."""
        self.node = Node('bench', context=context)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.heard: dict[str, list[Any]] = {}
        self.trajectories = self.node.create_publisher(
            JointTrajectory, ROBOT.controller.topic, topics.COMMAND
        )
        self.tasks = self.node.create_publisher(Task, topics.TASK, topics.LATCHED)
        self.resets = self.node.create_client(ResetSimulation, topics.RESET_SIMULATION)
        self.hear(JointState, ROBOT.joint_states)
        self.hear(GroundTruth, topics.GROUND_TRUTH)
        self.hear(TaskProgress, topics.TASK_PROGRESS)

    def hear(self, kind: type[Any], topic: str) -> None:
        """Keep every message of a topic."""
        messages = self.heard[topic] = []
        self.node.create_subscription(kind, topic, messages.append, 10)

    def until(self, done: Callable[[], object]) -> None:
        """Spin until something holds."""
        end = time.monotonic() + 60
        while not done():
            assert time.monotonic() < end, f'heard { ({k: len(v) for k, v in self.heard.items()}) }'
            self.executor.spin_once(timeout_sec=0.05)

    def next(self, topic: str, count: int = 1) -> list[Any]:
        """Messages that come from now on."""
        messages = self.heard[topic]
        start = len(messages)
        self.until(lambda: len(messages) >= start + count)
        return messages[start : start + count]

    def reset(self, seed: int, instruction: str = '') -> ResetSimulation.Response:
        """Ask for a new scene."""
        self.until(self.resets.service_is_ready)
        future = self.resets.call_async(ResetSimulation.Request(seed=seed, instruction=instruction))
        self.until(future.done)
        return future.result()

    def close(self) -> None:
        """Hear no more."""
        self.executor.shutdown()
        self.node.destroy_node()


@pytest.fixture
def bench(ros_context: Context) -> Iterator[Bench]:
    """Somebody to listen."""
    bench = Bench(ros_context)
    yield bench
    bench.close()


@contextmanager
def sim_node(bench: Bench, **parameters: object) -> Iterator[None]:
    """A running sim_node, which stops cleanly in the end."""
    arguments = [part for k, v in parameters.items() for part in ('-p', f'{k}:={v}')]
    process = subprocess.Popen([*COMMAND, *arguments])
    try:
        bench.until(lambda: process.poll() is not None or bench.heard[topics.GROUND_TRUTH])
        assert process.poll() is None
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def layout(truth: GroundTruth) -> list[tuple[str, float, float]]:
    """Where the objects lie, to a tenth of a millimetre: they settle by less."""
    return sorted(
        (thing.name, round(thing.pose.position.x, 4), round(thing.pose.position.y, 4))
        for thing in truth.objects
    )


def trajectory(
    start_ns: int, start: np.ndarray, end: np.ndarray, length_s: float, final_velocity: float = 0.0
) -> JointTrajectory:
    """Two points at rest, or with a last one that moves."""
    points = []
    for time_s, positions, velocity in ((0.0, start, 0.0), (length_s, end, final_velocity)):
        points.append(
            JointTrajectoryPoint(
                positions=positions.tolist(),
                velocities=[velocity] * len(positions),
                time_from_start=Duration(sec=int(time_s), nanosec=round(time_s % 1 * 1e9)),
            )
        )
    message = JointTrajectory(joint_names=list(ROBOT.joint_names), points=points)
    message.header.stamp = Time(sec=start_ns // 10**9, nanosec=start_ns % 10**9)
    return message


def calibrated_image(bench: Bench, camera: Camera) -> tuple[Image, CameraInfo]:
    """The first image heard together with its calibration: discovery may lose one of a pair."""
    pairs: list[tuple[Image, CameraInfo]] = []

    def find() -> bool:
        infos = {str(info.header.stamp): info for info in bench.heard[camera.info_topic]}
        images = bench.heard[camera.topic]
        stamped = [(image, infos.get(str(image.header.stamp))) for image in images]
        pairs.extend((image, info) for image, info in stamped if info is not None)
        return bool(pairs)

    bench.until(find)
    return pairs[0]


def test_it_looks_like_a_robot_with_cameras(bench: Bench) -> None:
    """Joint states, images with calibration, description and ground truth, with true stamps."""
    camera = ROBOT.cameras[0]
    bench.hear(Image, camera.topic)
    bench.hear(CameraInfo, camera.info_topic)
    heard: list[String] = []
    with sim_node(bench, seed=3):
        bench.node.create_subscription(String, 'robot_description', heard.append, topics.LATCHED)
        states = bench.next(ROBOT.joint_states, 20)
        image, info = calibrated_image(bench, camera)
        now_ns = time.time_ns()
        truth = bench.next(topics.GROUND_TRUTH)[0]
        bench.until(lambda: heard)
    stamps = [stamp_ns(state.header.stamp, 'joint_states') for state in states]
    assert np.diff(stamps).min() == CYCLE_NS
    assert list(states[0].name) == [*ROBOT.joint_names, 'gripper_finger_joint']
    assert np.allclose(states[0].position[:6], ROBOT.home, atol=1e-3)
    assert np.allclose(states[0].velocity, 0.0, atol=1e-3)
    assert (image.encoding, image.width, image.height) == ('rgb8', camera.width, camera.height)
    assert image.header.frame_id == camera.frame
    assert image.step * image.height == len(image.data)
    assert np.std(np.frombuffer(image.data, np.uint8)) > 10
    assert 0 < stamp_ns(image.header.stamp, 'image') <= now_ns
    assert (info.width, info.k[2]) == (camera.width, (camera.width - 1) / 2)
    assert truth.seed == 3
    assert truth.header.frame_id == ROBOT.base_frame
    assert truth.instruction
    assert truth.gripper == pytest.approx(1.0, abs=0.01)
    assert '<robot' in heard[0].data


def test_a_seed_lays_out_the_same_scene_again(bench: Bench) -> None:
    """Reset is deterministic; what cannot be laid out is refused and changes nothing."""
    with sim_node(bench, render=False):
        layouts = []
        for seed in (11, 12, 11):
            response = bench.reset(seed)
            assert response.success, response.message
            truth = bench.next(topics.GROUND_TRUTH, 10)[-1]
            assert truth.seed == seed
            assert truth.instruction == response.instruction
            layouts.append(layout(truth))
        refused = bench.reset(13, 'fold the laundry')
        assert not refused.success
        assert 'laundry' in refused.message
        assert layout(bench.next(topics.GROUND_TRUTH)[0]) == layouts[2]
    assert layouts[0] == layouts[2]
    assert layouts[0] != layouts[1]


def test_a_trajectory_moves_the_arm_and_ends_at_rest(bench: Bench) -> None:
    """Through the controller's topic, a refused message on the way, and home again by reset."""
    with sim_node(bench, render=False):
        home = np.array(ROBOT.home)
        goal = home + 0.2
        start_ns = time.time_ns()
        bench.until(lambda: bench.trajectories.get_subscription_count() == 1)
        bench.trajectories.publish(trajectory(start_ns, home, goal, 1.0))
        bench.next(ROBOT.joint_states, 30)
        bench.trajectories.publish(trajectory(start_ns, home, home, 2.0, final_velocity=0.1))
        bench.until(
            lambda: np.allclose(bench.heard[ROBOT.joint_states][-1].position[:6], goal, atol=2e-3)
        )
        bench.next(ROBOT.joint_states, 50)
        states = bench.heard[ROBOT.joint_states]
        assert np.abs(states[-1].velocity).max() < 2e-3
        assert max(np.abs(state.velocity[:6]).max() for state in states) > 0.2
        assert bench.reset(0).success
        home_again = bench.next(ROBOT.joint_states, 20)[-1]
        assert np.allclose(home_again.position[:6], home, atol=1e-3)


def test_collisions_of_the_arm_are_in_its_diagnostics(bench: Bench) -> None:
    """How many, of what with what, and when by the clock of the joint states."""
    bench.hear(DiagnosticArray, '/diagnostics')
    levels: list[bytes] = []

    def told() -> dict[str, str]:
        status = bench.next('/diagnostics')[0].status[0]
        levels.append(status.level)
        return {pair.key: pair.value for pair in status.values}

    with sim_node(bench, render=False):
        assert told()['collisions'] == '0'
        home = np.array(ROBOT.home)
        start_ns = time.time_ns()
        bench.until(lambda: bench.trajectories.get_subscription_count() == 1)
        into_table = home + np.array([0.0, 0.95, 0.0, 0.0, 0.0, 0.0])
        bench.trajectories.publish(trajectory(start_ns, home, into_table, 1.0))
        while not (collided := told()['collided']):
            assert time.time_ns() - start_ns < 60e9
        assert levels[-1] == DiagnosticStatus.WARN
        when, link, _, other = collided.split('; ')[0].split()
        assert (link.startswith('gripper'), other) == (True, 'table')
        assert start_ns * 1e-9 < float(when) < time.time()


def test_progress_is_told_of_the_current_task_only(bench: Bench) -> None:
    """A latched task is judged, an instruction that makes no sense here is not."""
    with sim_node(bench, render=False, instruction='put the green cube in the blue bowl'):
        bench.tasks.publish(
            Task(id='t1', instruction='put the green cube in the blue bowl', active=True)
        )
        progress = bench.next(topics.TASK_PROGRESS)[0]
        assert (progress.task_id, progress.success, progress.source) == ('t1', False, 'simulator')
        assert 0.0 <= progress.progress < 1.0
        bench.tasks.publish(Task(id='t2', instruction='sing', active=True))
        bench.until(lambda: bench.next(topics.GROUND_TRUTH, 12)[-1].instruction == '')
        count = len(bench.heard[topics.TASK_PROGRESS])
        bench.tasks.publish(Task(id='t2', instruction='', active=False))
        bench.until(lambda: bench.next(topics.GROUND_TRUTH)[0].instruction)
        assert len(bench.heard[topics.TASK_PROGRESS]) == count


def test_the_simulator_can_make_the_time(bench: Bench) -> None:
    """Faster than real time, every stamp is of /clock, and trajectories follow it."""
    bench.hear(Clock, '/clock')
    with sim_node(bench, render=False, publish_clock=True, real_time_factor=5.0):
        clocks = bench.next('/clock', 50)
        times = [stamp_ns(clock.clock, '/clock') for clock in clocks]
        assert np.diff(times).min() == CYCLE_NS
        assert not np.any(np.diff(times) % CYCLE_NS)
        assert times[0] < 3600 * 10**9
        home = np.array(ROBOT.home)
        bench.until(lambda: bench.trajectories.get_subscription_count() == 1)
        bench.trajectories.publish(trajectory(times[-1], home, home + 0.1, 5.0))
        bench.until(
            lambda: np.allclose(
                bench.heard[ROBOT.joint_states][-1].position[:6], home + 0.1, atol=2e-3
            )
        )
        last_ns = stamp_ns(bench.heard[ROBOT.joint_states][-1].header.stamp, 'joint_states')
        assert last_ns - times[-1] > 4 * 10**9


def test_it_can_be_stopped_taken_down_and_set_up_again(bench: Bench) -> None:
    """Time stands still while it is inactive, and a second setting-up meets no leftovers."""
    client = bench.node.create_client(ChangeState, 'sim_node/change_state')

    def change(transition: int) -> None:
        future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
        bench.until(future.done)
        assert future.result().success

    with sim_node(bench, render=False):
        bench.until(client.service_is_ready)
        change(Transition.TRANSITION_DEACTIVATE)
        assert bench.reset(1).success  # by now, everything sent before has arrived
        count = len(bench.heard[ROBOT.joint_states])
        change(Transition.TRANSITION_CLEANUP)
        assert len(bench.heard[ROBOT.joint_states]) == count
        bench.until(lambda: not bench.node.get_publishers_info_by_topic(ROBOT.joint_states))
        change(Transition.TRANSITION_CONFIGURE)
        change(Transition.TRANSITION_ACTIVATE)
        bench.next(ROBOT.joint_states, 5)
        assert len(bench.node.get_publishers_info_by_topic(ROBOT.joint_states)) == 1


@pytest.mark.usefixtures('ros_domain')
def test_another_speed_without_its_own_clock_is_refused() -> None:
    """With a reason, and before anything moves."""
    done = subprocess.run(
        [*COMMAND, '-p', 'real_time_factor:=2.0'],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert 'needs publish_clock' in done.stderr


@pytest.mark.usefixtures('ros_domain')
def test_a_real_robot_is_not_simulated(tmp_path: Path) -> None:
    """Its robot file would say one thing and move another."""
    text = config_file('sim_ur5e', 'robots').read_text(encoding='utf-8')
    text = text.replace('simulated: true', 'simulated: false').replace('../..', str(share()))
    (tmp_path / 'real.yaml').write_text(text, encoding='utf-8')
    done = subprocess.run(
        [*COMMAND, '-p', f'robot:={tmp_path / "real.yaml"}'],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert 'is a real robot' in done.stderr
