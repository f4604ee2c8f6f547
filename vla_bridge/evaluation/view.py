# SPDX-License-Identifier: Apache-2.0
"""Observations when they would arrive in the graph: at the rate of the cameras, and a little late.

Only those are made that may be asked about.
"""

from vla_bridge.evaluation.asker import Asker
from vla_bridge.evaluation.delays import Delays
from vla_bridge.evaluation.timeline import NS, Timeline
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
        self._delay_s = delays.images_s if policy.images else delays.joint_states_s
        names = {image.camera for image in policy.images}
        rates = [camera.rate_hz for camera in robot.cameras if camera.name in names]
        self._period_ns = round(NS / min(rates, default=robot.joint_state_rate_hz))
        self._due_ns = 0

    def cycle(self) -> None:
        """A cycle of the arm is over; look, where it is time to."""
        now_ns = self._timeline.now_ns
        if now_ns < self._due_ns:
            return
        self._due_ns = max(self._due_ns + self._period_ns, now_ns)
        arrival_ns = now_ns + round(self._delay_s * NS)
        if self._asker.wants(arrival_ns, arrival_ns + self._period_ns):
            seen = self._observer.observe('')
            self._timeline.at(arrival_ns, lambda: self._asker.offer(seen))
