# SPDX-License-Identifier: Apache-2.0
"""The same graphs for `ros2 launch`, imported by launch/*.launch.py only: it needs ROS."""

import shlex
from collections.abc import Callable

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, Shutdown
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from vla_bridge.launching.graph import OURS, Graph, NodeSpec
from vla_bridge.launching.options import GraphOptions, Option, options
from vla_bridge.launching.tied import tied


def describe(
    build: Callable[[GraphOptions], Graph], kind: str, **defaults: bool | int | str
) -> LaunchDescription:
    """A launch description with one argument for each option of this kind of graph.

    Args:
        build: Makes the graph of the options.
        kind: ``simulation`` or ``robot``: which options there are.
        defaults: Other defaults than those of GraphOptions.
    """
    known = list(options(kind))

    def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
        given = {option.name: LaunchConfiguration(option.name).perform(context) for option in known}
        nodes = build(GraphOptions.from_text(given)).nodes
        return [_action(spec) for spec in nodes if spec.asked or not _absent(spec)]

    arguments = [_argument(option, defaults) for option in known]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def _argument(option: Option, defaults: dict[str, bool | int | str]) -> DeclareLaunchArgument:
    default = str(defaults.get(option.name, option.default))
    if isinstance(option.default, bool):
        default = default.lower()
    return DeclareLaunchArgument(option.name, default_value=default, description=option.description)


def _action(spec: NodeSpec) -> LaunchDescriptionEntity:
    """One node; the launch ends with it if the graph cannot do without it."""
    if _absent(spec):
        return LogInfo(msg=f'{spec.name} left out: the package {spec.package} is not installed')
    return Node(
        package=spec.package,
        executable=spec.executable,
        exec_name=spec.name,
        name=spec.name,
        namespace=spec.namespace,
        parameters=[dict(spec.parameters), *([spec.params_file] if spec.params_file else [])],
        remappings=list(spec.remappings),
        arguments=list(spec.arguments),
        ros_arguments=['--log-level', spec.log_level],
        additional_env=spec.environment,
        prefix=shlex.join(tied(spec.niceness, hold=spec.package == OURS)),
        output='screen',
        emulate_tty=True,
        on_exit=Shutdown(reason=f'{spec.name} ended') if spec.required else None,
    )


def _absent(spec: NodeSpec) -> bool:
    """It may be left out, and has to be."""
    try:
        get_package_prefix(spec.package)
    except PackageNotFoundError:
        return spec.optional
    return False
