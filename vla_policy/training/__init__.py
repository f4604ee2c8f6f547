# SPDX-License-Identifier: Apache-2.0
"""From a dataset to a checkpoint. Needs torch; knows neither ROS nor the simulator."""
