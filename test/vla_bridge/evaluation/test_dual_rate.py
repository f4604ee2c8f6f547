# SPDX-License-Identifier: Apache-2.0
"""A trunk and a head in simulated time: rates and latencies are those of stamps."""

import numpy as np
import pytest

from vla_bridge.evaluation.dual_rate import TimedDualRate
from vla_contract.errors import VlaError
from vla_contract.execution import DualRate
from vla_contract.observation import Observation
from vla_policy.policy import Rows

MS = 1_000_000
NONE = np.empty((0, 1))


class Parts:
    """Notes what the trunk looked at; the head answers with that."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.looked: list[int] = []

    def reset(self, instruction: str) -> None:
        """Nothing to remember."""

    def encode(self, observation: Observation) -> int:
        """The time of the picture [ms]."""
        self.looked.append(observation.stamp_ns // MS)
        return self.looked[-1]

    def act(self, latent: int, seen_ns: int, observation: Observation) -> Rows:
        """What was seen, as a row."""
        assert seen_ns == latent * MS
        assert observation.state_stamp_ns >= seen_ns
        return Rows(np.array([[float(latent)]]))


def seen(image_ms: int, state_ms: int) -> Observation:
    """A picture of one time, a state of another."""
    return Observation(image_ms * MS, {}, {}, np.zeros(1), state_ms * MS, '', '')


def test_the_head_acts_on_what_the_trunk_has_seen_so_far() -> None:
    """At most so often, one at a time, and known as much later as the trunk takes."""
    parts = Parts()
    policy = TimedDualRate(parts, DualRate(encode_hz=10.0), trunk_s=0.06)
    policy.reset('go')
    told = {}
    for now_ms in range(0, 400, 10):
        rows = policy.infer(seen(now_ms // 50 * 50, now_ms), NONE)
        told[now_ms] = int(rows.values[0, 0])
        assert rows.image_ns == told[now_ms] * MS
    assert parts.looked == [0, 100, 200, 300]
    assert told[150] == 0  # the second look is not known yet
    assert told[160] == 100
    assert (told[250], told[260]) == (100, 200)


def test_what_was_seen_too_long_ago_is_no_answer() -> None:
    """As live; after a reset everything begins anew."""
    parts = Parts()
    execution = DualRate(encode_hz=10.0, latent_max_age_s=0.2)
    policy = TimedDualRate(parts, execution, trunk_s=0.0)
    policy.reset('go')
    assert policy.infer(seen(0, 100), NONE).image_ns == 0
    with pytest.raises(VlaError, match=r'seen 0.300 s ago, at most 0.2 s'):
        policy.infer(seen(0, 300), NONE)
    policy.reset('go elsewhere')
    assert policy.infer(seen(300, 300), NONE).image_ns == 300 * MS
