# SPDX-License-Identifier: Apache-2.0
"""The values that each step of the pipeline looks at, beside their bounds. Decides nothing."""

import math
from collections.abc import Iterator

import numpy as np

from vla_contract.action import GRIPPER, MOST_ROWS, ActionChunk, ActionSpace
from vla_safety.canonical import Canonical
from vla_safety.checks import ToolSpeedCheck, WorkspaceCheck
from vla_safety.content import COLUMNS, GRIPPER_SLACK, LARGEST, QUATERNION_SLACK
from vla_safety.filter import MotionFilter
from vla_safety.limits import TOLERANCE
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS, SAMPLE_S, Array, Motion
from vla_safety.neighbours import Neighbours
from vla_safety.plan import Plan, Proposal
from vla_safety.provenance import FUTURE_S, START_AHEAD_S
from vla_safety.steps import Look
from vla_safety.tool_path import SLOW_BELOW, STOP_BELOW

_TAKING = ', '.join(mode.name for mode in Mode if mode.takes_chunks)
_PLACES = 40
"""Places on a motion at which the distance to things is measured."""


def at_mode(motion_filter: MotionFilter, chunk: ActionChunk) -> Iterator[Look]:
    """Step 1."""
    yield Look('mode', motion_filter.mode.name, _TAKING)
    yield Look('rows × columns', ' × '.join(map(str, chunk.values.shape)), f'at most {MOST_ROWS}')


def at_content(motion_filter: MotionFilter, chunk: ActionChunk) -> Iterator[Look]:
    """Step 2. The values may be anything."""
    wanted = COLUMNS.get(chunk.space, motion_filter.robot.joint_names)
    right = chunk.columns[: len(wanted)] == wanted
    yield Look('columns', 'as in the robot file' if right else ', '.join(chunk.columns))
    yield Look('units', ', '.join(dict.fromkeys(chunk.units)))
    finite = np.isfinite(chunk.values)
    yield Look('values that are no numbers', str(int((~finite).sum())), '0')
    largest = float(np.abs(chunk.values[finite]).max(initial=0.0))
    yield Look('largest magnitude', f'{largest:.6g}', f'≤ {LARGEST:g}')
    if chunk.space is ActionSpace.POSE and chunk.values.shape[1] >= 7 and finite.all():
        norms = np.linalg.norm(chunk.values[:, 3:7], axis=1)
        worst = float(norms[np.abs(norms - 1).argmax()])
        yield Look('quaternion norm', f'{worst:.6f}', f'1 ± {QUATERNION_SLACK:g}')


def at_provenance(motion_filter: MotionFilter, chunk: ActionChunk, now_ns: int) -> Iterator[Look]:
    """Step 3."""
    accepted = motion_filter.provenance.accepted
    yield Look('task', chunk.task_id or 'none', motion_filter.task_id or 'none')
    ended = f'none of {len(accepted.retired)} that ended'
    yield Look('session', chunk.session or 'none', ended)
    same = chunk.session == accepted.session
    yield Look('sequence', str(chunk.sequence), f'> {accepted.sequence}' if same else 'any')
    age = (now_ns - chunk.observation_stamp_ns) / NS
    most = motion_filter.robot.timing.observation_max_age_s
    yield Look('age of the image', f'{age:.3f} s', f'{-FUTURE_S:g} to {most:g} s')
    fresh = (chunk.observation_stamp_ns - accepted.not_before_ns) / NS
    if accepted.not_before_ns:
        yield Look('image captured after the arm was held', f'{fresh:.3f} s', '> 0 s')
    ahead = (chunk.start_ns - now_ns) / NS
    yield Look('starts from now', f'{ahead:.3f} s', f'≤ {START_AHEAD_S:g} s')


def at_state(motion_filter: MotionFilter, now: Instant) -> Iterator[Look]:
    """Step 4."""
    timing, watch = motion_filter.robot.timing, motion_filter.oversight.watch
    age = motion_filter.measured.age_s(now)
    yield Look('age of joint states', _seconds(age), f'≤ {timing.joint_state_max_age_s:g} s')
    for name in watch.companions:
        silence = _seconds(watch.age_s(name, now.steady_ns))
        yield Look(f'{name} last heard', silence, f'≤ {watch.timeout_s:g} s')
    rule = motion_filter.robot.separation
    if rule.topic:
        distance, needed = motion_filter.tool_speed.distance_m, motion_filter.tool_speed.needed_m(0)
        yield Look('nearest person', f'{distance:.2f} m', f'> {needed:.2f} m')
    if motion_filter.avoidance is not None:
        seen, most = motion_filter.avoidance.seen, motion_filter.robot.scene.max_age_s
        for source, objects in seen.said.items():
            silence_s = (now.steady_ns - seen.heard_ns[source]) / NS
            live = most and seen.heard_ns[source]
            text = f'{len(objects)} objects' + (f', {silence_s:.2f} s old' if live else '')
            yield Look(f'scene from {source}', text, f'≤ {most:g} s old' if live else '')
        if motion_filter.avoidance.neighbours is not None:
            yield from _at_others(motion_filter.avoidance.neighbours, now)


def _at_others(neighbours: Neighbours, now: Instant) -> Iterator[Look]:
    for name, other in neighbours.others.items():
        for what, _, heard_ns in other.heard():
            age = 'never' if heard_ns is None else f'{(now.steady_ns - heard_ns) / NS:.3f} s'
            yield Look(f'age of {what} of arm {name}', age, f'≤ {other.said.max_age_s:g} s')


def at_grid(motion_filter: MotionFilter, chunk: ActionChunk, now_ns: int) -> Iterator[Look]:
    """Step 5."""
    timing = motion_filter.robot.timing
    bound = f'{timing.step_min_s:g} to {timing.step_max_s:g} s'
    yield Look('step', f'{chunk.step_s:g} s', bound)
    length = chunk.step_s * len(chunk.values)
    yield Look('length', f'{length:g} s', f'≤ {timing.horizon_max_s:g} s')
    if math.isfinite(length):
        left = (chunk.start_ns - now_ns) / NS + chunk.step_s * (len(chunk.values) - 1)
        lead = timing.lead_s + motion_filter.period_s
        yield Look('last row is due in', f'{left:.3f} s', f'> {lead:.3f} s')


def at_form(chunk: ActionChunk, asked: Canonical) -> Iterator[Look]:
    """Step 6."""
    rows = f'{len(asked.rows.times_ns)} of {len(chunk.values)}'
    yield Look(f'rows of {chunk.space} as joint positions', rows)


def at_seam(motion_filter: MotionFilter, plan: Plan, asked: Canonical, now_ns: int) -> Look:
    """Step 7: the jump from the motion in execution to the rows."""
    seam_ns = plan.seam_ns(now_ns, motion_filter.period_s)
    times_ns = np.array([min(seam_ns, int(asked.rows.times_ns[-1]))], dtype=np.int64)
    jump = np.abs(asked.rows.at(times_ns).q[0] - plan.executing.at(seam_ns).q)
    joint, limits = int(jump.argmax()), motion_filter.limits
    bound = f'≤ {limits.seam_jump:g}'
    return Look(f'jump of {limits.names[joint]}', f'{jump[joint]:.4f}', bound)


def at_range(motion_filter: MotionFilter, q: Array) -> Look:
    """Step 8: the row that goes farthest, towards the limit or beyond it."""
    limits = motion_filter.limits
    lower, upper = limits.lower + limits.margin, limits.upper - limits.margin
    excess = np.maximum(lower - q, q - upper)
    row, joint = np.unravel_index(int(excess.argmax()), excess.shape)
    bound = f'{lower[joint]:.4f} to {upper[joint]:.4f}'
    return Look(f'row {row} of {limits.names[joint]}', f'{q[row, joint]:.4f}', bound)


def at_singularity(motion_filter: MotionFilter, chunk: ActionChunk, q: Array) -> Iterator[Look]:
    """Step 10, for rows that speak of the tool."""
    if chunk.space in (ActionSpace.POSE, ActionSpace.POSE_DELTA):
        least = min(motion_filter.ik.manipulability(row) for row in q)
        bound = f'> {STOP_BELOW:g}, slower below {SLOW_BELOW:g}'
        yield Look('manipulability', f'{least:.4f}', bound)


def at_pace(motion_filter: MotionFilter, asked: Canonical) -> Iterator[Look]:
    """Step 9, as the rows are followed."""
    yield Look('pace', f'{motion_filter.pace:.3f}', '1: as the policy asks')
    yield Look('pace past singularities', f'{asked.pace:.3f}', '≤ 1')
    yield Look('pace by the distance to things', f'{motion_filter.pacing.nearness:.3f}', '≤ 1')
    allowed, most = motion_filter.tool_speed.allowed(), motion_filter.robot.workspace.tool_speed
    yield Look('speed allowed to the tool', f'{allowed:.3f} m/s', f'≤ {most:g} m/s')


def at_rates(motion_filter: MotionFilter, motion: Motion) -> Iterator[Look]:
    """Step 9, on a motion."""
    use = motion_filter.limits.use(motion)
    yield Look(use.what or 'joint rates', f'{use.ratio:.3f} of its limit', f'≤ {1 + TOLERANCE:g}')
    for check in motion_filter.checks:
        if isinstance(check, ToolSpeedCheck):
            speed = check.use(motion)
            yield Look(speed.what, f'{speed.ratio:.3f} of its limit', '≤ 1')


def at_workspace(motion_filter: MotionFilter, motion: Motion) -> Iterator[Look]:
    """Step 10, on a motion."""
    for check in motion_filter.checks:
        if isinstance(check, WorkspaceCheck):
            beyond = check.beyond(motion)
            yield Look('tool beyond the workspace', f'{beyond * 1e3:.1f} mm', '0 mm')


def at_collisions(motion_filter: MotionFilter, motion: Motion) -> Iterator[Look]:
    """Step 11, on a motion."""
    avoidance, rule = motion_filter.avoidance, motion_filter.robot.collision
    if avoidance is None:
        yield Look('collision checking', 'none', f'collision.backend is {rule.backend}')
        return
    step_ns = max(round(SAMPLE_S * NS), (motion.end_ns - motion.start_ns) // _PLACES)
    times_ns = np.arange(motion.start_ns, motion.end_ns + step_ns, step_ns, dtype=np.int64)
    found = [avoidance.nearest_at(q) for q in motion.sample(times_ns)[0]]
    near = [clearance for clearance in found if clearance is not None]
    if not near:
        yield Look('nearest thing', 'nothing is near')
        return
    least = min(near, key=lambda clearance: clearance.distance_m)
    kept = rule.own_margin if least.contact.own else rule.margin + rule.tracking
    pair = f'{least.contact.first} – {least.contact.second}'
    yield Look(pair, f'{least.distance_m * 1e3:.1f} mm', f'≥ {kept * 1e3:g} mm')


def at_tail(motion_filter: MotionFilter, proposal: Proposal) -> Iterator[Look]:
    """Step 12."""
    tail = proposal.motion.since(proposal.braking_ns)
    yield Look('time to rest', f'{(tail.end_ns - tail.start_ns) / NS:.3f} s')
    yield Look('speed at its end', f'{float(np.abs(tail.v[-1]).max()):g}', '0')
    use = motion_filter.limits.use(tail)
    if use.what:
        yield Look(use.what, f'{use.ratio:.3f} of its limit', f'≤ {1 + TOLERANCE:g}')


def at_gripper(chunk: ActionChunk) -> Iterator[Look]:
    """Step 13."""
    if chunk.columns[-1] != GRIPPER:
        yield Look('gripper', 'not asked for')
        return
    low, high = float(chunk.values[:, -1].min()), float(chunk.values[:, -1].max())
    bound = f'0 to 1, clipped up to {GRIPPER_SLACK:g} beyond'
    yield Look('opening', f'{low:.4g} to {high:.4g}', bound)


def at_sending(motion_filter: MotionFilter, now: Instant) -> Iterator[Look]:
    """Step 14."""
    plan = motion_filter.plan
    if plan is None:
        return
    rest = max(plan.checked_until_ns - now.ros_ns, 0) / NS
    yield Look('what is in execution ends at rest in', f'{rest:.3f} s')
    if motion_filter.measured.finding(now) is None:
        planned = plan.executing.at(motion_filter.measured.stamp_ns).q
        error = float(np.abs(planned - motion_filter.measured.positions).max())
        most = motion_filter.robot.margins.tracking
        yield Look('arm beside its plan', f'{error:.4f}', f'≤ {most:g}')


def _seconds(value: float) -> str:
    return 'never' if math.isnan(value) else f'{value:.3f} s'
