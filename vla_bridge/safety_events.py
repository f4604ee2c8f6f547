# SPDX-License-Identifier: Apache-2.0
"""What the safety node decides, once each: on ``~/events``, in the log, refused chunks on disk."""

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from vla_control.msg import SafetyEvent

from vla_bridge.lifecycle_node import VlaNode
from vla_bridge.rejected_chunks import RejectedChunks
from vla_safety.filter import MotionFilter
from vla_safety.mode import Mode
from vla_safety.reasons import Finding, Reason
from vla_safety.situation import Rejection, Stage

EVENTS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE
)
"""None may be missing, however many come at once."""
_ORDINARY = (Reason.OK, Reason.SCALED, Reason.CHUNK_ENDED, Reason.TASK_ENDED)


class SafetyEvents:
    """Tells every decision of one filter."""

    def __init__(
        self, node: VlaNode, motion_filter: MotionFilter, kept: RejectedChunks | None
    ) -> None:
        """Begin with the state that the filter is in.

        Args:
            node: Whose events they are.
            motion_filter: Decides.
            kept: Where refused chunks go; None for nowhere.
        """
        self._node, self._filter, self._kept = node, motion_filter, kept
        self._publisher = node.create_publisher(SafetyEvent, '~/events', EVENTS)
        self._known: tuple[Mode, Reason] = (Mode.UNCONFIGURED, Reason.OK)

    def tell(self) -> bool:
        """Tell what was refused and what changed since the last time.

        Returns:
            Whether the mode or its reason changed.
        """
        while self._filter.rejections:
            self._tell_rejection(self._filter.rejections.popleft())
        mode, finding = self._filter.mode, self._filter.finding
        known, self._known = self._known, (mode, finding.reason)
        if self._known == known:
            return False
        self._log(known[0].moving, mode, finding)
        self._publish(SafetyEvent.CHANGE, finding, known[0])
        return True

    def unreadable(self, session: str, sequence: int, text: str) -> None:
        """A chunk came that has no rows and columns."""
        self._warn(f'chunk {sequence} cannot be read: {text}')
        finding = Finding(Reason.MALFORMED, text)
        self._publish(SafetyEvent.CHUNK_REFUSED, finding, session=session, sequence=sequence)

    def answered(self, request: str, finding: Finding, before: Mode, *, granted: bool) -> None:
        """Somebody asked for something."""
        self._publish(SafetyEvent.REQUEST, finding, before, request=request, granted=granted)

    def _tell_rejection(self, rejection: Rejection) -> None:
        chunk, finding = rejection.chunk, rejection.finding
        name = self._kept.keep(rejection) if self._kept is not None else ''
        if rejection.stage is Stage.CHUNK:
            what = 'in part' if finding.reason is Reason.TRUNCATED else 'whole'
            self._warn(f'chunk {chunk.sequence} refused {what}: {finding.reason}: {finding.text}')
        self._publish(
            SafetyEvent.CHUNK_REFUSED,
            finding,
            session=chunk.session,
            sequence=chunk.sequence,
            record=name,
        )

    def _publish(
        self, kind: int, finding: Finding, before: Mode | None = None, **fields: str | int | bool
    ) -> None:
        mode, chunk = self._filter.mode, self._filter.chunk
        message = SafetyEvent(
            kind=kind,
            state=int(mode),
            state_name=mode.name,
            previous_state=int(mode if before is None else before),
            reason=str(finding.reason),
            text=finding.text,
            session=chunk.session if chunk else '',
            sequence=chunk.sequence if chunk else 0,
            speed_scale=float(self._filter.pace),
        )
        for name, value in fields.items():
            setattr(message, name, value)
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def _log(self, moved: bool, mode: Mode, finding: Finding) -> None:
        text = f'{mode.name}: {finding.reason} {finding.text}'.rstrip()
        logger = self._node.get_logger()
        if mode.latched:
            logger.error(text)
        elif moved and finding.reason not in _ORDINARY:
            logger.warning(text)
        else:
            logger.info(text)

    def _warn(self, text: str) -> None:
        self._node.get_logger().warning(text, throttle_duration_sec=1.0)
