# SPDX-License-Identifier: Apache-2.0
"""Topics that bring news of what stands around the arm, for the safety node."""

import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pinocchio as pin
from visualization_msgs.msg import MarkerArray

from vla_bridge.collision.depth_source import DepthSource
from vla_bridge.collision.marker_objects import MarkerObjects
from vla_bridge.collision.news import listen
from vla_bridge.collision.planning_scene_objects import PlanningSceneObjects
from vla_bridge.lifecycle_node import VlaNode
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_safety.avoidance import Avoidance
from vla_safety.collision.arms import Arm
from vla_safety.collision.solids import ArmBody, solids_of
from vla_safety.measured import Instant, Measured
from vla_safety.surroundings import surroundings

_EXPIRY_HZ = 5.0


class SceneSources:
    """Subscribes to what the robot file's scene names, and passes on what comes."""

    def __init__(
        self, node: VlaNode, deployment: Deployment, avoidance: Avoidance, measured: Measured
    ) -> None:
        """Open the subscriptions.

        Args:
            node: Whose they are.
            deployment: Names robot file and URDF.
            avoidance: Is told.
            measured: Says where the arm is.

        Raises:
            VlaError: A message type that is needed is not installed.
        """
        self._node, self._avoidance, self._measured = node, avoidance, measured
        robot, path = deployment.robot, deployment.robot_path
        scene = robot.scene
        if not (scene.markers or scene.planning_scene or scene.depth):
            return
        self._body = ArmBody(Arm(robot, deployment.urdf_path))
        frames = self._body.standing_frames()
        if scene.markers:
            self._listen_to_markers(scene.markers, MarkerObjects(frames, path))
        if scene.planning_scene:
            self._folder = TemporaryDirectory(prefix='vla-scene-')
            known = PlanningSceneObjects(frames, self._link_pose, Path(self._folder.name))
            self._listen_to_planning_scene(scene.planning_scene, known)
        if scene.depth is not None:
            standing = solids_of(surroundings(robot, path))
            self._depth = DepthSource(
                node, robot, scene.depth, self._body, standing, avoidance, measured
            )

    def _listen_to_markers(self, topic: str, known: MarkerObjects) -> None:
        heard_ns = 0

        def on_markers(message: MarkerArray) -> None:
            nonlocal heard_ns
            heard_ns = time.monotonic_ns()
            known.apply(message.markers, heard_ns)
            tell()

        def on_timer() -> None:
            if known.expire(time.monotonic_ns()):
                tell()

        def tell() -> None:
            self._avoidance.see(topic, known.objects, heard_ns)
            if known.problem:
                self._avoidance.refuse(topic, known.problem)

        listen(self._node, MarkerArray, topic, on_markers)
        self._node.create_timer(1 / _EXPIRY_HZ, on_timer)

    def _listen_to_planning_scene(self, topic: str, known: PlanningSceneObjects) -> None:
        def on_scene(message: Any) -> None:  # noqa: ANN401 - MoveIt's messages come without types
            known.apply(message)
            problem = known.problem
            try:
                self._avoidance.carry(known.carried)
            except VlaError as error:
                problem = str(error)
            self._avoidance.see(topic, known.objects, time.monotonic_ns())
            if problem:
                self._avoidance.refuse(topic, problem)

        listen(self._node, _planning_scene_type(), topic, on_scene)

    def _link_pose(self, link: str) -> pin.SE3:
        """Where a link is now."""
        finding = self._measured.finding(Instant(self._node.now_ns(), time.monotonic_ns()))
        if finding is not None:
            raise VlaError(f'where {link} is cannot be known: {finding.text}')
        opening = self._measured.opening
        known = opening if opening == opening else 1.0
        posture = self._body.layout.posture(self._measured.positions, known)
        return self._body.link_pose(posture, link)


def _planning_scene_type() -> type:
    try:
        found: type = import_module('moveit_msgs.msg').PlanningScene
    except ImportError as error:
        raise VlaError(
            f'scene.planning_scene is set, and its messages cannot be imported ({error}); install '
            'ros-$ROS_DISTRO-moveit-msgs, or describe the scene by markers (scene.markers)'
        ) from error
    return found
