# SPDX-License-Identifier: Apache-2.0
"""A robot with two cameras, and streams that an observation is made of."""

import array
import json

import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header

from vla_bridge.observation.assembler import Assembler
from vla_bridge.observation.stream import NoObservationError, Now
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot

NAN = float('nan')

ROBOT = Robot.model_validate_json("""{
  "name": "r", "simulated": true, "urdf": "r.urdf", "base_frame": "base", "tool_frame": "tool",
  "joints": [
    {"name": "turn", "velocity": 1, "acceleration": 1, "jerk": 1},
    {"name": "lift", "velocity": 1, "acceleration": 1, "jerk": 1}
  ],
  "controller": {"kind": "joint_trajectory", "topic": "t"},
  "gripper": {"kind": "forward_position", "target": "g", "joint": "finger",
              "open": 0.04, "closed": 0.0, "speed": 1},
  "cameras": [
    {"name": "a", "topic": "a/image", "rate_hz": 20, "width": 4, "height": 2, "frame": "f"},
    {"name": "b", "topic": "b/image", "rate_hz": 20, "width": 4, "height": 2, "frame": "f"}
  ],
  "workspace": {"boxes": [{"name": "b", "min": [0, 0, 0], "max": [1, 1, 1]}], "tool_speed": 1},
  "timing": {"image_max_age_s": 0.3, "joint_state_max_age_s": 0.1, "max_skew_s": 0.1}
}""")


def policy(**changes: object) -> Policy:
    """Both cameras and the whole state, unless a test says otherwise."""
    columns = ['turn', 'lift', 'gripper']
    document = {
        'name': 'p',
        'kind': 'hold',
        'images': [
            {'key': f'image.{name}', 'camera': name, 'width': 4, 'height': 2} for name in ('a', 'b')
        ],
        'state': {'columns': columns},
        'action': {'space': 'joint_position', 'columns': columns},
        'rate_hz': 20,
        'rows': 10,
    }
    return Policy.model_validate_json(json.dumps(document | changes))


def now(seconds: float, steady: float | None = None) -> Now:
    """Both clocks at the same second, unless a test sets them apart."""
    return Now(round(seconds * 1e9), round((seconds if steady is None else steady) * 1e9))


def header(seconds: float) -> Header:
    """The header of a message captured at a time."""
    sec, nanosec = divmod(round(seconds * 1e9), 10**9)
    return Header(stamp=Time(sec=sec, nanosec=nanosec))


def picture(seconds: float, grey: int = 0) -> Image:
    """A small picture of one grey."""
    data = array.array('B', [grey] * 24)
    return Image(header=header(seconds), height=2, width=4, encoding='rgb8', step=12, data=data)


def joints(seconds: float, **positions: float) -> JointState:
    """Joint states of the joints named; all of them where none is."""
    chosen = positions or {'lift': 0.2, 'finger': 0.01, 'turn': 0.1}
    return JointState(header=header(seconds), name=list(chosen), position=list(chosen.values()))


class Feed:
    """An assembler, and what a test does with it."""

    def __init__(self, **changes: object) -> None:
        """A robot, a policy with changes, and nothing seen yet."""
        self.assembler = Assembler(ROBOT, policy(**changes), 'truth')

    def image(self, camera: str, seconds: float, moment: Now | None = None, grey: int = 0) -> bool:
        """A picture comes, by default the moment it was taken."""
        return self.assembler.add_image(camera, picture(seconds, grey), moment or now(seconds))

    def joints(self, seconds: float, moment: Now | None = None, **positions: float) -> bool:
        """Joint states come, by default the moment they were measured."""
        return self.assembler.add_joints(joints(seconds, **positions), moment or now(seconds))


def observe(assembler: Assembler, moment: Now) -> Observation:
    """Assemble for some task."""
    return assembler.assemble('id', 'do it', moment)


def stamps_ms(observation: Observation) -> dict[str, int]:
    """Capture times [ms]."""
    stamps = {**observation.image_stamps_ns, 'state': observation.state_stamp_ns}
    return {key: stamp // 10**6 for key, stamp in stamps.items()}


def reason(assembler: Assembler, moment: Now) -> tuple[str, str]:
    """Why there is no observation: the cause and the words. Checking and assembling agree."""
    with pytest.raises(NoObservationError) as checked:
        assembler.check(moment)
    with pytest.raises(NoObservationError) as assembled:
        observe(assembler, moment)
    assert str(checked.value) == str(assembled.value)
    return checked.value.cause, str(checked.value)
