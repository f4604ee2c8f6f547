# SPDX-License-Identifier: Apache-2.0
"""What is taken out of each of the 14 steps, and the tests that must notice."""

from dataclasses import dataclass

STEPS = (
    'mode and size cap',
    'numbers, names, units, quaternions',
    'session, task, order, age of the observation',
    'joint states and companions',
    'time grid, rows that are past',
    'one form: increments, branches of the solution',
    'seam',
    'position limits',
    'speed, acceleration, jerk, tool speed',
    'workspace, singularity',
    'collisions on the whole way',
    'braking tail',
    'gripper',
    'publishing, tracking, standstill',
)


@dataclass(frozen=True)
class Mutation:
    """One check taken out.

    Attributes:
        step: From 1 to 14.
        what: Is gone.
        file: Below vla_safety/.
        function: Whose body is replaced, ``Class.method`` or a function.
        body: What stands there instead.
        tests: Files, or tests, that must notice; below test/vla_safety/.
        only: Text of the function that the body replaces, where it does not replace all of it.
    """

    step: int
    what: str
    file: str
    function: str
    body: str
    tests: tuple[str, ...]
    only: str = ''


REFUSALS, FILTER = ('test_refusals.py',), ('test_filter.py',)
MEASURED, TOOL = ('test_measured.py',), ('test_tool_space.py',)
AVOIDANCE, CHECKS = ('test_avoidance.py',), ('test_checks.py',)
SPEED, PLAN = ('test_tool_speed.py',), ('test_plan.py', 'test_filter.py')

MUTATIONS = (
    Mutation(
        1, 'armed first', 'filter.py', 'MotionFilter.plan_to_follow', 'return self.plan', REFUSALS
    ),
    Mutation(1, 'size and shape', 'content.py', 'check_shape', 'return None', REFUSALS),
    Mutation(2, 'finite and credible', 'content.py', 'check_numbers', 'return None', REFUSALS),
    Mutation(2, 'names and units', 'content.py', 'check_columns', 'return None', REFUSALS),
    Mutation(2, 'frame and quaternion', 'content.py', 'check_pose', 'return None', TOOL),
    Mutation(
        3,
        'task, session, order',
        'provenance.py',
        'Provenance._check_order',
        'return None',
        REFUSALS,
    ),
    Mutation(
        3, 'age and freshness', 'provenance.py', 'Provenance._check_age', 'return None', REFUSALS
    ),
    Mutation(4, 'joint states', 'measured.py', 'Measured.finding', 'return None', MEASURED),
    Mutation(
        4, 'one plausible joint', 'measured.py', 'Measured._fault_of', 'return None', MEASURED
    ),
    Mutation(4, 'companions', 'watch.py', 'Watch.finding', 'return None', FILTER),
    Mutation(4, 'scene', 'avoidance.py', 'Avoidance.finding', 'return None', AVOIDANCE),
    Mutation(4, 'people', 'tool_speed.py', 'ToolSpeedRule.finding', 'return None', SPEED),
    Mutation(5, 'time grid', 'content.py', 'check_grid', 'return None', REFUSALS),
    Mutation(
        5, 'rows that are past', 'rows.py', 'RowPath.first_after', 'return 0', ('test_splice.py',)
    ),
    Mutation(
        6,
        'increments add up',
        'canonical.py',
        'absolute_rows',
        "return JointRows(chunk.values[:, : executing.q.shape[1]], 1.0, '')",
        (*FILTER, *TOOL),
    ),
    Mutation(
        6,
        'branch of the solution',
        'tool_path.py',
        '_next',
        'return ik.solve(pose, before)',
        TOOL,
    ),
    Mutation(7, 'jump at the seam', 'plan.py', 'Plan._check_seam', 'return None', REFUSALS),
    Mutation(8, 'range of rows', 'canonical.py', '_within_range', "return q, '', ''", CHECKS),
    Mutation(8, 'range of the motion', 'limits.py', 'Limits.leaves_range', "return ''", CHECKS),
    Mutation(
        9, 'pace of the rows', 'splice.py', '_greatest_scale', 'return 1.0', ('test_splice.py',)
    ),
    Mutation(9, 'rates of the motion', 'checks.py', 'JointCheck.find', 'return None', CHECKS),
    Mutation(9, 'speed of the tool', 'checks.py', 'ToolSpeedCheck.find', 'return None', CHECKS),
    Mutation(
        9, 'pace for the tool', 'pacing.py', 'Pacing._slow', 'return enter(ceiling, 0)', SPEED
    ),
    Mutation(
        10, 'workspace', 'checks.py', 'WorkspaceCheck.find', 'return None', (*CHECKS, *FILTER)
    ),
    Mutation(10, 'singularity', 'tool_path.py', '_pace', 'return 1.0', TOOL),
    Mutation(11, 'sweep', 'collision/swept.py', 'SweptCheck.find', 'return None', AVOIDANCE),
    Mutation(
        11,
        'between way-points',
        'collision/swept.py',
        'SweptCheck._first',
        'return None',
        ('collision/test_swept.py',),
    ),
    Mutation(
        11,
        'creeping nearer',
        'collision/swept.py',
        'SweptCheck._escape',
        'False',
        AVOIDANCE,
        'last[pair] < min(first[pair] - CREEP_M, enough)',
    ),
    Mutation(11, 'a changed scene', 'avoidance.py', 'Avoidance.look', 'return None', AVOIDANCE),
    Mutation(
        12,
        'it ends at rest',
        'braking.py',
        'brake',
        'return Motion.still(start_ns, state.q)',
        ('test_braking.py',),
    ),
    Mutation(
        12,
        'its checks',
        'plan.py',
        'Plan.proposed',
        'head.since(self._committed_ns)',
        PLAN,
        'candidate.since(self._committed_ns)',
    ),
    Mutation(
        12,
        'check of a stop at once',
        'plan.py',
        'Plan.stop',
        'False',
        ('test_early_stops.py',),
        'self._finding(candidate.since(start_ns)) and (not self._finding(going_on))',
    ),
    Mutation(13, 'range', 'content.py', 'check_opening', 'return None', REFUSALS),
    Mutation(13, 'chatter', 'gripper.py', 'GripperFilter.wanted', 'return opening', FILTER),
    Mutation(
        13,
        'way of the fingers',
        'avoidance.py',
        'Avoidance.find_for_gripper',
        'return None',
        AVOIDANCE,
    ),
    Mutation(14, 'tracking', 'oversight.py', 'Oversight.tracking', 'return None', FILTER),
    Mutation(14, 'a stall', 'oversight.py', 'Oversight.stall', 'return None', FILTER),
    Mutation(14, 'standstill', 'measured.py', 'Measured.standstill', 'return True', FILTER),
    Mutation(
        14,
        'the past is repeated',
        'plan.py',
        'Plan._message',
        'return self.executing.since(self.executing.apart(now_ns + 20_000_000))',
        FILTER,
    ),
)
