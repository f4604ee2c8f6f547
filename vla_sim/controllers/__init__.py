# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the controllers of ros2_control, faithful to their unpleasant sides. No ROS."""
