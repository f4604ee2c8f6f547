# SPDX-License-Identifier: Apache-2.0
"""One event after the other: arm, have the arm in motion, strike, watch, put right, judge."""

import time
from collections.abc import Iterator
from random import Random

from benchmarks.kill.stage import SIMULATOR, Stage
from benchmarks.kill.strikes import REST_WITHIN_S, VICTIMS, Blow, Strike, events
from benchmarks.kill.tally import Struck, Tally
from benchmarks.kill.verdict import RESTING_S, Scene, Violation, judge
from benchmarks.kill.watcher import Watcher
from vla_bridge.launching.client import GraphClient
from vla_contract.errors import VlaError
from vla_safety.kinematics import Kinematics
from vla_safety.limits import Limits

START_S = 60.0
"""For all nodes at the beginning, and for those started again, on a machine that is busy."""
MOTION_S = 12.0
"""An arm that no way leads away from where it is for so long is put back home."""
HOMES = 3
"""Times in a row that this may be of no avail."""
ASK_AGAIN_S = 1.5
FAST = 0.3
"""Some joint is at least this fast when a node is struck [rad/s]."""
DELAY_S = 0.5
"""At most, from the first fast motion to the strike."""
WATCHED_S = 0.4
"""After a strike that need not stop the arm, or whose pause is over."""
OVERDUE_S = 1.0
"""Beyond the time in which the arm must rest: then it is not waited for any more."""


class Campaign:
    """Strikes a running graph.

    Args:
        stage: The graph's processes.
        client: Of that graph.
        watcher: On the client's node.
        seed: Of what is struck, and how, and when.
    """

    def __init__(self, stage: Stage, client: GraphClient, watcher: Watcher, seed: int) -> None:
        """Nothing runs yet."""
        self._stage, self._client, self._watcher = stage, client, watcher
        self._rng = Random(seed)  # noqa: S311 - repeatable, not secret
        self._events = events(self._rng)
        self.tally = Tally()
        deployment = stage.deployment
        model = Kinematics(deployment.robot, deployment.urdf_path)
        self._limits = Limits.of(deployment.robot, model.lower, model.upper, model.velocity)
        self._armed_s = 0.0

    def begin(self) -> None:
        """Start the graph."""
        self._restart((SIMULATOR, *VICTIMS))
        self._watcher.forget(time.time())

    def strikes(self, count: int) -> Iterator[list[Violation]]:
        """Strike so many times; the violations of each."""
        for _ in range(count):
            yield self._event(next(self._events))

    def close(self) -> list[str]:
        """Collisions that were told of after the last event."""
        now_s = time.time()
        self._client.appears(lambda: self._watcher.diagnosed_after(now_s), 3.0)
        return self._watcher.new_collisions()

    def _event(self, strikes: tuple[Strike, ...]) -> list[Violation]:
        began_s = time.time()
        struck = self._reach_speed()
        struck_s = time.time()
        for strike in strikes:
            self._stage.strike(strike)
        self._watch(strikes, struck_s)
        watched_s = time.time()
        endings = [self._stage.finish(strike) for strike in strikes if strike.restarts]
        gone = [strike.node for strike in strikes if strike.restarts]
        endings += self._stage.fallen().values()
        gone += [name for name in self._stage.fallen() if name not in gone]
        self._restart(tuple(gone))
        scene = Scene(
            strikes=strikes,
            struck_s=struck_s,
            armed_s=self._armed_s,
            track=self._watcher.track(),
            reports=tuple(self._watcher.reports),
            guard_s=tuple(self._watcher.guard_s),
            collisions=self._watcher.new_collisions(),
            endings=[ending for ending in endings if ending],
        )
        self.tally.spent_s.append(
            (struck_s - began_s, watched_s - struck_s, time.time() - watched_s)
        )
        violations = judge(scene, self._limits)
        self.tally.add(scene, violations, struck)
        self._watcher.forget(float(scene.track.times_s[-1]))
        return violations

    def _reach_speed(self) -> Struck:
        """Arm and instruct until some joint is fast."""
        for _ in range(HOMES):
            struck = self._move()
            if struck is not None:
                return struck
            self._put_home()
        raise VlaError(f'the arm does not move: the safety node says {self._watcher.text}')

    def _move(self) -> Struck | None:
        """Motion, or None where it stays away."""
        end_s = time.monotonic() + MOTION_S
        while time.monotonic() < end_s:
            self._client.arm(START_S)
            self._armed_s = time.time()
            self._watcher.instruct()
            self._watcher.keep_recording()
            if not self._client.appears(lambda: self._watcher.speed() > FAST, ASK_AGAIN_S):
                continue
            self._client.sleep(self._rng.uniform(0.0, DELAY_S))
            if self._client.appears(lambda: self._watcher.speed() > FAST, ASK_AGAIN_S):
                return Struck(self._watcher.speed(), self._watcher.clearance_m)
        return None

    def _put_home(self) -> None:
        """As a person would who frees an arm that is stuck; nothing of it is judged."""
        self.tally.stuck.append(self._watcher.text)
        self._client.disarm()
        self._client.appears(lambda: self._watcher.rests(RESTING_S, 0.0), REST_WITHIN_S)
        self._client.reset(0, '')
        self._client.sleep(WATCHED_S)
        self._watcher.forget(time.time())

    def _watch(self, strikes: tuple[Strike, ...], struck_s: float) -> None:
        """Until the arm has come to rest where it must, and every pause is over."""
        sleeping = [strike for strike in strikes if strike.blow is Blow.SUSPENDED]
        for strike in sorted(sleeping, key=lambda strike: strike.pause_s):
            self._client.sleep(max(0.0, struck_s + strike.pause_s - time.time()))
            self._stage.wake(strike.node)
        if any(strike.stops_the_arm for strike in strikes):
            left_s = struck_s + REST_WITHIN_S + OVERDUE_S - time.time()
            self._client.appears(lambda: self._watcher.rests(RESTING_S, struck_s), max(0.0, left_s))
        if sleeping or not any(strike.stops_the_arm for strike in strikes):
            self._client.sleep(WATCHED_S)

    def _restart(self, names: tuple[str, ...]) -> None:
        if not names:
            return
        self._stage.start(*names)
        specs = [self._stage.specs[name] for name in names]
        self._client.wait_active(specs, timeout_s=START_S)
