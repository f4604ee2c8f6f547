# SPDX-License-Identifier: Apache-2.0
"""The one error of the set-up: what is wrong, and what to do about it."""

from __future__ import annotations


class SetupError(Exception):
    """The checkout cannot be set up on this machine as it is."""
