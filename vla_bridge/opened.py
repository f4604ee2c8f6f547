# SPDX-License-Identifier: Apache-2.0
"""What a node has opened since a moment, so that all of it can be closed again."""

from collections.abc import Iterator
from itertools import chain
from typing import TypeVar

from rclpy.action.client import ActionClient
from rclpy.action.server import ActionServer
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher

EntityT = TypeVar('EntityT')


class Opened:
    """Topics, services, clients, actions and timers that a node opens after this object is made."""

    def __init__(self, node: LifecycleNode) -> None:
        """Remember what is open already."""
        self._node = node
        self._before = {id(entity) for entity in self._entities()}

    def close(self) -> None:
        """Close the rest. Actions go first: they own services and publishers."""
        node = self._node
        waitables = self._since(node.waitables)
        for server in (w for w in waitables if isinstance(w, ActionServer)):
            server.destroy()
        for client in (w for w in waitables if isinstance(w, ActionClient)):
            client.destroy()
        for timer in self._since(node.timers):
            node.destroy_timer(timer)
        for subscription in self._since(node.subscriptions):
            node.destroy_subscription(subscription)
        for service in self._since(node.services):
            node.destroy_service(service)
        for caller in self._since(node.clients):
            node.destroy_client(caller)
        for publisher in self._since(node.publishers):
            if isinstance(publisher, LifecyclePublisher):
                node.destroy_lifecycle_publisher(publisher)

    def _since(self, entities: Iterator[EntityT]) -> list[EntityT]:
        return [entity for entity in entities if id(entity) not in self._before]

    def _entities(self) -> Iterator[object]:
        node = self._node
        return chain(
            node.publishers,
            node.subscriptions,
            node.services,
            node.clients,
            node.timers,
            node.waitables,
        )
