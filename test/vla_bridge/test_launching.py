# SPDX-License-Identifier: Apache-2.0
"""The graph as data, its options, and the domain it talks in."""

import importlib.util
import os
import socket
from pathlib import Path

import pytest

from vla_bridge.launching.domain import FIRST_PORT, PORTS, own_domain
from vla_bridge.launching.graph import Graph, robot_graph, simulation_graph
from vla_bridge.launching.options import EXAMPLE, GraphOptions, options
from vla_bridge.launching.process import ros_arguments, write_parameters
from vla_contract.errors import VlaError

LAUNCH_FILES = Path(__file__).parents[2] / 'launch'


def page_text(name: str) -> str:
    """A page of the documentation."""
    return (LAUNCH_FILES.parent / name).read_text(encoding='utf-8')


def ordered(graph: Graph) -> list[str]:
    """Names in the order in which nodes are stopped."""
    return [node.name for node in sorted(graph.nodes, key=lambda node: node.stop_order)]


def test_what_asks_for_motion_stops_first_and_what_moves_stops_last() -> None:
    """The safety node outlives the policy and brakes; the simulator outlives everything."""
    order = ordered(simulation_graph(GraphOptions(record=True)))
    assert order == [
        'policy_node',
        'instruction_node',
        'recorder_node',
        'robot_state_publisher',
        'safety_node',
        'guard_node',
        'sim_node',
    ]


def test_a_robot_graph_is_the_same_without_the_simulator() -> None:
    """One list: the two graphs do not drift apart."""
    both = simulation_graph(GraphOptions(deployment='sim'))
    robot = robot_graph(GraphOptions(deployment='sim'))
    assert [n for n in both.nodes if n.name != 'sim_node'] == list(robot.nodes)


def test_every_node_gets_deployment_namespace_and_log_level() -> None:
    """What is chosen once holds for each node of ours."""
    graph = simulation_graph(GraphOptions(namespace='left', log_level='debug'))
    for node in graph.nodes:
        assert node.full_name == f'/left/{node.name}'
        assert node.log_level == 'debug'
    ours = [node for node in graph.nodes if node.package == 'vla_control']
    assert len({str(node.parameters['deployment']) for node in ours}) == 1


def test_what_the_guides_send_first_can_be_done_in_the_scene_of_a_plain_start() -> None:
    """`ros2 launch` without arguments lays out what README and guides then ask for."""
    (asked,) = {
        EXAMPLE,
        simulation_graph(GraphOptions()).node('sim_node').parameters['instruction'],
    }
    for page in ('README.md', 'docs/run_the_demo.md'):
        assert f'{{instruction: {asked}' in page_text(page).replace('"', '')


def test_a_choice_that_contradicts_itself_is_refused() -> None:
    """A deployment and a robot, or a robot alone, say what was given."""
    with pytest.raises(VlaError, match="deployment='sim' robot='ur5e'"):
        robot_graph(GraphOptions(deployment='sim', robot='ur5e'))
    with pytest.raises(VlaError, match='together'):
        robot_graph(GraphOptions(robot='sim_ur5e'))


def test_launch_arguments_are_read_by_their_type() -> None:
    """Text becomes a number or a truth, or an error that names the argument."""
    read = GraphOptions.from_text({'seed': '7', 'record': 'True', 'deployment': 'sim'})
    assert read == GraphOptions(seed=7, record=True, deployment='sim')
    with pytest.raises(VlaError, match='seed:=seven must be a whole number'):
        GraphOptions.from_text({'seed': 'seven'})
    with pytest.raises(VlaError, match='record:=maybe must be true or false'):
        GraphOptions.from_text({'record': 'maybe'})
    assert 'seed' not in [option.name for option in options('robot')]


def test_parameters_reach_a_node_as_a_file(tmp_path: Path) -> None:
    """Long values, such as a URDF, do not fit a command line; the user's own file comes last."""
    own = tmp_path / 'own.yaml'
    own.write_text('/**:\n  ros__parameters: {seed: 3}\n')
    graph = simulation_graph(GraphOptions(params_file=str(own), instruction='stack: "a", b'))
    spec = graph.node('sim_node')
    path = write_parameters(spec, tmp_path)
    arguments = ros_arguments(spec, path)
    files = [arguments[i + 1] for i, word in enumerate(arguments) if word == '--params-file']
    assert files == [str(path), str(own)]
    assert 'stack: "a", b' in path.read_text()


def test_a_domain_in_use_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two graphs started at once get two domains; the user's choice stands."""
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        taken = 42
        busy.bind(('127.0.0.1', FIRST_PORT + PORTS * taken + 10))
        with own_domain() as first:
            monkeypatch.delenv('ROS_DOMAIN_ID')
            with own_domain() as second:
                assert len({first, second, taken}) == 3
                assert os.environ['ROS_DOMAIN_ID'] == str(second)
    monkeypatch.setenv('ROS_DOMAIN_ID', '17')
    with own_domain() as chosen:
        assert chosen == 17
    monkeypatch.setenv('ROS_DOMAIN_ID', '400')
    with pytest.raises(VlaError, match='ROS_DOMAIN_ID=400'), own_domain():
        pass


@pytest.mark.skipif(
    not importlib.util.find_spec('launch_ros'),
    reason='launch_ros is not on PyPI: runs where ROS 2 is installed and sourced',
)
@pytest.mark.parametrize('name', ['sim', 'robot'])
def test_launch_files_describe_every_option(name: str) -> None:
    """`ros2 launch --show-args` has a text for each argument."""
    path = LAUNCH_FILES / f'{name}.launch.py'
    spec = importlib.util.spec_from_file_location(f'{name}_launch', path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    described = module.generate_launch_description().get_launch_arguments()
    kind = 'simulation' if name == 'sim' else 'robot'
    assert [each.name for each in described] == [option.name for option in options(kind)]
    assert all(each.description for each in described)
