# SPDX-License-Identifier: Apache-2.0
"""Names that nodes meet at, all relative, and the quality of service of each kind of stream."""

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_sensor_data,
)

INSTRUCTION = 'instruction'
SET_INSTRUCTION = 'set_instruction'
EXECUTE = 'execute'
TASK = 'task'
TASK_PROGRESS = 'task_progress'
ACTION_CHUNK = 'action_chunk'
EMERGENCY_STOP = 'emergency_stop'
POLICY_HEARTBEAT = 'policy_node/heartbeat'
SAFETY_HEARTBEAT = 'safety_node/heartbeat'
INSTRUCTION_HEARTBEAT = 'instruction_node/heartbeat'
GUARD_HEARTBEAT = 'guard_node/heartbeat'
GUARD_STOPPED = 'guard_node/stopped'
SAFETY_STATUS = 'safety_node/status'
SAFETY_EVENTS = 'safety_node/events'
SAFETY_PLAN = 'safety_node/plan'
SAFETY_ARM = 'safety_node/arm'
SAFETY_DISARM = 'safety_node/disarm'
SAFETY_HOLD = 'safety_node/hold'
SAFETY_STOP = 'safety_node/stop'
SAFETY_REDUCED_SPEED = 'safety_node/reduced_speed'
GROUND_TRUTH = 'sim_node/ground_truth'
RESET_SIMULATION = 'sim_node/reset'
RECORD_EPISODE = 'record_episode'

SENSOR = qos_profile_sensor_data
"""Cameras and joint states: the newest counts, best effort, matches every publisher."""

COMMAND = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE
)
"""Chunks, trajectories, progress: reliable, short queue, nothing old is sent to newcomers."""

LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""The current task and descriptions: newcomers get the last one."""
