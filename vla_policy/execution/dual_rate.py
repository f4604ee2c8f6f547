# SPDX-License-Identifier: Apache-2.0
"""Two rates in one policy: a slow trunk in a thread of its own, a fast head on its newest latent.

Whoever asks the policy asks the head; it waits for the trunk before its first answer to a task, and
never again. Rates are told by the stamps of observations, so that simulated time counts as time.
"""

import threading
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.execution import DualRate
from vla_contract.observation import Observation
from vla_policy.policy import DualRatePolicy, LatentT, Rows

TRUNK_THREAD_NAME = 'policy trunk'
_NS = 1_000_000_000


@dataclass(frozen=True)
class _Latent(Generic[LatentT]):
    """What was seen, and when."""

    value: LatentT
    seen_ns: int


class DualRateRunner(Generic[LatentT]):
    """Makes one Policy of a DualRatePolicy.

    The trunk gets the newest observation whenever it is free and ``encode_hz`` allows; those that
    come meanwhile are skipped. What it cannot encode is told by the next answer.

    Args:
        policy: Its trunk is used by a thread of this object, its head by who asks.
        execution: Rates, and how old a latent may become.
    """

    def __init__(self, policy: DualRatePolicy[LatentT], execution: DualRate) -> None:
        """Prepare; the first reset starts the thread, with the nice value of who asks."""
        self._policy = policy
        self._period_ns = round(_NS / execution.encode_hz)
        self._max_age_ns = round(execution.latent_max_age_s * _NS)
        self._changed = threading.Condition()
        self._encoding = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=TRUNK_THREAD_NAME, daemon=True)
        self._wanted: Observation | None = None
        self._taken_ns: int | None = None
        self._latent: _Latent[LatentT] | None = None
        self._failure: VlaError | None = None
        self._task = 0
        self._closed = False
        self._broken = False

    def reset(self, instruction: str) -> None:
        """Forget what was seen, and start on an instruction."""
        with self._changed:
            self._task += 1
            self._wanted = self._failure = None
            self._forget()
        with self._encoding:
            self._policy.reset(instruction)
        if self._thread.ident is None:
            self._thread.start()

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Act on what was seen last.

        Raises:
            VlaError: The trunk or the head cannot answer, or what was seen last is too old.
        """
        del prefix
        latent = self._newest(observation)
        return act_on(self._policy, latent.value, latent.seen_ns, observation, self._max_age_ns)

    def close(self) -> None:
        """End the thread, once the trunk has answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def _newest(self, observation: Observation) -> _Latent[LatentT]:
        """Have the trunk look where it is time to, and take what it saw last."""
        with self._changed:
            if self._latent is not None and observation.stamp_ns < self._latent.seen_ns:
                self._forget()  # the clock went back: that was another world
            if self._wanted is not None or self._due(observation.stamp_ns):
                self._wanted = observation
                self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._latent or self._failure or self._closed or self._broken
            )
            if self._broken:
                raise RuntimeError('the trunk of the policy broke; its traceback says where')
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            if self._latent is None:
                raise VlaError('the policy was closed while it was asked')
            return self._latent

    def _due(self, stamp_ns: int) -> bool:
        """Whether the trunk should look at an observation."""
        return self._taken_ns is None or stamp_ns - self._taken_ns >= self._period_ns

    def _forget(self) -> None:
        self._latent = self._taken_ns = None

    def _run(self) -> None:
        try:
            while self._is_wanted():
                self._encode()
        finally:
            with self._changed:
                self._broken = not self._closed
                self._changed.notify_all()

    def _is_wanted(self) -> bool:
        """Wait until the trunk should look at something; False to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._wanted)
            return not self._closed

    def _encode(self) -> None:
        """Look at the newest observation, unless its task is over."""
        with self._encoding:
            with self._changed:
                wanted, self._wanted, task = self._wanted, None, self._task
                if wanted is None:
                    return
                self._taken_ns = wanted.stamp_ns
            latent: _Latent[LatentT] | None = None
            failure: VlaError | None = None
            try:
                latent = _Latent(self._policy.encode(wanted), wanted.stamp_ns)
            except VlaError as error:
                failure = error
            with self._changed:
                if task != self._task:
                    return
                if failure is None:
                    self._latent = latent
                else:
                    self._failure, self._taken_ns = failure, None
                self._changed.notify_all()


def act_on(
    policy: DualRatePolicy[LatentT],
    latent: LatentT,
    seen_ns: int,
    observation: Observation,
    max_age_ns: int,
) -> Rows:
    """The head's answer by what was seen at a time.

    Raises:
        VlaError: It cannot answer, or what was seen is too old.
    """
    age_ns = observation.state_stamp_ns - seen_ns
    if age_ns > max_age_ns:
        raise VlaError(
            f'the head would act on what was seen {age_ns / _NS:.3f} s ago, at most '
            f'{max_age_ns / _NS:g} s is allowed (execution.latent_max_age_s); the trunk is too '
            'slow, or the images stay away'
        )
    rows = policy.act(latent, seen_ns, observation)
    return Rows(rows.values, rows.finished, image_ns=seen_ns)
