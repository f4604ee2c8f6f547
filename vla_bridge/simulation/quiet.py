# SPDX-License-Identifier: Apache-2.0
"""How often a stand-in complains about the same thing."""

QUIET_S = 0.5
"""Least time between two complaints from one place [s]."""
