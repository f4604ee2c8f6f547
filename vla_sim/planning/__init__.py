# SPDX-License-Identifier: Apache-2.0
"""How the demonstrator moves: tool paths, their timing, grasps, and a plan for each task."""
