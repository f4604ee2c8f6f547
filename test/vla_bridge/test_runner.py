# SPDX-License-Identifier: Apache-2.0
"""The runner, with small programs in the place of nodes."""

import errno
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from vla_bridge.launching import lines as terminal_lines
from vla_bridge.launching.graph import NodeSpec
from vla_bridge.launching.runner import NodeDeathError, Runner
from vla_contract.errors import VlaError

WAITS = """
import signal, sys, time
def end(*_):
    print('stopped at', time.monotonic_ns())
    sys.exit(0)
signal.signal(signal.SIGINT, end)
print('ready')
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('ready')
time.sleep(60)
"""
DEFAULTS = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
print('ready')
time.sleep(60)
"""
BREAKS = "import sys; print('the camera is gone'); sys.exit(3)"
REFUSES = """
import sys
print('[INFO] [1.0] [sim]: beginning')
print('[ERROR] [1.1] [sim]: no coffee here')
sys.exit(2)
"""
LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print('child', child.pid)
"""
RUNNER = f"""
import sys, time
from pathlib import Path
from vla_bridge.launching.graph import NodeSpec
from vla_bridge.launching.interrupts import InterruptError, Interrupts
from vla_bridge.launching.runner import Runner
nodes = tuple(NodeSpec(f'node_{{i}}', 'any', package='any') for i in range(3))
waits = [sys.executable, '-c', {WAITS!r}]
print('here', flush=True)
try:
    with (
        Interrupts() as interrupts,
        Runner(nodes, Path(sys.argv[1]), lambda *_: False, find=lambda _: waits) as runner,
    ):
        print(*[process.popen.pid for process in runner.processes], flush=True)
        while True:
            interrupts.check()
            runner.check()
            time.sleep(0.01)
except InterruptError as error:
    sys.exit(error.code)
"""


NODES = Path(__file__).parents[2] / 'vla_bridge' / 'nodes'


class Lines:
    """Keeps what nodes print, and waits for a line."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.said: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> bool:
        """Keep a line, unseen."""
        self.said.append((name, line))
        return False

    def wait(self, name: str, start: str) -> str:
        """A line of a node that begins so."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for who, line in self.said:
                if who == name and line.startswith(start):
                    return line
            time.sleep(0.01)
        raise AssertionError(f'{name} did not say {start!r}: {self.said}')


def running(*programs: tuple[NodeSpec, str]) -> Callable[[NodeSpec], list[str]]:
    """Say which program each node runs."""
    by_name = {spec.name: source for spec, source in programs}
    return lambda spec: [sys.executable, '-c', by_name[spec.name]]


def watch(runner: Runner) -> None:
    """Run a graph until a node dies."""
    with runner:
        while True:
            runner.check()
            time.sleep(0.01)


def gone(pid: int) -> bool:
    """Wait for a process to end."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_stops_in_order_and_keeps_a_log_of_each_node(tmp_path: Path) -> None:
    """Lower stop orders end before higher ones begin to, whatever order they started in."""
    specs = [
        NodeSpec(name, 'any', package='any', stop_order=order)
        for name, order in (('sim', 2), ('policy', 0))
    ]
    lines = Lines()
    with Runner(
        tuple(specs), tmp_path, lines, find=running(*[(s, WAITS) for s in specs])
    ) as runner:
        for spec in specs:
            lines.wait(spec.name, 'ready')
    assert runner.clean
    assert [ending.name for ending in runner.endings] == ['policy', 'sim']
    policy, sim = (
        int((tmp_path / f'{name}.log').read_text().split()[-1]) for name in ('policy', 'sim')
    )
    assert policy < sim
    assert 'stopped at' in (tmp_path / 'policy.log').read_text()


def test_death_of_a_required_node_names_it_and_its_last_lines(tmp_path: Path) -> None:
    """The error carries the exit code and what the node said; the others are stopped."""
    safety, policy = (
        NodeSpec('safety', 'any', package='any'),
        NodeSpec('policy', 'any', package='any'),
    )
    lines = Lines()
    find = running((safety, WAITS), (policy, BREAKS))
    runner = Runner((safety, policy), tmp_path, lines, find=find)
    with pytest.raises(NodeDeathError, match=r'(?s)policy ended with exit code 3.*camera is gone'):
        watch(runner)
    assert {ending.name for ending in runner.endings} == {'safety', 'policy'}


def test_the_reason_of_a_death_is_said_once(tmp_path: Path) -> None:
    """What people saw when the node said it is not repeated, only where it can be read again."""
    spec = NodeSpec('sim', 'any', package='any')
    screen = io.StringIO()
    show = terminal_lines.Lines(Console(file=screen, width=200), ('sim',), quiet=True)
    runner = Runner((spec,), tmp_path, show, find=running((spec, REFUSES)))
    with pytest.raises(NodeDeathError, match=r'exit code 2; the graph stops. .* above') as death:
        watch(runner)
    assert (screen.getvalue() + str(death.value)).count('no coffee here') == 1
    assert 'beginning' not in screen.getvalue() + str(death.value)
    assert str(tmp_path / 'sim.log') in str(death.value)


def test_death_of_another_node_is_said_and_the_graph_goes_on(tmp_path: Path) -> None:
    """A viewer may end without ending the arm."""
    viewer = NodeSpec('viewer', 'any', package='any', required=False)
    lines = Lines()
    with Runner((viewer,), tmp_path, lines, find=running((viewer, BREAKS))) as runner:
        while runner.processes[0].code is None:
            time.sleep(0.01)
        runner.check()
    assert 'goes on without it' in lines.wait('viewer', '[WARN]')


def test_a_node_that_ignores_signals_is_killed(tmp_path: Path) -> None:
    """Stopping takes a bounded time, and says that it took force."""
    spec = NodeSpec('stubborn', 'any', package='any')
    lines = Lines()
    with Runner(
        (spec,), tmp_path, lines, hurry=lambda: True, find=running((spec, STUBBORN))
    ) as runner:
        lines.wait('stubborn', 'ready')
    (ending,) = runner.endings
    assert ending.escalated
    assert ending.code == -signal.SIGKILL
    assert not runner.clean


def test_what_a_node_started_does_not_outlive_it(tmp_path: Path) -> None:
    """The process group of a node ends with the node."""
    spec = NodeSpec('parent', 'any', package='any', required=False)
    lines = Lines()
    with Runner((spec,), tmp_path, lines, find=running((spec, LEAVES_A_CHILD))):
        child = int(lines.wait('parent', 'child').split()[-1])
    assert gone(child)


def test_an_absent_package_is_named(tmp_path: Path) -> None:
    """A missing program stops the start; an optional one is missed only where it was asked for."""
    spec = NodeSpec('rviz2', 'rviz2', package='rviz2')
    with (
        pytest.raises(VlaError, match='rviz2 is not installed'),
        Runner((spec,), tmp_path, Lines(), find=lambda _: None),
    ):
        pass
    lines = Lines()
    viewers = tuple(
        NodeSpec(name, name, package=name, optional=True, asked=name == 'rviz2')
        for name in ('rviz2', 'robot_state_publisher')
    )
    with Runner(viewers, tmp_path, lines, find=lambda _: None) as runner:
        assert not runner.processes
    assert [name for name, line in lines.said if 'left out' in line] == ['rviz2']


def test_no_node_survives_the_kill_of_its_runner(tmp_path: Path) -> None:
    """SIGKILL of the runner leaves nothing behind: the kernel sees to it."""
    command = [sys.executable, '-c', RUNNER, str(tmp_path / 'log')]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        runner.stdout.readline()
        pids = [int(pid) for pid in runner.stdout.readline().split()]
        runner.kill()
    assert len(pids) == 3
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize('delay_s', [0.0, 0.02, 0.1, 0.5])
def test_ctrl_c_at_any_moment_ends_everything(tmp_path: Path, delay_s: float) -> None:
    """An interrupt during or after the start leaves no process, and exits as interrupts do."""
    command = [sys.executable, '-c', RUNNER, str(tmp_path / 'log')]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as runner:
        assert runner.stdout is not None
        runner.stdout.readline()
        time.sleep(delay_s)
        children = psutil.Process(runner.pid).children(recursive=True)
        os.kill(runner.pid, signal.SIGINT)
        runner.communicate(timeout=20)
    assert runner.returncode in {128 + signal.SIGINT, -signal.SIGINT}
    assert all(gone(child.pid) for child in children)


@pytest.mark.parametrize('delay_s', [0.0, 0.01, 0.03, 0.3])
@pytest.mark.usefixtures('ros_domain')
def test_a_node_interrupted_while_it_starts_stops_cleanly_and_says_nothing(
    tmp_path: Path, delay_s: float
) -> None:
    """Nothing moves and nothing is open yet: no traceback, whichever import was under way."""
    specs = tuple(
        NodeSpec(name, name, parameters={'deployment': 'sim'})
        for name in ('guard_node', 'policy_node')
    )
    lines = Lines()
    with Runner(specs, tmp_path, lines) as runner:
        time.sleep(delay_s)
    assert [(ending.name, ending.code) for ending in runner.endings] == [
        ('guard_node', 0),
        ('policy_node', 0),
    ]
    assert 'Traceback' not in ''.join((tmp_path / f'{s.name}.log').read_text() for s in specs)


def test_another_package_s_program_that_the_interrupt_ends_has_stopped_as_asked(
    tmp_path: Path,
) -> None:
    """Programs without a handler of their own end by SIGINT: that is how they stop."""
    spec = NodeSpec('viewer', 'any', package='any')
    lines = Lines()
    with Runner((spec,), tmp_path, lines, find=running((spec, DEFAULTS))) as runner:
        lines.wait('viewer', 'ready')
    assert runner.endings[0].code == -signal.SIGINT
    assert runner.clean


@pytest.mark.parametrize('name', sorted(path.stem for path in NODES.glob('*_node.py')))
def test_a_node_started_by_hand_and_interrupted_while_it_imports_says_nothing(name: str) -> None:
    """As `ros2 launch` and people start it: without the runner that would hide a traceback."""
    with subprocess.Popen(
        [sys.executable, '-X', 'importtime', '-m', f'vla_bridge.nodes.{name}'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as node:
        assert node.stdout is not None
        assert any(line.endswith('| vla_bridge.nodes\n') for line in node.stdout)
        node.send_signal(signal.SIGINT)
        said, _ = node.communicate(timeout=20)
    assert [line for line in said.splitlines() if not line.startswith('import time:')] == []
    assert node.returncode == 0


def test_a_graph_whose_output_nobody_reads_any_more_stops(tmp_path: Path) -> None:
    """Nodes must never wait for a pipe that nobody empties, nor run on unseen."""
    talks = NodeSpec('talks', 'any', package='any')

    def show(_name: str, _line: str) -> bool:
        raise BrokenPipeError(errno.EPIPE, 'nobody reads it any more')

    runner = Runner((talks,), tmp_path, show, find=running((talks, WAITS)))
    with pytest.raises(BrokenPipeError, match='nobody reads'):
        watch(runner)
    assert runner.clean
    assert 'stopped at' in (tmp_path / 'talks.log').read_text()


def test_a_log_that_cannot_be_written_is_said_once_and_the_graph_goes_on(tmp_path: Path) -> None:
    """A full disk does not stop an arm."""
    talks = NodeSpec('talks', 'any', package='any')
    (tmp_path / 'talks.log').symlink_to('/dev/full')
    lines = Lines()
    with Runner((talks,), tmp_path, lines, find=running((talks, WAITS))) as runner:
        lines.wait('talks', 'ready')
        runner.check()
    assert runner.clean
    (said,) = [line for _, line in lines.said if 'No space left' in line]
    assert 'talks.log is not written any more' in said
