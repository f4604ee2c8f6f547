# SPDX-License-Identifier: Apache-2.0
"""Records episodes on request: the action ``record_episode``, one episode at a time."""

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.action.server import ActionServer, CancelResponse, GoalResponse, ServerGoalHandle
from typing_extensions import override
from vla_control.action import RecordEpisode

from vla_bridge import topics
from vla_bridge.lifecycle_node import VlaNode, run
from vla_bridge.recording.streams import Streams
from vla_bridge.recording.topics import episode_topics
from vla_bridge.recording.writer import INSTRUCTION, NAMESPACE, POLICY, ROBOT, EpisodeWriter
from vla_bridge.transport import keep_pages
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError

PERIOD_S = 0.05
"""How often messages are fetched, and how soon a cancellation is noticed."""
FEEDBACK_EVERY = 4
"""Periods between two feedbacks."""
CHECKPOINT_EVERY = 20
"""Periods between two looks for new topics, and between two checkpoints."""


class RecorderNode(VlaNode):
    """Writes what the topics of the deployment carry, without decoding it."""

    def __init__(self) -> None:
        """Declare where episodes go."""
        super().__init__('recorder_node')
        self.describe('folder', 'out/episodes', 'Folder that episodes are written to.')
        self._active = False
        self._episode: _Episode | None = None
        self._over: list[tuple[ServerGoalHandle, RecordEpisode.Result]] = []
        self._ticks = 0

    @override
    def configure(self) -> None:
        """Read the deployment and offer the action."""
        self._deployment = self.load_deployment()
        self._timer = self.create_timer(PERIOD_S, self._tick)
        self._server = ActionServer(
            self,
            RecordEpisode,
            topics.RECORD_EPISODE,
            execute_callback=_unreached,
            goal_callback=self._consider,
            handle_accepted_callback=self._begin,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )

    @override
    def activate(self) -> None:
        """Accept episodes from now on."""
        self._active = True

    @override
    def deactivate(self) -> None:
        """End the episode being recorded."""
        self._active = False
        if self._episode is not None:
            self._finish(self._episode, 'the recorder was deactivated')

    @override
    def cleanup(self) -> None:
        """Withdraw the action."""
        self._server.destroy()
        self.destroy_timer(self._timer)

    @override
    def owes_answers(self) -> bool:
        """Whether an episode is over and its client does not know yet."""
        return bool(self._over)

    @override
    def diagnostics(self) -> DiagnosticStatus:
        """Whether an episode is being recorded."""
        if self._episode is None:
            return self.status(DiagnosticStatus.OK, 'idle')
        writer = self._episode.writer
        return self.status(
            DiagnosticStatus.OK,
            'recording',
            folder=writer.folder,
            messages=writer.messages,
            bytes=writer.bytes,
        )

    def _consider(self, _goal: RecordEpisode.Goal) -> GoalResponse:
        free = self._active and self._episode is None
        return GoalResponse.ACCEPT if free else GoalResponse.REJECT

    def _begin(self, goal: ServerGoalHandle) -> None:
        """Start to record. The goal is executed, that is answered, when the episode is over.

        An execute callback that waited would keep this executor's one thread busy.
        """
        request: RecordEpisode.Goal = goal.request
        try:
            folder = Path(self.value('folder')) / _folder_name(request.name)
            writer = EpisodeWriter(folder, _metadata(self, request, self._deployment))
        except VlaError as error:
            self._over.append((goal, RecordEpisode.Result(message=str(error))))
            return
        names = request.topics or episode_topics(self._deployment)
        wanted = tuple(self.resolve_topic_name(name) for name in names)
        self._episode = _Episode(goal, writer, Streams(self, writer, wanted), self.now_ns())
        self._episode.streams.discover()
        self.get_logger().info(f'recording {folder}')

    def _tick(self) -> None:
        while self._over:
            self._answer(*self._over.pop())
        episode = self._episode
        if episode is None:
            return
        episode.streams.fetch()
        duration_s = episode.goal.request.duration
        if episode.streams.failure:
            self._finish(episode, episode.streams.failure)
        elif episode.goal.is_cancel_requested or 0 < duration_s <= self._elapsed_s(episode):
            self._finish(episode)
        else:
            self._ticks += 1
            if self._ticks % CHECKPOINT_EVERY == 0:
                episode.streams.discover()
                episode.streams.checkpoint()
            if self._ticks % FEEDBACK_EVERY == 0:
                self._feed_back(episode)

    def _feed_back(self, episode: '_Episode') -> None:
        rates = episode.streams.rates(self.now_ns())
        episode.goal.publish_feedback(
            RecordEpisode.Feedback(
                elapsed=self._elapsed_s(episode),
                messages=episode.writer.messages,
                bytes=episode.writer.bytes,
                topics=list(rates),
                rates=list(rates.values()),
            )
        )

    def _finish(self, episode: '_Episode', failure: str = '') -> None:
        """Close the bag and answer the goal."""
        self._episode = None
        episode.streams.close()
        try:
            episode.writer.close()
        except OSError as error:
            failure = failure or f'{episode.writer.folder} cannot be ended: {error}'
        found = sorted(episode.streams.problems.items())
        said = [failure] * bool(failure) + [f'{topic} {problem}' for topic, problem in found]
        result = RecordEpisode.Result(
            success=not failure and episode.writer.messages > 0,
            path=str(episode.writer.folder),
            duration=self._elapsed_s(episode),
            messages=episode.writer.messages,
            bytes=episode.writer.bytes,
            message='; '.join(said),
        )
        self.get_logger().info(f'{result.path}: {result.messages} messages. {result.message}')
        self._over.append((episode.goal, result))

    def _answer(self, goal: ServerGoalHandle, result: RecordEpisode.Result) -> None:
        def report(handle: ServerGoalHandle) -> RecordEpisode.Result:
            if handle.is_cancel_requested:
                handle.canceled()
            elif result.success:
                handle.succeed()
            else:
                handle.abort()
            return result

        goal.execute(report)

    def _elapsed_s(self, episode: '_Episode') -> float:
        return (self.now_ns() - episode.start_ns) * 1e-9


@dataclass(frozen=True)
class _Episode:
    """What is open while one episode is recorded."""

    goal: ServerGoalHandle
    writer: EpisodeWriter
    streams: Streams
    start_ns: int


def _unreached(_goal: ServerGoalHandle) -> RecordEpisode.Result:
    """Goals are answered by the callback they are executed with."""
    raise VlaError('a record_episode goal was executed without an answer')


def _folder_name(asked: str) -> str:
    """The asked name, or the date; never a way out of the folder of episodes."""
    if not asked:
        return f'{datetime.now().astimezone():%Y-%m-%d-%H-%M-%S}'
    if asked != Path(asked).name or asked == '..':
        raise VlaError(f'name {asked!r} must be a single folder name')
    return asked


def _metadata(node: VlaNode, request: RecordEpisode.Goal, deployment: Deployment) -> dict[str, str]:
    """What the messages mean: kept with the bag."""
    return {
        INSTRUCTION: request.instruction,
        ROBOT: deployment.robot.model_dump_json(),
        POLICY: deployment.policy.model_dump_json(),
        NAMESPACE: node.get_namespace(),
    }


def main() -> None:
    """Run the node."""
    keep_pages()
    sys.exit(run(RecorderNode))


if __name__ == '__main__':
    main()
