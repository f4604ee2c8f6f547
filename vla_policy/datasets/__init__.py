# SPDX-License-Identifier: Apache-2.0
"""LeRobotDataset v3.0 folders: written, read and summed up. Knows neither ROS nor torch."""
