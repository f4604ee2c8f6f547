# SPDX-License-Identifier: Apache-2.0
"""How far an arm that stops early leaves its path: each of its joints brakes for itself.

It ends nowhere farther than the path does, but joints that stop sooner than others cut the way
there. What else is checked against the path must leave room for that.
"""

import numpy as np

from vla_safety.braking import BrakingError, brake
from vla_safety.limits import Limits
from vla_safety.motion import Array, Motion

_EVERY_NS = 20_000_000
"""Between stops that are tried: as often as one is decided."""
_PATH_NS = 4_000_000
_PLACES = 10


def stop_deviation(
    motion: Motion, since_ns: int, until_ns: int, limits: Limits, radii: Array
) -> float:
    """Greatest distance of any part of the arm from its path, for stops begun in some time [m].

    Args:
        motion: Ends at rest.
        since_ns: The earliest that a stop may begin.
        until_ns: The latest; from where the motion itself brakes, nothing leaves it.
        limits: What stops keep.
        radii: Farthest that each joint moves any point [m/unit].
    """
    until_ns = min(until_ns, motion.end_ns)
    since_ns = max(since_ns, motion.start_ns)
    if since_ns >= until_ns:
        return 0.0
    path = motion.sample(np.arange(since_ns, motion.end_ns + _PATH_NS, _PATH_NS, dtype=np.int64))[0]
    begins = range(since_ns, until_ns, _EVERY_NS)
    return max(
        (_deviation(motion, begin_ns, path, limits, radii) for begin_ns in begins), default=0
    )


def _deviation(motion: Motion, begin_ns: int, path: Array, limits: Limits, radii: Array) -> float:
    try:
        stop = brake(motion.at(begin_ns), begin_ns, limits)
    except BrakingError:
        return 0.0  # then no stop is made there either
    places = np.linspace(stop.start_ns, stop.end_ns, _PLACES).astype(np.int64)
    aside = np.abs(stop.sample(places)[0][:, None] - path[None]) @ radii
    return float(aside.min(axis=1).max())
