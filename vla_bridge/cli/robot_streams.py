# SPDX-License-Identifier: Apache-2.0
"""Which topics of a robot are in the ROS graph: who publishes, who listens, how often.

Knows nothing of what the messages say.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState

from vla_bridge import topics
from vla_bridge.cli.contract_tables import table as empty_table
from vla_bridge.cli.findings import Finding, Verdict
from vla_bridge.launching.client import GraphClient
from vla_bridge.launching.interrupts import Interrupts
from vla_bridge.publishers import foreign_publishers
from vla_contract.gripper import GripperKind
from vla_contract.robot import Robot

LOOK_S = 2.0
"""Participants come into sight one by one."""
LISTEN_S = 2.0
SLOW = 0.8
"""Share of the promised rate below which a stream counts as slow."""
COMMANDERS = ('safety_node', 'guard_node')
_GRIPPER_ACTIONS = (GripperKind.GRIPPER_COMMAND, GripperKind.PARALLEL_GRIPPER_COMMAND)


@dataclass(frozen=True)
class Stream:
    """One topic of a robot.

    Attributes:
        topic: Relative name.
        use: What it is for.
        told: The robot publishes it; otherwise it listens.
        kind: Message class to listen with; None for what is not measured.
        rate_hz: What the robot file promises, 0 for nothing.
        key: Key of the robot file that promises it.
    """

    topic: str
    use: str
    told: bool = False
    kind: type | None = None
    rate_hz: float = 0.0
    key: str = ''


@dataclass
class Seen:
    """What there was of a stream.

    Attributes:
        stream: The topic.
        publishers: How many.
        subscribers: How many, without us.
        times: When its messages came [s, monotonic].
        foreign: Publishers of a command that are none of this suite's.
    """

    stream: Stream
    publishers: int = 0
    subscribers: int = 0
    times: list[float] = field(default_factory=list)
    foreign: tuple[str, ...] = ()

    @property
    def there(self) -> bool:
        """The robot's end of it exists."""
        return bool(self.publishers if self.stream.told else self.subscribers)

    @property
    def rate_hz(self) -> float:
        """As measured; 0 if fewer than two messages came."""
        if len(self.times) < 2:
            return 0.0
        return (len(self.times) - 1) / (self.times[-1] - self.times[0])

    @property
    def verdict(self) -> Verdict:
        """How bad it is."""
        if not self.advice:
            return Verdict.GOOD
        slow = self.rate_hz or not self.stream.rate_hz
        return Verdict.WARNING if self.there and slow else Verdict.BAD

    @property
    def advice(self) -> str:
        """What is wrong with it, and what to look at."""
        stream = self.stream
        if not stream.told:
            if not self.subscribers:
                return 'nobody listens: is the controller active?'
            return f'also commanded by {", ".join(self.foreign)}' if self.foreign else ''
        if not self.publishers:
            return 'nobody publishes it: is the driver running, is the name right?'
        if not stream.rate_hz:
            return ''
        if not self.times:
            return 'nothing came: does the network carry it?'
        if self.rate_hz < SLOW * stream.rate_hz:
            return f'slower than {stream.key}: {stream.rate_hz:g} of the robot file'
        return ''


def streams(robot: Robot) -> Iterator[Stream]:
    """The topics that a robot file names."""
    for topic in robot.joint_state_topics:
        rate = robot.joint_state_rate_hz if topic == robot.joint_states else 0.0
        yield Stream(topic, 'joint states', True, JointState, rate, 'joint_state_rate_hz')
    for index, camera in enumerate(robot.cameras):
        kind = CompressedImage if camera.transport == 'compressed' else Image
        key = f'cameras.{index}.rate_hz'
        yield Stream(camera.topic, f'camera {camera.name}', True, kind, camera.rate_hz, key)
        if camera.info_topic:
            yield Stream(camera.info_topic, 'its calibration', True, CameraInfo)
    arm, gripper = robot.controller, robot.gripper
    yield Stream(arm.topic, 'commands to the arm')
    if arm.state_topic:
        yield Stream(arm.state_topic, "the arm controller's state", True)
    if gripper is not None:
        action = gripper.kind in _GRIPPER_ACTIONS
        # An action shows by the status that its server publishes.
        target = f'{gripper.target}/_action/status' if action else gripper.target
        yield Stream(target, 'commands to the gripper', action)


def observe(robot: Robot, namespace: str) -> tuple[Seen, ...]:
    """Look at the graph, and listen for a while if anything of the robot is there."""
    found = tuple(Seen(stream) for stream in streams(robot))
    with Interrupts() as interrupts, GraphClient(namespace, interrupts.check) as client:
        client.sleep(LOOK_S)
        for seen in found:
            name = client.node.resolve_topic_name(seen.stream.topic)
            seen.publishers = client.node.count_publishers(name)
            seen.subscribers = client.node.count_subscribers(name)
            if not seen.stream.told:
                seen.foreign = foreign_publishers(client.node, name, COMMANDERS)
        if any(seen.there for seen in found):
            for seen in found:
                _listen(client, seen)
            client.sleep(LISTEN_S)
    return found


def _listen(client: GraphClient, seen: Seen) -> None:
    """Note when messages come, without unpacking them."""
    if seen.stream.kind is None or not seen.publishers:
        return

    def note(_message: bytes) -> None:
        seen.times.append(time.monotonic())

    client.node.create_subscription(
        seen.stream.kind, seen.stream.topic, note, topics.SENSOR, raw=True
    )


def table(found: tuple[Seen, ...]) -> Table:
    """What was seen, a topic a row."""
    numbers = ('publishers', 'listeners', 'rate', 'promised')
    made = empty_table('The robot in the ROS graph', '', 'topic', 'for', *numbers, right=numbers)
    for seen in found:
        stream = seen.stream
        cells = (
            stream.topic,
            stream.use,
            str(seen.publishers),
            str(seen.subscribers),
            f'{seen.rate_hz:.1f} Hz' if seen.rate_hz else '',
            f'{stream.rate_hz:g} Hz' if stream.rate_hz else '',
        )
        made.add_row(Text.from_markup(seen.verdict), *map(Text, cells))
    return made


def report(console: Console, robot: Robot, namespace: str) -> list[Finding]:
    """Print what is there of the robot, and answer what is missing of one that runs."""
    with console.status('looking at the ROS graph'):
        found = observe(robot, namespace)
    if not any(seen.there for seen in found):
        where = f'in namespace /{namespace.strip("/")} of' if namespace.strip('/') else 'in'
        console.print(f'[dim]·[/] {robot.name}: not running {where} this ROS domain\n')
        return []
    console.print(table(found))
    for seen in found:
        if seen.verdict is Verdict.WARNING:
            console.print(f'{Verdict.WARNING} {seen.stream.topic}: {seen.advice}')
    return [
        Finding(seen.stream.topic, seen.verdict, seen.stream.use, seen.advice)
        for seen in found
        if seen.verdict is Verdict.BAD
    ]
