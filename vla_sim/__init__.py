# SPDX-License-Identifier: Apache-2.0
"""The simulated arm: world, tasks, controllers, demonstrator. Knows nothing of ROS."""

import os

os.environ.setdefault('MUJOCO_GL', 'egl')  # mujoco reads it once; the cameras need no display
