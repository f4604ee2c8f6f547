# SPDX-License-Identifier: Apache-2.0
"""How long it takes to stop: to see why, to say so, and to stand, with each kind of controller.

The arm, its controllers and time are simulated; the outputs are the real ones, over DDS.
"""

import time
from dataclasses import dataclass

import numpy as np
import rclpy
from rclpy.context import Context

from benchmarks import report
from benchmarks.recheck import rechecks
from benchmarks.stop_cell import StopCell
from vla_bridge.launching.domain import own_domain
from vla_contract.robot import ArmControllerKind
from vla_safety.measured import STANDSTILL
from vla_safety.motion import NS

SPEED = 1.0
"""Of the fastest joint when it is to stop [rad/s]."""
HALF_WAY = 0.5
WATCH_S = 1.0
DECISIONS = 300


@dataclass(frozen=True)
class Stop:
    """One stop.

    Attributes:
        standstill_s: From its cause to the last sign of motion.
        joint_rad: Greatest distance that a joint went meanwhile.
        tool_m: Distance that the tool went meanwhile.
        deceleration: Greatest of any joint [rad/s²].
    """

    standstill_s: float
    joint_rad: float
    tool_m: float
    deceleration: float


def stop(context: Context, kind: ArmControllerKind, *, killed: bool) -> Stop:
    """Stop the arm in mid-motion: as ~/stop does, or by the death of the safety node."""
    cell = StopCell(context, kind, SPEED)
    cell.move_until(HALF_WAY)
    began = len(cell.track.times_s) - 1
    if killed:
        cell.kill_safety_node()
    else:
        motion = cell.decide_to_stop()
        if motion is not None:
            cell.output.send(motion)
            cell.stop_output.stand_by(motion)
    cell.turn(WATCH_S)
    answer = _seen(cell, began)
    cell.close()
    return answer


def _seen(cell: StopCell, began: int) -> Stop:
    times_s = np.array(cell.track.times_s[began:])
    positions = np.array(cell.track.positions[began:])
    speeds = np.array(cell.track.speeds[began:])
    moving = np.flatnonzero(speeds.max(axis=1) > STANDSTILL)
    points = cell.kinematics.tool_positions(positions)
    slowing = -np.diff(speeds, axis=0) / np.diff(times_s)[:, None]
    return Stop(
        standstill_s=float(times_s[moving[-1]] - times_s[0]) if len(moving) else 0.0,
        joint_rad=float(np.abs(positions[-1] - positions[0]).max()),
        tool_m=float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum()),
        deceleration=float(slowing.max()),
    )


def decisions(context: Context) -> list[float]:
    """Times from the decision to stop until the stop is published whole [ms]."""
    cell = StopCell(context, ArmControllerKind.JOINT_TRAJECTORY, SPEED)
    cell.move_until(HALF_WAY)
    times_ms = []
    for _ in range(DECISIONS):
        began_ns = time.monotonic_ns()
        motion = cell.decide_to_stop()
        if motion is not None:
            cell.output.send(motion)
            times_ms.append((time.monotonic_ns() - began_ns) / NS * 1e3)
        cell.spin_once()
    cell.close()
    return times_ms


def main() -> None:
    """Measure, print and keep."""
    checked = rechecks()
    with own_domain():
        context = Context()
        rclpy.init(args=[], context=context)
        times_ms = decisions(context)
        asked = {kind.value: stop(context, kind, killed=False) for kind in ArmControllerKind}
        killed = {kind.value: stop(context, kind, killed=True) for kind in ArmControllerKind}
        context.try_shutdown()
    figures: dict[str, object] = {
        **checked,
        'decision_p50_ms': float(np.percentile(times_ms, 50)),
        'decision_p99_ms': float(np.percentile(times_ms, 99)),
        'decisions': len(times_ms),
        'speed_rad_s': SPEED,
    }
    for cause, stops in (('', asked), ('killed_', killed)):
        figures |= {
            f'{cause}standstill_s': {kind: round(s.standstill_s, 3) for kind, s in stops.items()},
            f'{cause}distance_rad': {kind: round(s.joint_rad, 4) for kind, s in stops.items()},
            f'{cause}distance_m': {kind: round(s.tool_m, 4) for kind, s in stops.items()},
            f'{cause}deceleration': {kind: round(s.deceleration, 1) for kind, s in stops.items()},
        }
    notes = (
        'recheck_…: the motion in execution with its tail against 20 boxes, of which one has just '
        'moved; recheck_scene_…: taking that news; recheck_look_…: the whole look around of a tick '
        'then, with distances; cpu: of the processor, where a busy machine does not show. '
        'decision_…: from the decision until the stop is published; controllers that know one '
        'setpoint at a time hear it with the next setpoint, 10 ms later at most. By kind of '
        'controller, in simulated time: standstill and distance of joint and tool after ~/stop, '
        'and after the safety node is killed (killed_…), from 1 rad/s half-way of a swing.'
    )
    report.write('stop', figures, notes)


if __name__ == '__main__':
    main()
