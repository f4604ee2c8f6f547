# SPDX-License-Identifier: Apache-2.0
"""The newest messages of one topic, in the order in which they were captured."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from vla_bridge.codecs.messages import StampedMessage
from vla_contract.errors import VlaError

_NS = 1_000_000_000
FUTURE_TOLERANCE_S = 0.1
"""Stamps further ahead of our clock than this are refused [s]."""


class NoObservationError(VlaError):
    """No observation can be made now.

    Args:
        source: The stream that is to blame, for people.
        cause: One word that stays the same while the numbers in the text change.
        text: What is wrong, with values and bounds.
    """

    def __init__(self, source: str, cause: str, text: str) -> None:
        """Keep the parts, so that a change of cause can be told from a change of numbers."""
        self.source = source
        self.cause = cause
        super().__init__(f'{source}: {text}')


@dataclass(frozen=True)
class Now:
    """The present on both clocks.

    Attributes:
        ros_ns: The clock of the stamps; simulated where the simulation publishes one.
        steady_ns: A clock that never jumps or stops.
    """

    ros_ns: int
    steady_ns: int


@dataclass(frozen=True, eq=False)
class Sample:
    """One message, equal to no other.

    Attributes:
        stamp_ns: When it was captured, by its header.
        arrival_ns: When it came, by the steady clock.
        message: As it came, not decoded.
    """

    stamp_ns: int
    arrival_ns: int
    message: StampedMessage


class Stream:
    """A ring of samples ordered by capture stamp, whatever the order they come in.

    Args:
        name: For people, for example ``camera wrist (wrist_camera/image_raw)``.
        max_age_s: Age beyond which a sample no longer counts, by stamp and by arrival [s].
        capacity: Samples kept.
        parts: Messages of one stamp are parts of a whole and all kept, as joint states may be;
            otherwise one that repeats a stamp replaces the one before.
    """

    def __init__(self, name: str, max_age_s: float, capacity: int, parts: bool = False) -> None:
        """Begin empty."""
        self.name = name
        self._parts = parts
        self._max_age_ns = round(max_age_s * _NS)
        self._capacity = capacity
        self._samples: list[Sample] = []
        self._refusal: NoObservationError | None = None

    @property
    def newest(self) -> Sample | None:
        """The sample captured last."""
        return self._samples[-1] if self._samples else None

    def clear(self) -> None:
        """Forget everything."""
        self._samples.clear()
        self._refusal = None

    def refuse(self, cause: str, text: str) -> None:
        """Note that the newest message cannot be used; the next good one makes up for it."""
        self._refusal = NoObservationError(self.name, cause, text)

    def add(self, stamp_ns: int, now: Now, message: StampedMessage) -> None:
        """Take a message that has just come."""
        ahead_s = (stamp_ns - now.ros_ns) / _NS
        if ahead_s > FUTURE_TOLERANCE_S:
            self.refuse(
                'future',
                f'stamped {ahead_s:.3f} s ahead of our clock, at most {FUTURE_TOLERANCE_S} s is '
                'allowed; synchronise the clocks',
            )
            return
        self._refusal = None
        newest = self.newest
        if newest is not None and now.steady_ns - newest.arrival_ns > self._max_age_ns:
            # Nothing newer by stamp for long: the stream paused, or the clock that stamps it was
            # set back. Either way what is kept is of no more use.
            self._samples.clear()
        end = bisect_right(self._samples, stamp_ns, key=_stamp)
        start = end if self._parts else bisect_left(self._samples, stamp_ns, key=_stamp)
        self._samples[start:end] = [Sample(stamp_ns, now.steady_ns, message)]
        del self._samples[: max(0, len(self._samples) - self._capacity)]

    def nearest(self, stamp_ns: int) -> Sample:
        """The sample captured nearest to a time; the stream must not be empty."""
        return min(reversed(self._samples), key=lambda sample: abs(sample.stamp_ns - stamp_ns))

    def around(self, stamp_ns: int, within_ns: int) -> tuple[Sample, ...]:
        """Samples captured about a time: those up to it, newest first, then those after it."""
        low = bisect_left(self._samples, stamp_ns - within_ns, key=_stamp)
        middle = bisect_right(self._samples, stamp_ns, key=_stamp)
        high = bisect_right(self._samples, stamp_ns + within_ns, key=_stamp)
        return (*reversed(self._samples[low:middle]), *self._samples[middle:high])

    def require_newest(self, now: Now) -> Sample:
        """The newest sample, or the reason why there is none that counts."""
        if self._refusal is not None:
            raise self._refusal
        newest = self.newest
        if newest is None:
            raise NoObservationError(self.name, 'missing', 'nothing has come')
        self.require_fresh(newest, now)
        return newest

    def require_fresh(self, sample: Sample, now: Now) -> None:
        """Refuse a sample that is too old by either clock."""
        age_ns = max(now.ros_ns - sample.stamp_ns, now.steady_ns - sample.arrival_ns)
        if age_ns > self._max_age_ns:
            raise NoObservationError(
                self.name,
                'stale',
                f'{age_ns / _NS:.3f} s old, at most {self._max_age_ns / _NS:g} s is allowed',
            )


def _stamp(sample: Sample) -> int:
    return sample.stamp_ns
