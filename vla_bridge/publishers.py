# SPDX-License-Identifier: Apache-2.0
"""Who publishes and who listens on a topic, by the ROS graph."""

from collections.abc import Collection

from rclpy.node import Node

UNKNOWN = '_NODE_NAMESPACE_UNKNOWN_/_NODE_NAME_UNKNOWN_'
"""How rclpy calls a node whose topics are known already and whose name is still on its way."""


def foreign_publishers(
    node: Node, topic: str, allowed: Collection[str], alone: Collection[str] = ()
) -> tuple[str, ...]:
    """Publishers of a topic that are not one each of the allowed nodes of our namespace.

    Args:
        node: Who looks.
        topic: Of the publishers.
        allowed: Names of nodes.
        alone: Those of them of which no more than one lives. Others of their name are dead: the
            graph goes on showing a node that was killed for as long as DDS waits for it.
    """
    expected = [_path(node.get_namespace(), name) for name in allowed]
    single = [_path(node.get_namespace(), name) for name in alone]
    foreign = []
    for info in node.get_publishers_info_by_topic(topic):
        path = _path(info.node_namespace, info.node_name)
        if path in expected:
            expected.remove(path)
        elif path not in single:
            foreign.append(path)
    return tuple(sorted(foreign))


def listeners(node: Node, topic: str) -> int:
    """Subscriptions to a topic, outside this suite's own observers of it."""
    observers = ('safety_node', 'guard_node', 'recorder_node')
    return sum(
        info.node_name not in observers for info in node.get_subscriptions_info_by_topic(topic)
    )


def _path(namespace: str, name: str) -> str:
    return f'{namespace.rstrip("/")}/{name}'
