# SPDX-License-Identifier: Apache-2.0
"""Each Python of the virtual environment finds its libraries, and no others."""

import os
from pathlib import Path

import pytest

from tools.venv_hook import enter, prepare

ROS = '/opt/ros/jazzy'
SOURCED = {
    'AMENT_PREFIX_PATH': ROS,
    'LD_LIBRARY_PATH': f'{ROS}/lib:/usr/local/cuda/lib64',
    'PYTHONPATH': f'{ROS}/lib/python3.12/site-packages:/home/me/lib',
    'ROS_DISTRO': 'jazzy',
}


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    """A virtual environment with one wheel that carries libraries."""
    (tmp_path / 'lib/python3.11/site-packages/ros_rclpy.libs').mkdir(parents=True)
    return str(tmp_path)


def test_wheels_leave_a_sourced_installation_but_nothing_else(prefix: str) -> None:
    """Its libraries have the same names; those of CUDA and of the user stay."""
    environ = dict(SOURCED)
    assert prepare(environ, prefix, '/checkout', sourced=False)
    assert environ['AMENT_PREFIX_PATH'] == prefix
    assert environ['LD_LIBRARY_PATH'].split(':') == [
        f'{prefix}/lib',
        f'{prefix}/lib/python3.11/site-packages/ros_rclpy.libs',
        '/usr/local/cuda/lib64',
    ]
    assert environ['PYTHONPATH'] == '/home/me/lib'
    assert 'ROS_DISTRO' not in environ


def test_sourced_installation_comes_before_our_interfaces(prefix: str) -> None:
    """So does a workspace that colcon built from newer sources of them."""
    environ = dict(SOURCED)
    assert prepare(environ, prefix, '/checkout', sourced=True)
    assert environ['AMENT_PREFIX_PATH'] == f'{ROS}:{prefix}'
    assert environ['LD_LIBRARY_PATH'].startswith(f'{SOURCED["LD_LIBRARY_PATH"]}:{prefix}/lib')
    assert environ['PYTHONPATH'] == SOURCED['PYTHONPATH']


@pytest.mark.parametrize('sourced', [False, True])
def test_process_starts_again_only_once(prefix: str, sourced: bool) -> None:
    """The second time, and in its children, everything is in place."""
    environ = dict(SOURCED)
    prepare(environ, prefix, '/checkout', sourced)
    before = dict(environ)
    assert not prepare(environ, prefix, '/checkout', sourced)
    assert environ == before


def test_process_of_another_virtual_environment_does_not_confuse_ours(prefix: str) -> None:
    """Both variables are inherited; the marker must not keep us from our libraries."""
    environ = {'_ROS_WHEELS_BOOTSTRAP_COMPLETE': '1', 'LD_LIBRARY_PATH': '/other/.venv/lib'}
    assert prepare(environ, prefix, '/checkout', sourced=False)
    assert environ['LD_LIBRARY_PATH'].startswith(f'{prefix}/lib:')


def test_logs_and_caches_stay_in_the_checkout_unless_told_otherwise(prefix: str) -> None:
    """What the user has set counts more."""
    environ = {'ROS_LOG_DIR': '/var/log/ros'}
    prepare(environ, prefix, '/checkout', sourced=False)
    assert environ['ROS_LOG_DIR'] == '/var/log/ros'
    assert environ['MPLCONFIGDIR'] == '/checkout/out/cache/matplotlib'


def test_python_that_loses_its_library_path_does_not_start_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The linker drops it for a Python that may take a real-time priority by its file."""
    started: list[str] = []
    monkeypatch.setattr(os, 'execv', lambda path, _: started.append(path))
    environ: dict[str, str] = {}
    monkeypatch.setattr(os, 'environ', environ)
    for _ in range(3):
        environ.pop('LD_LIBRARY_PATH', None)
        enter('/checkout', sourced=False)
    assert len(started) == 1
