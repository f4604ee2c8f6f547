# SPDX-License-Identifier: Apache-2.0
"""Demonstrations made in the simulator, mishaps included, for a policy to learn from."""
