# SPDX-License-Identifier: Apache-2.0
"""Deployments of the simulated arm with other kinds of controllers."""

from pathlib import Path

from vla_bridge.resources import config_file
from vla_contract.robot import ArmControllerKind

TOPICS = {
    ArmControllerKind.JOINT_TRAJECTORY: 'arm_controller/joint_trajectory',
    ArmControllerKind.FOLLOW_JOINT_TRAJECTORY: 'arm_controller/follow_joint_trajectory',
    ArmControllerKind.FORWARD_POSITION: 'arm_controller/commands',
    ArmControllerKind.FORWARD_VELOCITY: 'arm_controller/commands',
    ArmControllerKind.SERVO_TWIST: 'servo_node/delta_twist_cmds',
    ArmControllerKind.CARTESIAN_POSE: 'arm_controller/target_frame',
}
_TEXT = """\
robot: {robot}
policy: {policy}
robot_overrides:
  controller: {{kind: {kind}, topic: {topic}, state_topic: '', rate_hz: {rate_hz}}}
  timing: {{heartbeat_timeout_s: {heartbeat_timeout_s}, observation_max_age_s: 2.0}}
"""


def write_deployment(
    path: Path, kind: ArmControllerKind, heartbeat_timeout_s: float = 0.15
) -> None:
    """The simulated arm with another controller."""
    path.write_text(
        _TEXT.format(
            robot=config_file('sim_ur5e', 'robots'),
            policy=config_file('demonstrator', 'policies'),
            kind=kind,
            topic=TOPICS[kind],
            rate_hz=50.0 if 'trajectory' in kind.value else 100.0,
            heartbeat_timeout_s=heartbeat_timeout_s,
        )
    )
