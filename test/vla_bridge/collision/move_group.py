# SPDX-License-Identifier: Apache-2.0
"""As much of move_group as the auditor meets: its service, which answers as it is told."""

from typing import Any

from rclpy.context import Context
from rclpy.node import Node

from vla_bridge.collision.installed import find_messages, find_state_validity

SERVICE = 'check_state_validity'


class FakeMoveGroup(Node):
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, context: Context) -> None:
        """Everything is valid."""
        super().__init__('move_group', context=context)
        self.asked: list[dict[str, float]] = []
        self.valid = True
        self.create_service(find_state_validity(), SERVICE, self._answer)

    def _answer(self, request: Any, response: Any) -> Any:  # noqa: ANN401 - MoveIt's messages
        assert request.robot_state.is_diff, 'what the arm carries would be forgotten'
        state = request.robot_state.joint_state
        self.asked.append(dict(zip(state.name, state.position, strict=True)))
        response.valid = self.valid
        if not self.valid:
            contact = find_messages().moveit.ContactInformation
            response.contacts = [contact(contact_body_1='forearm_link', contact_body_2='shelf')]
        return response
