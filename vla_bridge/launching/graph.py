# SPDX-License-Identifier: Apache-2.0
"""The one list of nodes of each graph. `ros2 launch` and our runner are both made from it.

Knows nothing of processes: what is here is data.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vla_bridge.launching.options import GraphOptions
from vla_bridge.resources import config_file, share
from vla_contract.deployment import Deployment, load_deployment, load_policy, load_robot, match
from vla_contract.errors import VlaError
from vla_policy.loading import check_policy

OURS = 'vla_control'
Value = bool | int | float | str


@dataclass(frozen=True)
class NodeSpec:
    """One node, in a process of its own.

    Attributes:
        name: Of the node, within its namespace.
        executable: Program within the package.
        package: ROS package; ours, unless it says otherwise.
        namespace: Absolute, or empty for the root.
        parameters: By name.
        remappings: Pairs of names, from and to.
        arguments: Passed before the ROS arguments.
        params_file: Parameter file laid over ``parameters``; empty for none.
        log_level: Of the node.
        required: Its death ends the graph.
        optional: Left out where its package is not installed.
        asked: The user asked for it by name, and is told where it is left out.
        stop_order: Nodes with a lower number are stopped first.
        niceness: Added to the process's; higher gives way to others.
        threads: Most threads of numerical libraries; 0 leaves it to them.
    """

    name: str
    executable: str
    package: str = OURS
    namespace: str = ''
    parameters: Mapping[str, Value] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    params_file: str = ''
    log_level: str = 'info'
    required: bool = True
    optional: bool = False
    asked: bool = False
    stop_order: int = 0
    niceness: int = 0
    threads: int = 1

    @property
    def full_name(self) -> str:
        """Name with namespace, as ROS tools show it."""
        namespace = self.namespace.strip('/')
        return f'/{namespace}/{self.name}' if namespace else f'/{self.name}'

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of its process, beyond those of its parent."""
        if not self.threads:
            return {}
        names = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
        return dict.fromkeys(names, str(self.threads))


@dataclass(frozen=True)
class Graph:
    """The nodes of a graph, and the deployment that all of them read."""

    nodes: tuple[NodeSpec, ...]
    deployment: Deployment

    def requiring(self, name: str) -> 'Graph':
        """The same graph, which the death of this node ends too."""
        nodes = tuple(
            replace(node, required=True) if node.name == name else node for node in self.nodes
        )
        return Graph(nodes, self.deployment)

    def node(self, name: str) -> NodeSpec:
        """The node of this name."""
        return next(node for node in self.nodes if node.name == name)


POLICY_FIRST, INSTRUCTION, RECORDER, VIEWERS, SAFETY, GUARD, SIMULATOR_LAST = range(7)
"""Stop order: what asks for motion goes first, what brakes and what moves go last."""


def simulation_graph(options: GraphOptions) -> Graph:
    """The simulated arm with everything that moves it."""
    if not (options.deployment or options.robot or options.policy):
        options = replace(options, deployment='sim')
    deployment = chosen_deployment(options)
    if not deployment.robot.simulated:
        raise VlaError(
            f'{deployment.robot_path}: {deployment.robot.name} is a real robot (simulated: false); '
            'start it with robot.launch.py or `vla run`'
        )
    simulator = NodeSpec(
        'sim_node',
        'sim_node',
        parameters={
            'seed': options.seed,
            'instruction': options.instruction,
            'publish_clock': options.use_sim_time,
            'use_sim_time': False,
        },
        stop_order=SIMULATOR_LAST,
    )
    return _finish((simulator, *_control(options, deployment)), options, deployment)


def robot_graph(options: GraphOptions) -> Graph:
    """Everything that moves a robot whose driver, controllers and cameras run already."""
    deployment = chosen_deployment(options)
    return _finish(_control(options, deployment), options, deployment)


def chosen_deployment(options: GraphOptions) -> Deployment:
    """Read the deployment, or the robot and policy, that the options name, and check both."""
    deployment = _read(options)
    check_policy(deployment)
    return deployment


def _read(options: GraphOptions) -> Deployment:
    if options.deployment and not (options.robot or options.policy):
        return load_deployment(config_file(options.deployment))
    if options.robot and options.policy and not options.deployment:
        robot = config_file(options.robot, 'robots')
        policy = config_file(options.policy, 'policies')
        return match(load_robot(robot), robot, load_policy(policy), policy)
    raise VlaError(
        'choose a deployment, or a robot and a policy together; got '
        f'deployment={options.deployment!r} robot={options.robot!r} policy={options.policy!r}'
    )


def _control(options: GraphOptions, deployment: Deployment) -> tuple[NodeSpec, ...]:
    """The nodes between instruction and controller, and the optional ones beside them."""
    nodes = [
        NodeSpec('safety_node', 'safety_node', stop_order=SAFETY),
        NodeSpec('guard_node', 'guard_node', stop_order=GUARD),
        NodeSpec(
            'policy_node',
            'policy_node',
            stop_order=POLICY_FIRST,
            niceness=10,
            threads=max(1, (os.cpu_count() or 1) // 2),  # the others are to have their turn
        ),
        NodeSpec('instruction_node', 'instruction_node', stop_order=INSTRUCTION, niceness=5),
    ]
    if options.record:
        folder = str(Path(options.record_folder).expanduser().resolve())
        nodes.append(
            NodeSpec(
                'recorder_node',
                'recorder_node',
                parameters={'folder': folder},
                required=False,
                stop_order=RECORDER,
                niceness=5,
            )
        )
    if deployment.robot.simulated:
        nodes.append(_state_publisher(deployment))
    if options.rviz:
        nodes.append(_rviz())
    return tuple(nodes)


def _state_publisher(deployment: Deployment) -> NodeSpec:
    """Frames of the arm's links. A real robot's driver brings its own."""
    urdf = deployment.urdf_path
    try:
        description = urdf.read_text(encoding='utf-8')
    except OSError as error:
        raise VlaError(f'{deployment.robot_path}: urdf: {urdf} cannot be read: {error}') from error
    return NodeSpec(
        'robot_state_publisher',
        'robot_state_publisher',
        package='robot_state_publisher',
        parameters={'robot_description': description},
        remappings=(('joint_states', deployment.robot.joint_states),),
        required=False,
        optional=True,
        stop_order=VIEWERS,
        niceness=10,
    )


def _rviz() -> NodeSpec:
    return NodeSpec(
        'rviz2',
        'rviz2',
        package='rviz2',
        arguments=('-d', str(share() / 'config' / 'rviz' / 'vla.rviz')),
        required=False,
        optional=True,
        asked=True,
        stop_order=VIEWERS,
        niceness=10,
        threads=0,
    )


def _finish(nodes: tuple[NodeSpec, ...], options: GraphOptions, deployment: Deployment) -> Graph:
    """Give every node what all nodes share."""
    if options.params_file and not Path(options.params_file).expanduser().is_file():
        raise VlaError(f'params_file {options.params_file} is not a file')
    params_file = (
        str(Path(options.params_file).expanduser().resolve()) if options.params_file else ''
    )
    return Graph(
        tuple(
            replace(
                node,
                namespace=options.namespace,
                parameters=_shared(options) | dict(node.parameters)
                if node.package == OURS
                else {'use_sim_time': options.use_sim_time} | dict(node.parameters),
                params_file=params_file,
                log_level=options.log_level,
            )
            for node in nodes
        ),
        deployment,
    )


def _shared(options: GraphOptions) -> dict[str, Value]:
    """Parameters of every node of ours."""
    shared: dict[str, Value] = {
        'autostart': options.autostart,
        'use_sim_time': options.use_sim_time,
    }
    if options.deployment:
        return shared | {'deployment': str(config_file(options.deployment))}
    return shared | {
        'robot': str(config_file(options.robot, 'robots')),
        'policy': str(config_file(options.policy, 'policies')),
    }
