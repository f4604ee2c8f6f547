# SPDX-License-Identifier: Apache-2.0
"""The simulated arm: world, tasks, controllers, demonstrator. Knows nothing of ROS."""
