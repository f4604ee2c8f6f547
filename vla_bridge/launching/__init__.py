# SPDX-License-Identifier: Apache-2.0
"""The graph as data, and two ways to start it: `ros2 launch` and our own runner."""
