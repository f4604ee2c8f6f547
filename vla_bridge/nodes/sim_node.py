# SPDX-License-Identifier: Apache-2.0
"""sim_node: the simulated arm, seen from ROS as a real one with its controllers and cameras."""

import sys
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String
from typing_extensions import override
from vla_control.msg import Task
from vla_control.srv import ResetSimulation

from vla_bridge.lifecycle_node import VlaNode, run
from vla_bridge.resources import config_file
from vla_bridge.simulation.camera_streams import CameraStreams
from vla_bridge.simulation.control_interfaces import ControlInterfaces
from vla_bridge.simulation.conversion import to_time
from vla_bridge.simulation.cycle_thread import CycleThread, Streams
from vla_bridge.simulation.judge import Judge
from vla_bridge.simulation.ros_time import RosTime
from vla_bridge.simulation.simulated_robot import SimulatedRobot
from vla_bridge.simulation.state_streams import JointStates, TruthStreams
from vla_bridge.topics import COMMAND, LATCHED, TASK
from vla_bridge.transport import keep_pages, make_room
from vla_contract.deployment import load_deployment, load_robot
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_sim.arm import description_path
from vla_sim.collisions import Collision
from vla_sim.controllers.joint_trajectory import TrajectoryOptions
from vla_sim.simulator import Simulator

GREATEST_SEED = 2**63 - 1


class SimNode(VlaNode):
    """The simulated arm: joint states, cameras and controllers, ground truth and reset."""

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__('sim_node')
        self.describe('seed', 0, 'Of the first scene.', (0, GREATEST_SEED))
        self.describe('instruction', '', 'What the first scene makes possible; empty: the seed.')
        self.describe(
            'real_time_factor',
            1.0,
            'Simulated time by real time; 0: as fast as possible. Other than 1 needs /clock.',
            (0.0, 100.0),
        )
        self.describe(
            'publish_clock', False, 'Publish /clock and stamp by it, as with use_sim_time.'
        )
        self.describe('render', True, 'Draw and publish the cameras.')
        self.describe(
            'interpolate_from_desired_state',
            False,
            'As of joint_trajectory_controller: bridge from the last command.',
        )
        self._cameras: CameraStreams | None = None
        self._clock_publisher: Publisher | None = None
        self._cycles: CycleThread | None = None
        self._troubles = (0, 0, 0, 0)

    @override
    def configure(self) -> None:
        """Build the world and open every topic, service and action."""
        robot, path = self._load_robot()
        published = self._makes_time()
        simulator = Simulator(robot, path, self.value('seed'), self.value('instruction'))
        options = TrajectoryOptions(
            interpolate_from_desired_state=self.value('interpolate_from_desired_state')
        )
        self._robot = SimulatedRobot(simulator, options)
        self._time = RosTime(lambda: simulator.time_ns, published=published)
        if published:
            self._clock_publisher = self.create_lifecycle_publisher(Clock, '/clock', COMMAND)
        if self.value('render'):
            self._cameras = CameraStreams(
                self, simulator, self._time.stamp_of, self._on_camera_failure
            )
        self._judge = Judge(simulator, self.get_logger().warning)
        self._cycles = self._make_cycles(robot)
        self._open_scene(path)
        self.get_logger().info(f'scene of seed {self.value("seed")}: "{simulator.instruction}"')

    @override
    def activate(self) -> None:
        """Let time pass."""
        with self._robot.lock:
            self._robot.reactivate()
        self._description.publish(self._urdf)
        if self._cycles is not None:
            self._cycles.start()
        if self._cameras is not None:
            self._cameras.start()

    @override
    def deactivate(self) -> None:
        """Let time stand still, and the arm with it."""
        if self._cameras is not None:
            self._cameras.stop()
        if self._cycles is not None:
            self._cycles.stop()
        with self._robot.lock:
            self._robot.arm.deactivate()
            self._robot.gripper.deactivate()

    @override
    def cleanup(self) -> None:
        """Let go of the world."""
        self._cameras = self._clock_publisher = self._cycles = None

    @override
    def diagnostics(self) -> DiagnosticStatus | None:
        """Does it keep up, does what is sent to it make sense, and does the arm touch nothing?"""
        if self._cycles is None:
            return None
        skipped_ns = self._cycles.pace.skipped_ns
        missed = self._cameras.missed if self._cameras is not None else 0
        collisions = self._robot.simulator.collisions
        troubles = (skipped_ns, missed, self._robot.dropped, collisions.count)
        fine = troubles == self._troubles
        self._troubles = troubles
        return self.status(
            DiagnosticStatus.OK if fine else DiagnosticStatus.WARN,
            'in time' if fine else 'running late, sent commands that are not finite, or colliding',
            skipped_s=f'{skipped_ns * 1e-9:.3f}',
            missed_images=missed,
            dropped_commands=self._robot.dropped,
            collisions=collisions.count,
            collided=self._describe(collisions.recent),
        )

    def _describe(self, collisions: tuple[Collision, ...]) -> str:
        """The last collisions, the newest last, at their ROS times."""
        at = [(self._time.stamp_of(found.time_ns) * 1e-9, found) for found in collisions]
        return '; '.join(f'{t:.3f} {found.link} with {found.other}' for t, found in at)

    def _load_robot(self) -> tuple[Robot, Path]:
        """The robot of the deployment, or one given alone; without either, that of ``sim``."""
        named, alone = self.value('deployment'), self.value('robot')
        if alone and not named and not self.value('policy'):
            path = config_file(alone, 'robots')
            robot = load_robot(path)
        else:
            given = named or alone or self.value('policy')
            deployment = self.load_deployment() if given else load_deployment(config_file('sim'))
            robot, path = deployment.robot, deployment.robot_path
        if not robot.simulated:
            raise VlaError(
                f'{path}: {robot.name} is a real robot (simulated: false); '
                'give sim_node a robot file with simulated: true'
            )
        return robot, path

    def _makes_time(self) -> bool:
        """Is ROS time made here? Else stamps are the system's time."""
        published = bool(self.value('publish_clock') or self.value('use_sim_time'))
        factor = self.value('real_time_factor')
        if factor != 1.0 and not published:
            raise VlaError(
                f'real_time_factor {factor:g} needs publish_clock:=true here and '
                'use_sim_time:=true everywhere: other clocks run at the speed of real time'
            )
        return published

    def _make_cycles(self, robot: Robot) -> CycleThread:
        """Join physics, controllers and streams."""
        control = ControlInterfaces(self, self._robot, self._time.now_ns)
        joints = JointStates(self, robot)
        truth = TruthStreams(self, robot.base_frame)
        return CycleThread(
            self._robot,
            self._judge,
            Streams(joints, truth, tuple(control.states)),
            time=self._time,
            factor=self.value('real_time_factor'),
            seed=self.value('seed'),
            on_cycle=self._on_cycle,
            on_failure=self.stop_for,
        )

    def _open_scene(self, path: Path) -> None:
        """Open what concerns the scene and the arm's description."""
        urdf = description_path(self._robot.simulator.robot, path)
        self._urdf = String(data=urdf.read_text(encoding='utf-8'))
        self._description = self.create_lifecycle_publisher(String, 'robot_description', LATCHED)
        self.create_service(ResetSimulation, '~/reset', self._on_reset)
        self.create_subscription(Task, TASK, self._on_task, LATCHED)

    def _on_cycle(self, simulated_ns: int, now_ns: int) -> None:
        """Tell what follows time. Called by the cycle thread."""
        if self._clock_publisher is not None:
            self._clock_publisher.publish(Clock(clock=to_time(now_ns)))
        if self._cameras is not None:
            self._cameras.tick(simulated_ns)

    def _on_task(self, task: Task) -> None:
        if task.active:
            self._judge.set_task(task.id, task.instruction)
        else:
            self._judge.set_task('', '')

    def _on_reset(
        self, request: ResetSimulation.Request, response: ResetSimulation.Response
    ) -> ResetSimulation.Response:
        """Lay out another scene; the arm is at home and at rest when this returns."""
        try:
            if not 0 <= request.seed <= GREATEST_SEED:
                raise VlaError(f'seed {request.seed} must not be negative')
            with self._robot.lock:
                response.instruction = self._robot.reset(request.seed, request.instruction)
        except VlaError as error:
            response.message = str(error)
            self.get_logger().error(f'reset refused, the scene stays: {error}')
            return response
        if self._cycles is not None:
            self._cycles.seed = request.seed
        response.success = True
        response.message = f'scene of seed {request.seed}'
        self.get_logger().info(f'{response.message}: "{response.instruction}"')
        return response

    def _on_camera_failure(self) -> None:
        self.stop_for(
            VlaError(
                'the cameras cannot be drawn; the reason is above. Set MUJOCO_GL to egl, osmesa '
                'or glfw, whichever this machine has, or start without cameras: render:=false'
            )
        )


def main() -> int:
    """Run sim_node."""
    make_room()
    keep_pages()
    return run(SimNode)


if __name__ == '__main__':
    sys.exit(main())
