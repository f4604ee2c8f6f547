# SPDX-License-Identifier: Apache-2.0
"""What `vla doctor` looks at. Imports nothing that may be missing until it looks for it."""

import importlib
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vla_bridge.cli.findings import Finding, Verdict
from vla_contract.errors import VlaError

HEALTHY, ILL = 0, 1

NEEDED = (
    'numpy',
    'scipy',
    'pydantic',
    'PyYAML',
    'pin',
    'mujoco',
    'opencv-python-headless',
    'rosbags',
    'av',
    'matplotlib',
    'psutil',
)
USEFUL = ('torch', 'transformers', 'safetensors')
ROS_USEFUL = {
    'control_msgs': 'gripper actions and controller states',
    'launch_ros': '`ros2 launch`; `vla sim` and `vla run` do without',
}
DEFAULT = 'sim'
STATE_PUBLISHER = 'robot_state_publisher'
_DRAW = (
    'import mujoco; context = mujoco.GLContext(16, 16); context.make_current(); '
    'from OpenGL import GL; print(GL.glGetString(GL.GL_RENDERER).decode())'
)


def examine(console: Console, deployment: str, namespace: str = '') -> int:
    """Look at everything, print it, and say whether something needed is missing.

    Args:
        console: Where to.
        deployment: Whose limits to show and whose robot to look for; empty for the limits of
            DEFAULT alone.
        namespace: Of that robot.
    """
    findings: list[Finding] = []
    for title, looks in (
        ('Machine', (_python, _machine, _realtime, _gpu, _graphics, _cameras)),
        ('ROS', (_ros, _interfaces, _middleware, _domain, _ros_packages, _moveit)),
        ('Python packages', (_packages,)),
    ):
        found = [finding for look in looks for finding in look()]
        console.print(_table(title, found))
        findings += found
    findings += _robot(console, deployment, namespace)
    bad = [finding for finding in findings if finding.verdict is Verdict.BAD]
    for finding in bad:
        console.print(
            f'[red]✘ {finding.what}: {escape(finding.found)}.[/] {escape(finding.advice)}'
        )
    if not bad:
        console.print('[green]✔ nothing that is needed is missing[/]')
    return ILL if bad else HEALTHY


def _table(title: str, findings: list[Finding]) -> Table:
    table = Table(
        title=title, title_justify='left', title_style='bold', box=box.SIMPLE, show_header=False
    )
    table.add_column(width=1)
    table.add_column(no_wrap=True, style='dim', min_width=16)
    table.add_column(overflow='fold')
    for finding in findings:
        advice = f'  [yellow]{escape(finding.advice)}[/]' if finding.advice else ''
        table.add_row(finding.verdict, finding.what, escape(finding.found) + advice)
    return table


def _python() -> Iterator[Finding]:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    advice = '' if good else 'use Python 3.11, 3.12 or 3.13'
    verdict = Verdict.GOOD if good else Verdict.BAD
    yield Finding('Python', verdict, f'{platform.python_version()} ({sys.executable})', advice)


def _machine() -> Iterator[Finding]:
    pages, size = os.sysconf('SC_PHYS_PAGES'), os.sysconf('SC_PAGE_SIZE')
    cores = os.cpu_count() or 1
    text = f'{platform.platform()}, {cores} cores, {pages * size / 2**30:.0f} GB'
    few = "two or more are advised: model and control loop get in each other's way"
    yield Finding(
        'machine', Verdict.GOOD if cores > 1 else Verdict.WARNING, text, '' if cores > 1 else few
    )


def _realtime() -> Iterator[Finding]:
    before = os.sched_getscheduler(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, before, os.sched_param(0))
    except PermissionError:
        limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[1]
        advice = (
            'add "<user> - rtprio 20" to /etc/security/limits.conf; the safety node runs without'
        )
        yield Finding('SCHED_FIFO', Verdict.WARNING, f'not permitted (rtprio {limit})', advice)
        return
    yield Finding('SCHED_FIFO', Verdict.GOOD, 'permitted')


def _gpu() -> Iterator[Finding]:
    if shutil.which('nvidia-smi') is None:
        yield Finding('GPU', Verdict.NOTE, 'no nvidia-smi; models run on the processor')
        return
    done = subprocess.run(
        ['nvidia-smi', '--query-gpu=name,memory.total', '--format=csv,noheader'],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        yield Finding('GPU', Verdict.WARNING, 'nvidia-smi finds none', 'check the driver')
    for line in lines:
        yield Finding('GPU', Verdict.GOOD, line.strip())


def _graphics() -> Iterator[Finding]:
    """In a process of its own: a broken driver may crash it."""
    environment = dict(os.environ) | {'MUJOCO_GL': os.environ.get('MUJOCO_GL', 'egl')}
    try:
        done = subprocess.run(
            [sys.executable, '-c', _DRAW],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield Finding('EGL', Verdict.BAD, 'does not answer', 'check the graphics driver')
        return
    if done.returncode == 0:
        yield Finding('EGL', Verdict.GOOD, done.stdout.strip())
        return
    last = (done.stderr.strip().splitlines() or [f'ended with code {done.returncode}'])[-1]
    advice = 'to draw the simulated cameras install libegl1 and libgl1-mesa-dri'
    yield Finding('EGL', Verdict.BAD, last, advice)


def _cameras() -> Iterator[Finding]:
    devices = sorted(str(path) for path in Path('/dev').glob('video*'))
    if not devices:
        yield Finding('cameras', Verdict.NOTE, 'no /dev/video*; simulated ones need none')
        return
    shut = [path for path in devices if not os.access(path, os.R_OK | os.W_OK)]
    if shut:
        advice = 'add yourself to the group video, and log in again'
        yield Finding('cameras', Verdict.WARNING, f'not permitted: {", ".join(shut)}', advice)
    usable = [path for path in devices if path not in shut]
    if usable:
        yield Finding('cameras', Verdict.GOOD, ', '.join(usable))


def _ros() -> Iterator[Finding]:
    try:
        place = Path(str(importlib.import_module('rclpy').__file__)).parent
    except ImportError as error:
        advice = 'run `make setup`, or source /opt/ros/<distro>/setup.bash'
        yield Finding('rclpy', Verdict.BAD, f'cannot be imported: {error}', advice)
        return
    wheels = place.is_relative_to(sys.prefix)
    kind = 'wheels in this environment' if wheels else f'installed in {place}'
    distro = os.environ.get('ROS_DISTRO') or ('jazzy' if wheels else 'unknown')
    yield Finding('ROS 2', Verdict.GOOD, f'{distro}, {kind}{_release("ros-jazzy-rclpy")}')


def _interfaces() -> Iterator[Finding]:
    try:
        importlib.import_module('vla_control.msg')
        importlib.import_module('vla_control.action')
    except ImportError as error:
        advice = 'run `make setup`, or `colcon build` and source install/setup.bash'
        yield Finding('vla_control', Verdict.BAD, f'interfaces are not built: {error}', advice)
        return
    yield Finding('vla_control', Verdict.GOOD, 'interfaces are built')


def _middleware() -> Iterator[Finding]:
    try:
        utilities = importlib.import_module('rclpy.utilities')
        name = utilities.get_rmw_implementation_identifier()
    except (ImportError, RuntimeError) as error:
        yield Finding('middleware', Verdict.BAD, str(error), 'unset or mend RMW_IMPLEMENTATION')
        return
    yield Finding('middleware', Verdict.GOOD, name)


def _domain() -> Iterator[Finding]:
    from vla_bridge.launching.domain import busy_domains, users_domain

    try:
        chosen = users_domain() or 0
    except VlaError as error:
        yield Finding('domain', Verdict.BAD, str(error))
        return
    reach = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    busy = sorted(busy_domains())
    others = f'; in use on this machine: {", ".join(map(str, busy))}' if busy else ''
    yield Finding('domain', Verdict.GOOD, f'{chosen}, discovery {reach}{others}')


def _ros_packages() -> Iterator[Finding]:
    for name, use in ROS_USEFUL.items():
        try:
            importlib.import_module(name)
        except ImportError:
            yield Finding(name, Verdict.NOTE, f'not installed; for {use}')
        else:
            yield Finding(name, Verdict.GOOD, 'installed')
    try:
        get_package_prefix = importlib.import_module('ament_index_python').get_package_prefix
        get_package_prefix(STATE_PUBLISHER)
    except (ImportError, LookupError):
        use = 'frames of the simulated arm for RViz; `vla sim` does without'
        yield Finding(STATE_PUBLISHER, Verdict.NOTE, f'not installed; for {use}')
    else:
        yield Finding(STATE_PUBLISHER, Verdict.GOOD, 'installed')


def _moveit() -> Iterator[Finding]:
    try:
        parts = importlib.import_module('vla_bridge.cli.moveit_findings')
    except ImportError as error:
        yield Finding('MoveIt', Verdict.NOTE, f'cannot be looked for: {error}')
        return
    yield from parts.moveit_findings()


def _packages() -> Iterator[Finding]:
    for name in NEEDED:
        found = _release(name).strip()
        advice = '' if found else 'run `make setup`, or pip install -r requirements/base.txt'
        verdict = Verdict.GOOD if found else Verdict.BAD
        yield Finding(name, verdict, found or 'not installed', advice)
    for name in USEFUL:
        found = _release(name).strip()
        yield Finding(
            name, Verdict.GOOD if found else Verdict.NOTE, found or 'not installed; for models'
        )


def _robot(console: Console, deployment: str, namespace: str) -> list[Finding]:
    """Limits of a deployment and topics of its robot, where all that reads them is there."""
    try:
        tables = importlib.import_module('vla_bridge.cli.contract_tables')
        graph = importlib.import_module('vla_bridge.launching.graph')
        options = importlib.import_module('vla_bridge.launching.options')
        streams = importlib.import_module('vla_bridge.cli.robot_streams')
        moveit = importlib.import_module('vla_bridge.cli.moveit_findings')
    except ImportError as error:
        return [Finding('limits', Verdict.BAD, f'cannot be read: {error}', 'mend the above first')]
    try:
        name = deployment or DEFAULT
        chosen = graph.chosen_deployment(options.GraphOptions(deployment=name))
        console.print(tables.limit_table(chosen.robot, tables.limits_in_force(chosen)))
        if not deployment:
            return []
        found: list[Finding] = [*moveit.moveit_asked_for(chosen.robot)]
        found += streams.report(console, chosen.robot, namespace)
    except VlaError as error:
        return [Finding(f'deployment {name}', Verdict.BAD, str(error))]
    return found


def _release(name: str) -> str:
    try:
        return f' {version(name)}'
    except PackageNotFoundError:
        return ''
