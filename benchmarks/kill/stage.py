# SPDX-License-Identifier: Apache-2.0
"""The graph's processes: each can be struck on its own, and started again as it was."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.kill.strikes import VICTIMS, Blow, Strike
from benchmarks.report import CHECKOUT
from vla_bridge.launching.graph import NodeSpec, Value, simulation_graph
from vla_bridge.launching.options import GraphOptions
from vla_bridge.launching.output import Output
from vla_bridge.launching.process import (
    NodeProcess,
    describe_end,
    program,
    ros_arguments,
    write_parameters,
)
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError

DEPLOYMENT = Path(__file__).with_name('deployment.yaml')
SIMULATOR = 'sim_node'
PATIENCE_S = 8.0
"""For a node that was asked to end."""
_OWN: dict[str, dict[str, Value]] = {
    SIMULATOR: {'render': False},
    'policy_node': {'nice': 0},
}
_PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
_LOOPBACK = CHECKOUT / 'config' / 'dds' / 'loopback.xml'
_SENT = {
    Blow.KILLED: signal.SIGKILL,
    Blow.TERMINATED: signal.SIGTERM,
    Blow.SUSPENDED: signal.SIGSTOP,
    Blow.FROZEN: signal.SIGSTOP,
}


class Stage:
    """Runs the graph, and ends it on leaving.

    Attributes:
        deployment: What all nodes read.
        specs: Of the nodes, by name.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing runs yet; logs and recordings go into the folder."""
        options = GraphOptions(
            deployment=str(DEPLOYMENT),
            instruction='',
            record=True,
            record_folder=str(folder / 'episodes'),
        )
        graph = simulation_graph(options)
        self.deployment: Deployment = graph.deployment
        self.specs = {name: _own(graph.node(name)) for name in (SIMULATOR, *VICTIMS)}
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._output = Output(folder, lambda _name, _line: False)
        self._processes: dict[str, NodeProcess] = {}
        self._expected_dead: set[str] = set()

    def start(self, *names: str) -> None:
        """Start nodes, or start them again."""
        for name in names:
            spec = self.specs[name]
            parameters = write_parameters(spec, self._folder)
            command = [*_program(spec), *ros_arguments(spec, parameters)]
            process = NodeProcess.start(spec, command, self._environment())
            self._processes[name] = process
            self._expected_dead.discard(name)
            if process.popen.stdout is not None:
                self._output.add(name, process.popen.stdout)

    def strike(self, strike: Strike) -> None:
        """Send the signal that begins it."""
        if strike.restarts:
            self._expected_dead.add(strike.node)
        self._processes[strike.node].signal(_SENT[strike.blow])

    def wake(self, name: str) -> None:
        """Let a suspended node go on."""
        self._processes[name].signal(signal.SIGCONT)

    def finish(self, strike: Strike) -> str:
        """See to it that a node that was struck is gone; what was wrong with its end, in words."""
        process = self._processes[strike.node]
        if strike.blow is Blow.FROZEN:
            process.signal(signal.SIGKILL)
        end_s = time.monotonic() + PATIENCE_S
        while process.code is None and time.monotonic() < end_s:
            time.sleep(0.01)
        code = process.code
        process.sweep()
        if code is None:
            process.popen.wait()
            return f'{strike.node} did not end within {PATIENCE_S:g} s of being {strike.blow}'
        if strike.blow is Blow.TERMINATED and code != 0:
            return f'{strike.node} was asked to end, and did with {describe_end(code)}'
        return ''

    def fallen(self) -> dict[str, str]:
        """Nodes that ended of themselves, and how."""
        return {
            name: f'{name} ended of itself with {describe_end(process.code)}'
            for name, process in self._processes.items()
            if process.code is not None and name not in self._expected_dead
        }

    def close(self) -> None:
        """End everything, whatever state it is in."""
        for number in (signal.SIGCONT, signal.SIGINT):
            for process in self._processes.values():
                process.signal(number)
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s and any(p.code is None for p in self._processes.values()):
            time.sleep(0.05)
        for process in self._processes.values():
            process.sweep()
        self._output.close()

    def _environment(self) -> dict[str, str]:
        """The simulator, too, does without shared memory: there are no pictures.

        Else the simulated arm itself would stand still when a node is suspended at a bad moment.
        """
        return (
            dict(os.environ)
            | dict.fromkeys(_PROFILES, str(_LOOPBACK))
            | {
                'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SYSTEM_DEFAULT',
                'PYTHONUNBUFFERED': '1',
                'PYTHONPATH': str(CHECKOUT),
                'RCUTILS_COLORIZED_OUTPUT': '0',
                'ROS_LOG_DIR': str(self._folder / 'ros'),
            }
        )


def _own(spec: NodeSpec) -> NodeSpec:
    """No node gives way to another: what is measured is not who is the nicest."""
    parameters = dict(spec.parameters) | _OWN.get(spec.name, {})
    return replace(spec, parameters=parameters, niceness=0)


def _program(spec: NodeSpec) -> list[str]:
    if spec.name == 'policy_node':
        return [sys.executable, '-m', 'benchmarks.kill.restless_policy_node']
    command = program(spec)
    if command is None:
        raise VlaError(f'{spec.name} is not installed')
    return command
