# SPDX-License-Identifier: Apache-2.0
"""`vla eval`: policies in closed loop with the simulator and the motion filter, without ROS."""
