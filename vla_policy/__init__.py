# SPDX-License-Identifier: Apache-2.0
"""Policies: observation in, action chunk out. Knows nothing of ROS."""
