# SPDX-License-Identifier: Apache-2.0
"""What robot, policy and deployment agree on. Knows neither ROS nor any model."""
