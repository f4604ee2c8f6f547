# SPDX-License-Identifier: Apache-2.0
"""Which topics an episode of a deployment is made of."""

from vla_bridge import topics
from vla_contract.deployment import Deployment
from vla_contract.gripper import GripperKind
from vla_contract.robot import Robot

_TOPIC_GRIPPERS = (GripperKind.JOINT_TRAJECTORY, GripperKind.FORWARD_POSITION)


def episode_topics(deployment: Deployment) -> tuple[str, ...]:
    """Relative names: the robot's streams, what was asked, planned and judged."""
    ours = (
        topics.TASK,
        topics.TASK_PROGRESS,
        topics.ACTION_CHUNK,
        topics.SAFETY_STATUS,
        topics.SAFETY_EVENTS,
        topics.SAFETY_PLAN,
        topics.EMERGENCY_STOP,
    )
    truth = (topics.GROUND_TRUTH,) if deployment.robot.simulated else ()
    return tuple(dict.fromkeys((*_robot_topics(deployment.robot), *ours, *truth)))


def _robot_topics(robot: Robot) -> tuple[str, ...]:
    cameras = [name for camera in robot.cameras for name in (camera.topic, camera.info_topic)]
    gripper = robot.gripper
    command = gripper.target if gripper is not None and gripper.kind in _TOPIC_GRIPPERS else ''
    controller = robot.controller
    states = robot.joint_state_topics
    motion = '' if controller.kind.is_action else controller.topic
    names = (*states, *cameras, motion, controller.state_topic, command)
    return tuple(name for name in names if name)
