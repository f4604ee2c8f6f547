# SPDX-License-Identifier: Apache-2.0
"""A real arm whose driver runs: `ros2 launch vla_control robot.launch.py robot:=ur5e policy:=…`."""

from launch.launch_description import LaunchDescription

from vla_bridge.launching.graph import robot_graph
from vla_bridge.launching.ros_launch import describe


def generate_launch_description() -> LaunchDescription:
    """Describe the graph beside a robot's own nodes."""
    return describe(robot_graph, 'robot')
