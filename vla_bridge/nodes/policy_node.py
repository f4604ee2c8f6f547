# SPDX-License-Identifier: Apache-2.0
"""Cameras, joint states and the task in; action chunks out, by way of any policy.

The policy runs in a thread of its own. Callbacks only keep messages, so that the heartbeat goes on
while the policy thinks: it says that this process lives, and the diagnostics say how the policy is.
"""

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage, Image, JointState
from typing_extensions import override
from vla_control.msg import ActionChunk as ActionChunkMessage
from vla_control.msg import GroundTruth, Task, TaskProgress

from vla_bridge import topics
from vla_bridge.chunk_codec import encode
from vla_bridge.codecs.wire import read_message
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.lifecycle_node import VlaNode, run
from vla_bridge.observation.assembler import Assembler
from vla_bridge.observation.stream import NoObservationError, Now
from vla_bridge.task_run import POLICY_SOURCE
from vla_bridge.transport import keep_pages
from vla_contract.deployment import Deployment
from vla_contract.errors import InstructionError, VlaError
from vla_contract.observation import Observation
from vla_contract.robot import Camera
from vla_policy.answer_chunk import ChunkMaker
from vla_policy.loading import load_policy_model
from vla_policy.policy import Policy
from vla_policy.worker import THREAD_NAME, Answer, Assignment, Worker

_CHECK_HZ = 5.0
_PATIENCE_S = 0.5
"""How long a policy may go on with its answer when it is told to stop [s]."""


class PolicyNode(VlaNode):
    """Asks a policy and publishes what it answers."""

    def __init__(self, load: Callable[[Deployment], Policy] = load_policy_model) -> None:
        """Declare parameters; everything else waits for configure().

        Args:
            load: Makes the policy of a deployment.
        """
        super().__init__('policy_node')
        self.describe('nice', 0, 'Added to the nice value of the inference thread.', (0, 19))
        self._load = load
        self._worker: Worker | None = None
        self._heartbeat: Heartbeat | None = None
        self._task: Assignment | None = None
        self._blocked: VlaError | None = None
        self._complaint = ''

    @override
    def configure(self) -> None:
        """Load the policy and listen to what it needs."""
        self._deployment = self.load_deployment()
        robot, policy = self._deployment.robot, self._deployment.policy
        self._assembler = Assembler(robot, policy, topics.GROUND_TRUTH)
        self._maker = ChunkMaker(robot, policy)
        self._policy = self._load(self._deployment)
        self.get_logger().info(
            f'policy {policy.name}: {policy.rows} rows at {policy.rate_hz:g} Hz, execution '
            f'{policy.execution.described}'
        )
        self._chunks = self.create_lifecycle_publisher(
            ActionChunkMessage, topics.ACTION_CHUNK, topics.COMMAND
        )
        self._progress = self.create_lifecycle_publisher(
            TaskProgress, topics.TASK_PROGRESS, topics.COMMAND
        )
        self._listen()

    @override
    def activate(self) -> None:
        """Start a session: the policy's thread and the heartbeat."""
        if self._worker is not None and self._worker.alive:
            busy_s = self._worker.status.asking_s or 0.0
            raise VlaError(
                f'policy {self._deployment.policy.name} has not answered for {busy_s:.1f} s and '
                'cannot be asked again; restart this node'
            )
        self._maker.restart(uuid.uuid4().hex)
        self._worker = Worker(
            self._policy,
            self._deployment.policy,
            observe=self._observe,
            deliver=self._deliver,
            report=self._report,
            refuse=self._refuse,
            now_ns=self.now_ns,
            niceness=self.value('nice'),
        )
        self._worker.assign(self._task)
        self._worker.start()
        self._heartbeat = Heartbeat(self, topics.POLICY_HEARTBEAT, self._maker.session)
        self._timer = self.create_timer(1.0 / _CHECK_HZ, self._check)

    @override
    def deactivate(self) -> None:
        """Publish no chunk from now on; the arm stops at the end of what it was given."""
        if self._worker is None or self._heartbeat is None:
            return
        self.destroy_timer(self._timer)
        if not self._worker.stop(_PATIENCE_S):
            self.get_logger().warning('not waiting for the answer that the policy still computes')
        self._heartbeat.close()
        self._heartbeat = None

    @override
    def diagnostics(self) -> DiagnosticStatus | None:
        """How the policy is, and whether it can see."""
        if self._worker is None:
            return None
        status, policy = self._worker.status, self._deployment.policy
        trouble = status.trouble or self._blocked
        level, text = DiagnosticStatus.OK, 'waits for a task'
        if self._task is not None:
            text = f'works on "{self._task.instruction}"'
        if status.asking_s is not None and status.asking_s > policy.rows * policy.step_s:
            level = DiagnosticStatus.ERROR
            text = f'inference has taken {status.asking_s:.1f} s, longer than a chunk lasts'
        elif trouble is not None:
            harmless = self._task is None or isinstance(trouble, InstructionError)
            level = DiagnosticStatus.WARN if harmless else DiagnosticStatus.ERROR
            text = str(trouble)
        return self.status(
            level,
            text,
            policy=policy.name,
            session=self._maker.session,
            task=self._task.task_id if self._task else '',
            chunks=self._maker.sequence,
            discarded=status.discarded,
            inference_ms='' if status.inference_s is None else f'{status.inference_s * 1e3:.1f}',
            delay_rows=status.delay_rows,
        )

    def _listen(self) -> None:
        """Subscribe to the task and to those streams that the policy uses."""
        self.create_subscription(Task, topics.TASK, self._on_task, topics.LATCHED)
        for camera in self._assembler.cameras.values():
            kind = CompressedImage if camera.transport == 'compressed' else Image
            heard = self._on_image_of(camera, f'sensor_msgs/msg/{kind.__name__}')
            self.create_subscription(kind, camera.topic, heard, topics.SENSOR, raw=True)
        if self._assembler.joint_names:
            for topic in self._deployment.robot.joint_state_topics:
                self.create_subscription(JointState, topic, self._on_joints, topics.SENSOR)
        if self._deployment.policy.ground_truth:
            self.create_subscription(
                GroundTruth, topics.GROUND_TRUTH, self._on_truth, topics.SENSOR
            )

    def _on_image_of(self, camera: Camera, kind: str) -> Callable[[bytes], None]:
        def heard(data: bytes) -> None:
            message = read_message(data, kind)
            self._offer(self._assembler.add_image(camera.name, message, self._now()))

        return heard

    def _on_joints(self, message: JointState) -> None:
        self._offer(self._assembler.add_joints(message, self._now()))

    def _on_truth(self, message: GroundTruth) -> None:
        self._offer(self._assembler.add_truth(message, self._now()))

    def _offer(self, newer: bool) -> None:
        if newer and self._worker is not None:
            self._worker.offer()

    def _on_task(self, message: Task) -> None:
        task = Assignment(message.id, message.instruction) if message.active else None
        if task == self._task:
            return
        self._task = task
        self._complaint = ''
        if self._worker is not None:
            self._worker.assign(task)

    def _now(self) -> Now:
        return Now(self.now_ns(), time.monotonic_ns())

    def _observe(self, task: Assignment) -> Observation:
        return self._assembler.assemble(task.task_id, task.instruction, self._now())

    def _deliver(self, answer: Answer) -> None:
        """Publish an answer. Runs in the policy's thread; the task cannot change meanwhile."""
        self._chunks.publish(encode(self._maker.chunk(answer)))
        self._complaint = ''
        if answer.rows.finished:
            self._claim_success(answer)

    def _claim_success(self, answer: Answer) -> None:
        """Say that the policy thinks it is done; who listens decides whether that counts."""
        task = Assignment(answer.task_id, answer.observation.instruction)
        self._judge(task, answer.observation.stamp_ns, progress=1.0, success=True)

    def _refuse(self, task: Assignment, error: InstructionError) -> None:
        """Say that the policy cannot do its task. Runs in the policy's thread."""
        self._judge(task, self.now_ns(), refusal=str(error))

    def _judge(self, task: Assignment, at_ns: int, **judgement: float | bool | str) -> None:
        message = TaskProgress(
            task_id=task.task_id,
            instruction=task.instruction,
            source=POLICY_SOURCE,
            **judgement,
        )
        message.header.stamp = Time(nanoseconds=at_ns).to_msg()
        self._progress.publish(message)

    def _report(self, error: VlaError) -> None:
        """Log what stands in the way, once until it changes. Runs in either thread."""
        complaint = str(error)
        if isinstance(error, NoObservationError):
            complaint = f'{error.source} {error.cause}'
        if complaint == self._complaint:
            return
        self._complaint = complaint
        self.get_logger().warning(f'no chunk: {error}')

    def _check(self) -> None:
        """Notice what no message would tell: that messages stay away, or that the policy broke."""
        if self._worker is None:
            return
        if not self._worker.alive:
            self.stop_for(VlaError('the policy broke; the traceback above says where'))
        self._blocked = None
        try:
            self._assembler.check(self._now())
        except VlaError as error:
            self._blocked = error
            if self._task is not None:
                self._report(error)


def main() -> None:
    """Run the node. An answer that is still being computed does not keep the process."""
    keep_pages()
    code = run(PolicyNode)
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == '__main__':
    main()
