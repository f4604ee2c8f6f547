# SPDX-License-Identifier: Apache-2.0
"""The stand-in for control_msgs is the same on the wire as the real one."""

import json

import pytest
from ament_index_python.packages import get_package_share_path

JAZZY = {
    'action/FollowJointTrajectory': (
        '738ebcb7a2d7cfa42f9f1001cc99ce3a4383d1cfe508015d9be8485e4b1c66f6'
    ),
    'action/GripperCommand': 'e17c0e644eccf14bea84a0a93e0977182872c2eb7873ca6694900059b46dbc84',
    'action/ParallelGripperCommand': (
        'adfd3c1ebe8abc38ebcc0e454b6423d291d4010dd5697d14eca5b9be4726ae18'
    ),
    'msg/JointTrajectoryControllerState': (
        '51d8dd89cc624cbe9daaeeb4d80d6de9b86168ffdc3be41fefc0953e3c26e480'
    ),
}
"""Type hashes of control_msgs 5.8.0, built from its own sources."""


@pytest.mark.parametrize('name', JAZZY)
def test_types_match_those_of_jazzy(name: str) -> None:
    """A type hash covers every field, in order, of a type and of those it is made of."""
    described = get_package_share_path('control_msgs') / f'{name}.json'
    hashes = json.loads(described.read_text())['type_hashes']
    hash_of = {each['type_name']: each['hash_string'] for each in hashes}
    assert hash_of[f'control_msgs/{name}'] == f'RIHS01_{JAZZY[name]}'
