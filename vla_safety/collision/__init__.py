# SPDX-License-Identifier: Apache-2.0
"""Collision checking: of a posture, and of a motion as a whole. Pure; no ROS."""
