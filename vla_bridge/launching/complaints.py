# SPDX-License-Identifier: Apache-2.0
"""What the nodes of a graph complain about, from /diagnostics."""

import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

FORGET_S = 2.5
"""Nodes report once a second; older words no longer hold."""


class Complaints:
    """Listens to the diagnostics of the nodes in one namespace."""

    def __init__(self, node: Node) -> None:
        """Listen, in the namespace of this node."""
        self._prefix = f'{node.get_namespace().strip("/")}/'.lstrip('/')
        self._heard: dict[str, tuple[float, str]] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 50)

    def newest(self) -> str:
        """Errors that hold now, with the names of their nodes; empty if there are none."""
        since = time.monotonic() - FORGET_S
        held = {name: text for name, (at, text) in self._heard.copy().items() if at > since}
        return '; '.join(f'{name}: {text}' for name, text in held.items())

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            name = status.name.removeprefix(self._prefix)
            if not status.name.startswith(self._prefix) or '/' in name:
                continue
            if status.level == DiagnosticStatus.ERROR:
                self._heard[name] = (time.monotonic(), status.message)
            else:
                self._heard.pop(name, None)
