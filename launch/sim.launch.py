# SPDX-License-Identifier: Apache-2.0
"""The simulated arm: `ros2 launch vla_control sim.launch.py --show-args` lists the arguments."""

from launch.launch_description import LaunchDescription

from vla_bridge.launching.graph import simulation_graph
from vla_bridge.launching.ros_launch import describe


def generate_launch_description() -> LaunchDescription:
    """Describe the simulation graph."""
    return describe(simulation_graph, 'simulation')
