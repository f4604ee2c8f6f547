# SPDX-License-Identifier: Apache-2.0
"""What is seen in one process is what the live node would have given."""

import json

import numpy as np
import pytest
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from vla_bridge.observation.assembler import Assembler
from vla_bridge.observation.stream import Now
from vla_bridge.resources import config_file
from vla_bridge.simulation.conversion import to_image, to_time
from vla_contract.deployment import load_policy, load_robot
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_sim.cameras import Cameras
from vla_sim.observer import Observer
from vla_sim.simulator import Simulator

PATH = config_file('sim_ur5e', 'robots')
POLICY = load_policy(config_file('demonstrations', 'policies'))


def live(simulator: Simulator, policy: Policy) -> Observation:
    """The same moment as messages, through the assembler of the policy node."""
    robot, now_ns = simulator.robot, simulator.time_ns
    assert robot.gripper is not None
    assembler, now = Assembler(robot, policy), Now(now_ns, now_ns)
    cameras = Cameras(simulator, robot.cameras)
    for camera in robot.cameras:
        picture = to_image(cameras.render(camera.name).pixels, camera, now_ns)
        assembler.add_image(camera.name, picture, now)
    cameras.close()
    positions = [*simulator.joint_positions().tolist(), simulator.gripper_position()]
    names = [*robot.joint_names, robot.gripper.joint]
    header = Header(stamp=to_time(now_ns))
    assembler.add_joints(JointState(header=header, name=names, position=positions), now)
    return assembler.assemble('id', 'do it', now)


@pytest.fixture(scope='module')
def simulator() -> Simulator:
    """An arm in motion, so that nothing is at a round number."""
    simulator = Simulator(load_robot(PATH), PATH, seed=3)
    for step in range(60):
        simulator.command_arm(np.array(simulator.robot.home) + 0.002 * step)
        simulator.command_gripper(0.02)
        simulator.step()
    return simulator


def test_pictures_and_state_are_those_of_the_live_node_bit_for_bit(simulator: Simulator) -> None:
    """In degrees and with the gripper upside down, too: it is the same code."""
    document = POLICY.model_dump(mode='json') | {'ground_truth': False}
    document['state'] |= {'unit': 'deg', 'gripper': {'open': -1.0, 'closed': 1.0}}
    policy = Policy.model_validate_json(json.dumps(document))
    observer = Observer(simulator, policy)
    here, there = observer.observe('do it'), live(simulator, policy)
    observer.close()
    assert here.stamp_ns == there.stamp_ns
    np.testing.assert_array_equal(here.state, there.state)
    assert here.images.keys() == there.images.keys()
    for key, image in here.images.items():
        assert image.shape == (128, 128, 3)
        np.testing.assert_array_equal(image, there.images[key])
    assert here.world is None


def test_a_camera_that_is_not_there_is_refused(simulator: Simulator) -> None:
    """The error says which ones are."""
    image = POLICY.images[0].model_copy(update={'camera': 'ceiling'})
    policy = POLICY.model_copy(update={'images': (image,)})
    with pytest.raises(VlaError, match='takes camera ceiling; sim_ur5e has wrist, scene'):
        Observer(simulator, policy)
