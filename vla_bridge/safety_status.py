# SPDX-License-Identifier: Apache-2.0
"""The state of a motion filter as a SafetyStatus message."""

import math

from builtin_interfaces.msg import Time
from std_msgs.msg import Header
from vla_control.msg import SafetyStatus

from vla_safety.filter import MotionFilter
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS


def unconfigured(stamp: Time) -> SafetyStatus:
    """Status of a node that has no filter yet."""
    return SafetyStatus(
        header=Header(stamp=stamp),
        state=int(Mode.UNCONFIGURED),
        state_name='UNCONFIGURED',
        person_distance=math.nan,
    )


def safety_status(
    motion_filter: MotionFilter,
    now: Instant,
    stamp: Time,
    *,
    policy_age_s: float,
    vet_s: float,
    end_to_end_s: float,
) -> SafetyStatus:
    """Status of a filter at a moment, with the latencies its node measured."""
    use = motion_filter.use(now.ros_ns)
    chunk = motion_filter.chunk
    mode = motion_filter.mode
    nearest = motion_filter.avoidance.nearest if motion_filter.avoidance else None
    return SafetyStatus(
        header=Header(stamp=stamp),
        state=int(mode),
        state_name=mode.name,
        reason=str(motion_filter.finding.reason),
        text=motion_filter.finding.text,
        speed_scale=float(motion_filter.pace),
        tool_speed_allowed=motion_filter.tool_speed.allowed(),
        person_distance=motion_filter.tool_speed.distance_m,
        reduced_speed=motion_filter.tool_speed.reduced,
        collision_checking=motion_filter.avoidance is not None,
        min_clearance=nearest.distance_m if nearest else math.nan,
        clearance_pair=[nearest.contact.first, nearest.contact.second] if nearest else ['', ''],
        worst_limit=use.what,
        worst_limit_ratio=use.ratio,
        joint_state_age=motion_filter.measured.age_s(now),
        observation_age=motion_filter.observation_age_s(now),
        policy_heartbeat_age=policy_age_s,
        session=chunk.session if chunk else '',
        sequence=chunk.sequence if chunk else 0,
        row=motion_filter.row(now.ros_ns),
        rows=len(chunk.values) if chunk else 0,
        accepted=motion_filter.accepted,
        rejected=motion_filter.rejected,
        vet_latency=vet_s,
        end_to_end_latency=end_to_end_s,
        standstill=motion_filter.measured.standstill,
    )


def seconds_between(earlier_ns: int, later_ns: int) -> float:
    """Difference of two times [s]."""
    return (later_ns - earlier_ns) / NS
