# SPDX-License-Identifier: Apache-2.0
"""The contract of a deployment as tables."""

from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from vla_bridge.collision.permissive_srdf import srdf_warnings
from vla_bridge.demo.artifacts import limits_in_force
from vla_contract.action import GRIPPER, ActionSpace
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_contract.policy import AngleUnit
from vla_contract.robot import JointUnit, Robot
from vla_safety.limits import Limits

_ORDERS = {
    ActionSpace.JOINT_POSITION: '',
    ActionSpace.JOINT_VELOCITY: '/s',
    ActionSpace.JOINT_DELTA: ' a row',
}


def contract(deployment: Deployment) -> Iterator[RenderableType]:
    """Headline and tables, in reading order."""
    limits = limits_in_force(deployment)
    yield _headline(deployment)
    yield _observation(deployment)
    yield _action(deployment)
    yield limit_table(deployment.robot, limits)
    yield _timing(deployment)
    yield from _warnings(deployment)


def table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the style of them all."""
    made = Table(
        title=title,
        title_justify='left',
        title_style='bold',
        box=box.SIMPLE_HEAD,
        header_style='dim',
    )
    for column in columns:
        made.add_column(
            Text(column), justify='right' if column in right else 'left', overflow='fold'
        )
    return made


def _row(made: Table, *cells: str) -> None:
    """Add cells as they are: names from a file are not markup."""
    made.add_row(*map(Text, cells))


def limit_table(robot: Robot, limits: Limits) -> Table:
    """Limits that the safety node enforces."""
    numbers = ('lower', 'upper', 'velocity', 'accel.', 'jerk')
    title = 'Limits in force: the tighter of URDF and robot file (per s, s², s³)'
    made = table(title, 'joint', 'unit', *numbers, right=numbers)
    for index, joint in enumerate(robot.joints):
        _row(
            made,
            joint.name,
            joint.unit,
            f'{limits.lower[index]:+.2f}',
            f'{limits.upper[index]:+.2f}',
            f'{limits.velocity[index]:g}',
            f'{limits.acceleration[index]:g}',
            f'{limits.jerk[index]:g}',
        )
    _row(made, 'tool', 'm', '', '', f'{robot.workspace.tool_speed:g}')
    made.add_section()
    for kind, boxes in (('inside', robot.workspace.boxes), ('outside', robot.workspace.keep_outs)):
        for area in boxes:
            for axis, low, high in zip('xyz', area.min, area.max, strict=True):
                name = f'tool {kind} “{area.name}”' if axis == 'x' else ''
                _row(made, name, f'{axis} m', f'{low:+.2f}', f'{high:+.2f}')
    return made


def _headline(deployment: Deployment) -> Text:
    robot, policy = deployment.robot, deployment.policy
    kind = 'simulated' if robot.simulated else 'real'
    truth = ', reads ground truth' if policy.ground_truth else ''
    return Text.assemble(
        ('✔ ', 'green'),
        (robot.name, 'bold'),
        f' ({kind}) and ',
        (policy.name, 'bold'),
        f' ({policy.kind}{truth}) fit each other\n',
        (f'  {_short(deployment.robot_path)}\n  {_short(deployment.policy_path)}\n', 'dim'),
    )


def _observation(deployment: Deployment) -> Table:
    robot, policy = deployment.robot, deployment.policy
    cameras = {camera.name: camera for camera in robot.cameras}
    made = table('Observation', 'key', 'from', 'as', 'rate')
    for image in policy.images:
        camera = cameras[image.camera]
        size = f'{camera.width}×{camera.height} {camera.encoding} → {image.width}×{image.height}'
        _row(made, image.key, camera.topic, size, f'{camera.rate_hz:g} Hz')
    units = {joint.name: joint.unit for joint in robot.joints}
    for index, name in enumerate(policy.state.columns):
        joint, unit = name, ''
        if name in units:
            unit = _angle(units[name], policy.state.unit)
        elif robot.gripper is not None:
            joint = robot.gripper.joint
            unit = _gripper(policy.state.gripper.open, policy.state.gripper.closed)
        rate = f'{robot.joint_state_rate_hz:g} Hz'
        _row(made, f'state[{index}]', f'{robot.joint_states}: {joint}', unit, rate)
    if policy.ground_truth:
        _row(made, 'world', 'sim_node/ground_truth', 'poses in the base frame', '')
    _row(made, 'instruction', 'task', 'text', '')
    return made


def _action(deployment: Deployment) -> Table:
    robot, action = deployment.robot, deployment.policy.action
    units = {joint.name: joint.unit for joint in robot.joints}
    made = table(f'Action: {action.space}', 'column', 'unit')
    for index, name in enumerate(action.columns):
        unit = f'in {robot.base_frame}'
        if name == GRIPPER:
            unit = _gripper(action.gripper.open, action.gripper.closed)
        elif name in units:
            unit = _angle(units[name], action.unit) + _ORDERS.get(action.space, '')
        _row(made, f'action[{index}]  {name}', unit)
    made.add_section()
    _row(made, 'arm to', f'{robot.controller.topic}  ({robot.controller.kind})')
    if robot.gripper is not None:
        _row(made, 'gripper to', f'{robot.gripper.target}  ({robot.gripper.kind})')
    return made


def _timing(deployment: Deployment) -> Table:
    policy, timing = deployment.policy, deployment.robot.timing
    made = table('Timing', 'what', 'value', right=('value',))
    length = policy.step_s * policy.rows
    _row(made, 'chunk', f'{policy.rows} rows at {policy.rate_hz:g} Hz: {length:g} s')
    _row(made, 'execution', policy.execution.described)
    for key, value in timing.model_dump().items():
        _row(made, key.removesuffix('_s').replace('_', ' '), f'{value * 1e3:g} ms')
    return made


def _warnings(deployment: Deployment) -> Iterator[Text]:
    """What is allowed and was hardly meant."""
    try:
        lines = list(srdf_warnings(deployment))
    except VlaError as error:
        lines = [f'collision checking cannot be looked at here: {error}']
    if lines:
        yield Text.assemble(('! ', 'bold yellow'), ('\n  '.join(lines), 'yellow'))


def _angle(joint: JointUnit, spoken: AngleUnit) -> str:
    return str(spoken) if joint is JointUnit.RADIAN else str(joint)


def _gripper(opened: float, closed: float) -> str:
    return f'{closed:g} closed, {opened:g} open'


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
