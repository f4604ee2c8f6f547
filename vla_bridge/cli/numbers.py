# SPDX-License-Identifier: Apache-2.0
"""Numbers on the command line that are refused before anything starts."""

import argparse
import math


def seed(text: str) -> int:
    """A whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{value} is not a seed; seeds start at 0')
    return value


def seconds(text: str) -> float:
    """A time from 0, where 0 means no limit."""
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f'{text} is no time; give seconds, or 0 for no limit')
    return value
