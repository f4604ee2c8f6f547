# SPDX-License-Identifier: Apache-2.0
"""What a number of successes says about the chance of success."""

import math

Z_95 = 1.959963984540054
"""Standard deviations that 95 % of a normal distribution lie within."""


def wilson(successes: int, episodes: int) -> tuple[float, float]:
    """The 95 % score interval of Wilson for a share, from 0 to 1; all of it for no episodes."""
    if not episodes:
        return 0.0, 1.0
    share, square = successes / episodes, Z_95**2 / episodes
    middle = share + square / 2
    spread = Z_95 * math.sqrt(share * (1.0 - share) / episodes + square / (4 * episodes))
    low, high = (middle - spread) / (1.0 + square), (middle + spread) / (1.0 + square)
    # Rounding alone may keep it from the share itself, where all or none succeeded.
    return max(0.0, min(low, share)), min(1.0, max(high, share))
