# SPDX-License-Identifier: Apache-2.0
"""safety_node does without none of its files: what is missing ends it before anything moves."""

from pathlib import Path
from typing import Any

import pytest
import rclpy
import yaml

from vla_bridge.nodes.safety_node import SafetyNode

CONFIG = Path(__file__).resolve().parents[2] / 'config' / 'robots' / 'sim_ur5e.yaml'
SHAPE = '<box size="0.024 0.07 0.026"/>'
"""Of a part of the hand."""
A_MESH = {'name': 'cup', 'mesh': {'file': 'no_such_cup.stl'}, 'position': [0.5, 0.0, 0.1]}


def refusal(domain: int, folder: Path, shape: str = SHAPE, **changes: Any) -> str:  # noqa: ANN401 - as in YAML
    """Why the node is not configured with this in its robot file, and this shape in its URDF."""
    text = yaml.safe_load(CONFIG.read_text())
    urdf = (CONFIG.parent / text['urdf']).resolve().read_text()
    assert SHAPE in urdf
    (folder / 'arm.urdf').write_text(urdf.replace(SHAPE, shape))
    text |= {'urdf': 'arm.urdf', 'srdf': str((CONFIG.parent / text['srdf']).resolve())} | changes
    (folder / 'robot.yaml').write_text(yaml.safe_dump(text))
    arguments = ['-p', f'robot:={folder / "robot.yaml"}', '-p', 'policy:=hold']
    rclpy.init(args=['--ros-args', *arguments, '-p', 'rejected_folder:=""'], domain_id=domain)
    node = SafetyNode()
    try:
        node.trigger_configure()
        return str(node.refusal or '')
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def test_with_all_of_them_it_is_configured(ros_domain: int, tmp_path: Path) -> None:
    """The others take one away."""
    assert refusal(ros_domain, tmp_path) == ''


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'urdf': 'no_such.urdf'}, 'no_such.urdf'),
        ({'srdf': 'no_such.srdf'}, 'no_such.srdf'),
        ({'shape': '<mesh filename="no_such.stl"/>'}, 'no_such.stl'),
        ({'shape': '<mesh filename="package://nobody/hand.stl"/>'}, 'package://nobody/hand.stl'),
        ({'scene': {'objects': [A_MESH]}}, 'no_such_cup.stl'),
    ],
)
def test_a_file_that_is_missing_is_named_and_nothing_is_configured(
    ros_domain: int, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """Case 62: a shape that is not there would be one that is not hit."""
    assert said in refusal(ros_domain, tmp_path, **changes)
