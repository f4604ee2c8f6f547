# SPDX-License-Identifier: Apache-2.0
"""One robot and one policy in closed loop, episode after episode, in one process without ROS.

The parts are those of the process graph: the simulated arm with its controllers, the motion filter,
the dialogue with the policy, and the judge. In place of processes there is one timeline, and in
place of transport there are constant delays.
"""

from vla_bridge.collision.backend import load_checker
from vla_bridge.evaluation.delays import USUAL, Delays
from vla_bridge.evaluation.film import Film, Pixels
from vla_bridge.evaluation.outcome import Outcome
from vla_bridge.evaluation.run import EpisodeRun
from vla_bridge.evaluation.suites import Episode
from vla_bridge.filtering import make_filter
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_policy.policy import Policy
from vla_safety.avoidance import Avoidance
from vla_safety.surroundings import surroundings
from vla_sim.simulator import Simulator


class Cell:
    """Runs episodes of one deployment; all but the policy is made anew for each."""

    def __init__(
        self,
        deployment: Deployment,
        policy: Policy,
        latency_s: float,
        delays: Delays = USUAL,
    ) -> None:
        """Prepare.

        Args:
            deployment: Of a simulated arm.
            policy: Of its policy file.
            latency_s: Simulated time from a question to the policy until its answer.
            delays: Of what is transport in the graph.

        Raises:
            VlaError: The deployment cannot be evaluated.
        """
        check(deployment)
        self.deployment, self.policy = deployment, policy
        self.latency_s, self.delays = latency_s, delays
        robot = deployment.robot
        self._checker = load_checker(robot, deployment.urdf_path, deployment.srdf_path)
        self._fixed = surroundings(robot, deployment.robot_path)

    def run(self, episode: Episode) -> Outcome:
        """Run an episode to its end."""
        run = self._run(episode)
        try:
            return run.outcome()
        finally:
            run.close()

    def film(self, episode: Episode) -> tuple[list[Pixels], Outcome]:
        """Run an episode and film it; it goes the same way as without."""
        run = self._run(episode)
        film = run.film = Film(run.simulator)
        try:
            outcome = run.outcome()
            film.look()
            return film.frames, outcome
        finally:
            film.close()
            run.close()

    def _run(self, episode: Episode) -> EpisodeRun:
        """Everything for an episode, made anew."""
        deployment = self.deployment
        simulator = Simulator(
            deployment.robot,
            deployment.robot_path,
            episode.scene_seed,
            episode.layout,
            episode.setting,
        )
        return EpisodeRun(
            episode,
            simulator,
            make_filter(deployment, self._avoidance()),
            self.policy,
            deployment.policy,
            self.latency_s,
            self.delays,
        )

    def _avoidance(self) -> Avoidance | None:
        if self._checker is None:
            return None
        return Avoidance(self._checker, self.deployment.robot, self._fixed)


def check(deployment: Deployment) -> None:
    """Refuse what is no simulated arm, or is not alone.

    Raises:
        VlaError: With the reason.
    """
    robot = deployment.robot
    if not robot.simulated:
        raise VlaError(
            f'{deployment.robot_path}: {robot.name} is a real robot (simulated: false); an '
            'evaluation needs a robot file with simulated: true'
        )
    if robot.others:
        raise VlaError(f'{robot.name} has other arms beside it; an evaluation has one arm alone')
