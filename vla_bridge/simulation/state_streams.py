# SPDX-License-Identifier: Apache-2.0
"""Joint states, ground truth and verdicts as messages, from whatever thread runs the cycles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from vla_control.msg import GroundTruth, TaskProgress

from vla_bridge.simulation.conversion import to_doubles, to_object, to_pose, to_time
from vla_bridge.simulation.judge import Verdict
from vla_bridge.simulation.simulated_robot import Reading
from vla_bridge.topics import COMMAND, TASK_PROGRESS
from vla_contract.errors import VlaError
from vla_contract.observation import World
from vla_contract.robot import Robot
from vla_sim.controllers.motion import Motion, Vector


@dataclass(frozen=True)
class Truth:
    """The world at one time.

    Attributes:
        world: Objects and gripper.
        tool: Position and quaternion of the tool frame.
        seed: Of the scene.
    """

    world: World
    tool: tuple[NDArray[np.float64], NDArray[np.float64]]
    seed: int


class JointStates:
    """Measured joints, the gripper's where the robot file says they are."""

    def __init__(self, node: LifecycleNode, robot: Robot) -> None:
        """Open the topics."""
        if robot.gripper is None:
            raise VlaError(f'{robot.name} has no gripper; the simulator needs one')
        self._arm_names = list(robot.joint_names)
        self._gripper_names = [robot.gripper.joint]
        self._publisher: Publisher = node.create_lifecycle_publisher(
            JointState, robot.joint_states, COMMAND
        )
        self._gripper_publisher: Publisher | None = None
        own_topic = robot.gripper.joint_states
        if own_topic and own_topic != robot.joint_states:
            self._gripper_publisher = node.create_lifecycle_publisher(
                JointState, own_topic, COMMAND
            )

    def publish(self, at_ns: int, reading: Reading) -> None:
        """Publish one reading."""
        arm, gripper = reading.arm, reading.gripper
        if self._gripper_publisher is not None:
            self._publisher.publish(_joint_state(at_ns, self._arm_names, arm))
            self._gripper_publisher.publish(_joint_state(at_ns, self._gripper_names, gripper))
            return
        both = Motion(
            np.concatenate([arm.positions, gripper.positions]),
            np.concatenate([_velocities(arm), _velocities(gripper)]),
        )
        self._publisher.publish(_joint_state(at_ns, self._arm_names + self._gripper_names, both))


class TruthStreams:
    """Ground truth, and progress of the task."""

    def __init__(self, node: LifecycleNode, frame: str) -> None:
        """Open the topics.

        Args:
            node: Whose topics they are; the ground truth is below its name.
            frame: The robot's base frame.
        """
        self._frame = frame
        self._truth: Publisher = node.create_lifecycle_publisher(
            GroundTruth, '~/ground_truth', COMMAND
        )
        self._progress: Publisher = node.create_lifecycle_publisher(
            TaskProgress, TASK_PROGRESS, COMMAND
        )

    def publish_truth(self, at_ns: int, truth: Truth, verdict: Verdict | None) -> None:
        """Publish the world with the newest verdict on it."""
        self._truth.publish(
            GroundTruth(
                header=Header(stamp=to_time(at_ns), frame_id=self._frame),
                objects=[to_object(body) for body in truth.world.bodies],
                tool=to_pose(*truth.tool),
                gripper=truth.world.gripper,
                held=truth.world.held,
                instruction=verdict.instruction if verdict else '',
                success=verdict.success if verdict else False,
                seed=truth.seed,
            )
        )

    def publish_progress(self, at_ns: int, verdict: Verdict) -> None:
        """Publish a verdict on a task."""
        self._progress.publish(
            TaskProgress(
                header=Header(stamp=to_time(at_ns)),
                task_id=verdict.task_id,
                instruction=verdict.instruction,
                progress=verdict.progress,
                success=verdict.success,
                source='simulator',
            )
        )


def _velocities(motion: Motion) -> Vector:
    return np.zeros_like(motion.positions) if motion.velocities is None else motion.velocities


def _joint_state(at_ns: int, names: list[str], motion: Motion) -> JointState:
    return JointState(
        header=Header(stamp=to_time(at_ns)),
        name=names,
        position=to_doubles(motion.positions),
        velocity=to_doubles(_velocities(motion)),
    )
