# SPDX-License-Identifier: Apache-2.0
"""Observations when they would arrive in the graph: at the rate of the cameras, and a little late.

Only those are made that may be asked about. A policy at two rates gets every joint state, with the
newest pictures.
"""

from dataclasses import replace

from vla_bridge.evaluation.asker import Asker
from vla_bridge.evaluation.delays import Delays
from vla_bridge.evaluation.timeline import NS, Timeline
from vla_contract.execution import DualRate
from vla_contract.observation import Observation
from vla_contract.policy import Policy as PolicyFile
from vla_contract.robot import Robot
from vla_sim.observer import Observer


class View:
    """What one policy sees of one episode."""

    def __init__(
        self,
        observer: Observer,
        asker: Asker,
        timeline: Timeline,
        robot: Robot,
        policy: PolicyFile,
        delays: Delays,
    ) -> None:
        """Look from the next cycle on.

        Args:
            observer: Of the episode's simulator.
            asker: Gets what is seen.
            timeline: Of the episode.
            robot: Says how often its cameras look.
            policy: Says which of them it wants; without any it sees every joint state.
            delays: Until it has them.
        """
        self._observer, self._asker, self._timeline = observer, asker, timeline
        self._state_delay_s = delays.joint_states_s
        self._delay_s = delays.images_s if policy.images else delays.joint_states_s
        names = {image.camera for image in policy.images}
        rates = [camera.rate_hz for camera in robot.cameras if camera.name in names]
        self._period_ns = round(NS / min(rates, default=robot.joint_state_rate_hz))
        self._due_ns = 0
        self._two_rates = isinstance(policy.execution, DualRate)
        self._pictured: Observation | None = None

    def cycle(self) -> None:
        """A cycle of the arm is over; look, where it is time to."""
        now_ns = self._timeline.now_ns
        if self._two_rates:
            self._feel(now_ns)
        if now_ns < self._due_ns:
            return
        self._due_ns = max(self._due_ns + self._period_ns, now_ns)
        arrival_ns = now_ns + round(self._delay_s * NS)
        if self._two_rates or self._asker.wants(arrival_ns, arrival_ns + self._period_ns):
            seen = self._observer.observe('')
            self._timeline.at(arrival_ns, lambda: self._arrive(seen))

    def _arrive(self, seen: Observation) -> None:
        """Pictures are there; of two rates, the state comes by itself."""
        self._pictured = seen
        if not self._two_rates:
            self._asker.offer(seen)

    def _feel(self, now_ns: int) -> None:
        """A joint state is on its way, to be seen with the newest pictures."""
        state = self._observer.state()

        def arrive() -> None:
            if self._pictured is not None:
                self._asker.offer(replace(self._pictured, state=state, state_stamp_ns=now_ns))

        self._timeline.after(self._state_delay_s, arrive)
