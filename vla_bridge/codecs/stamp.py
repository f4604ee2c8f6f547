# SPDX-License-Identifier: Apache-2.0
"""Time stamps of messages as integer nanoseconds."""

from vla_bridge.codecs.messages import StampMessage
from vla_contract.errors import VlaError

_NS = 1_000_000_000


def stamp_ns(stamp: StampMessage, where: str) -> int:
    """A builtin_interfaces/Time as nanoseconds.

    Args:
        stamp: Message with ``sec`` and ``nanosec``.
        where: Topic or field, for the error.
    """
    seconds, rest = int(stamp.sec), int(stamp.nanosec)
    if seconds < 0 or not 0 <= rest < _NS:
        raise VlaError(
            f'{where}: stamp has sec {seconds} and nanosec {rest}; '
            f'sec must not be negative and nanosec must be in 0 to {_NS - 1}'
        )
    return seconds * _NS + rest
