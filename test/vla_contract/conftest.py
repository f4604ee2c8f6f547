# SPDX-License-Identifier: Apache-2.0
"""A small robot, policy and deployment on disk, which tests spoil one value at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from vla_contract.deployment import load_deployment
from vla_contract.errors import ContractError, ContractErrors

URDF = """<robot name="arm">
  <link name="base"/><link name="upper"/><link name="lift"/><link name="tool"/><link name="finger"/>
  <link name="loose"/>
  <joint name="turn" type="revolute">
    <parent link="base"/><child link="upper"/>
    <limit lower="-3.0" upper="3.0" velocity="2.0" effort="1"/>
  </joint>
  <joint name="slide" type="prismatic">
    <parent link="upper"/><child link="lift"/>
    <limit lower="0.0" upper="0.5" velocity="1.0" effort="1"/>
  </joint>
  <joint name="flange" type="fixed"><parent link="lift"/><child link="tool"/></joint>
  <joint name="grip" type="prismatic">
    <parent link="tool"/><child link="finger"/>
    <limit lower="0.0" upper="0.04" velocity="0.2" effort="1"/>
  </joint>
</robot>
"""

ROBOT = """name: arm
urdf: arm.urdf
base_frame: base
tool_frame: tool
joints:
  - {name: turn, velocity: 1.5, acceleration: 5, jerk: 50, position: [-2.0, 2.0]}
  - {name: slide, unit: m, velocity: 0.5, acceleration: 2, jerk: 20}
home: [0.0, 0.1]
controller:
  kind: joint_trajectory
  topic: arm_controller/joint_trajectory
gripper:
  kind: gripper_command
  target: hand/gripper_cmd
  joint: grip
  open: 0.04
  closed: 0.0
  speed: 0.1
cameras:
  - name: wrist
    topic: wrist/image_raw
    width: 64
    height: 48
    rate_hz: 30.0
    frame: wrist_optical_frame
  - name: depth
    topic: depth/image_raw
    encoding: 16UC1
    width: 64
    height: 48
    rate_hz: 15.0
    frame: depth_optical_frame
workspace:
  boxes:
    - {name: table, min: [0.1, -0.5, 0.0], max: [0.6, 0.5, 0.5]}
  tool_speed: 0.25
margins:
  tracking: 0.1
timing:
  lead_s: 0.04
"""

POLICY = """name: reach
kind: hold
trained_for: [arm]
images:
  - {key: rgb, camera: wrist, width: 32, height: 32}
  - {key: range, camera: depth, kind: depth, width: 32, height: 32}
state:
  columns: [turn, slide, gripper]
action:
  space: joint_position
  columns: [turn, slide, gripper]
  unit: deg
rate_hz: 10.0
rows: 10
execution:
  strategy: asynchronous
"""

DEPLOYMENT = """robot: robot.yaml
policy: policy.yaml
"""


Refuse = Callable[[str, str, str], ContractError]


@dataclass(frozen=True)
class Cell:
    """A folder with files that fit each other until a test changes them."""

    folder: Path

    @property
    def deployment(self) -> Path:
        """The deployment file."""
        return self.folder / 'cell.yaml'

    def write(self, name: str, text: str) -> None:
        """Write a file of the cell."""
        (self.folder / name).write_text(text, encoding='utf-8')

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a piece of a file that stands there once."""
        text = (self.folder / name).read_text(encoding='utf-8')
        assert text.count(old) == 1, f'{old!r} stands {text.count(old)} times in {name}'
        self.write(name, text.replace(old, new))

    def line(self, name: str, piece: str) -> int:
        """Line of the first piece of a file, from 1."""
        text = (self.folder / name).read_text(encoding='utf-8')
        return text[: text.index(piece)].count('\n') + 1

    def errors(self) -> tuple[ContractError, ...]:
        """What is said about the deployment; it must be refused."""
        with pytest.raises((ContractError, ContractErrors)) as caught:
            load_deployment(self.deployment)
        error = caught.value
        assert isinstance(error, ContractError | ContractErrors)
        return error.errors

    def error(self) -> ContractError:
        """The one error of the deployment."""
        found = self.errors()
        assert len(found) == 1, '\n'.join(map(str, found))
        return found[0]


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cell:
    """A good cell, which is also the working directory."""
    monkeypatch.chdir(tmp_path)
    made = Cell(tmp_path)
    files = {
        'arm.urdf': URDF,
        'robot.yaml': ROBOT,
        'policy.yaml': POLICY,
        'cell.yaml': DEPLOYMENT,
    }
    for name, text in files.items():
        made.write(name, text)
    return made


@pytest.fixture
def refused(cell: Cell) -> Refuse:
    """Change one piece of one file and return the one error that follows."""

    def spoil(name: str, old: str, new: str) -> ContractError:
        cell.change(name, old, new)
        return cell.error()

    return spoil
