# SPDX-License-Identifier: Apache-2.0
"""What the set-up decides to do: which ROS, what is out of date, what must be made anew."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tools import interfaces, links, wheels
from tools.checkout import Checkout, digest, sourced_ros
from tools.errors import SetupError


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with one message and an empty virtual environment that is up to date."""
    checkout = Checkout(tmp_path)
    for folder in ('msg', 'requirements', '.venv/.stamps'):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / 'msg/Task.msg').write_text('string id\n')
    (tmp_path / 'requirements/constraints.txt').write_text('numpy==2.4.6\nrich==15.0.0\n')
    for name in ('CMakeLists.txt', 'package.xml'):
        (tmp_path / name).touch()
    (tmp_path / '.venv/.stamps/venv').write_text(digest(checkout.identity))
    return checkout


@pytest.mark.parametrize(
    ('environ', 'imports', 'expected'),
    [
        ({}, True, ''),
        ({'ROS_DISTRO': 'jazzy'}, True, 'jazzy'),
        ({'ROS_DISTRO': 'humble'}, False, ''),
    ],
    ids=['nothing sourced', 'sourced', 'sourced for another Python'],
)
def test_sourced_ros_is_used_where_this_python_imports_it(
    environ: dict[str, str], imports: bool, expected: str
) -> None:
    """A ROS for another Python is as good as none."""
    assert sourced_ros(environ, lambda _: imports) == expected


def test_wheels_of_ros_are_for_machines_without_it() -> None:
    """They would shadow the sourced installation."""
    assert 'ros' in wheels.groups('')
    assert 'ros' not in wheels.groups('jazzy')


def test_step_is_done_once_until_its_inputs_change(checkout: Checkout) -> None:
    """The second run of make has nothing to do."""
    done: list[str] = []
    for inputs in ('a', 'a', 'b'):
        checkout.step('name', 'Title', inputs, partial(done.append, inputs))
    assert done == ['a', 'b']


def test_step_that_fails_is_done_again(checkout: Checkout) -> None:
    """A failure must not leave the stamp of an earlier success."""
    checkout.step('name', 'Title', 'a', lambda: None)
    with pytest.raises(SetupError):
        checkout.step('name', 'Title', 'b', fail)
    assert not checkout.is_current('name', 'a')
    assert not checkout.is_current('name', 'b')


def fail() -> None:
    """Do not succeed."""
    raise SetupError('as asked')


def test_interrupted_installation_is_made_anew(checkout: Checkout) -> None:
    """Nobody knows what pip had written when it was killed."""
    (checkout.venv / wheels.CHANGING).touch()
    wheels.discard_unusable(checkout)
    assert not checkout.venv.exists()


def test_virtual_environment_of_another_ros_is_made_anew(checkout: Checkout) -> None:
    """The same holds for one that was moved, or made by another Python."""
    wheels.discard_unusable(Checkout(checkout.root, 'jazzy'))
    assert not checkout.venv.exists()


def test_virtual_environment_that_fits_is_kept(checkout: Checkout) -> None:
    """Making it takes a minute."""
    wheels.discard_unusable(checkout)
    assert checkout.venv.exists()


@pytest.mark.parametrize(
    ('change', 'rebuilt'),
    [
        (lambda root: (root / 'msg/Task.msg').write_text('string name\n'), True),
        (lambda root: (root / 'msg/New.msg').touch(), True),
        (lambda root: pin(root, 'numpy==2.5.0\nrich==15.0.0\n'), True),
        (lambda root: pin(root, 'numpy==2.4.6\nrich==16.0.0\n'), False),
    ],
    ids=['message', 'new message', 'numpy', 'other package'],
)
def test_interfaces_are_built_again_when_what_they_depend_on_changes(
    checkout: Checkout, change: Callable[[Path], object], rebuilt: bool
) -> None:
    """Definitions and the toolchain count, other packages do not."""
    before = interfaces.inputs(checkout, checkout.root)
    change(checkout.root)
    assert (interfaces.inputs(checkout, checkout.root) != before) is rebuilt


def pin(root: Path, text: str) -> None:
    """Write the locked versions."""
    (root / 'requirements/constraints.txt').write_text(text)


def test_nothing_of_an_earlier_build_stays(tmp_path: Path) -> None:
    """A message that was deleted can no longer be imported."""
    installed = tmp_path / '_old_message.py'
    installed.touch()
    build = tmp_path / 'build'
    build.mkdir()
    (build / 'install_manifest.txt').write_text(f'{installed}\n{tmp_path}/gone.py')
    interfaces.remove_earlier(build)
    assert not installed.exists()
    assert not build.exists()


def test_include_folders_of_the_builder_become_ours(checkout: Checkout) -> None:
    """CMake refuses folders that do not exist here."""
    numpy = checkout.venv / 'lib/python3.11/site-packages/numpy/_core/include'
    numpy.mkdir(parents=True)
    cmake = checkout.venv / 'share/std_msgs/cmake/export.cmake'
    cmake.parent.mkdir(parents=True)
    builder = '/opt/python/cp311-cp311'
    cmake.write_text(
        f'"{builder}/include/python3.11;'
        f'{builder}/lib/python3.11/site-packages/numpy/_core/include;${{prefix}}/include"'
    )
    wheels.rewrite_include_paths(checkout.venv)
    assert builder not in cmake.read_text()
    assert cmake.read_text().endswith(f';{numpy};${{prefix}}/include"')


def test_failure_shows_the_end_of_the_log_and_where_it_is(checkout: Checkout) -> None:
    """Nobody should have to guess why a download or a compiler gave up."""
    script = 'print("\\n".join(map(str, range(100)))); raise SystemExit(3)'
    with pytest.raises(SetupError, match=r'(?s)ended with 3.* 99\n.*setup-name\.log') as caught:
        checkout.run('name', sys.executable, '-c', script)
    assert '| 50' not in str(caught.value)


def test_commands_come_from_setup_cfg(tmp_path: Path) -> None:
    """The one list of entry points, for pip, colcon and the checkout."""
    (tmp_path / 'setup.cfg').write_text(
        '[options.entry_points]\nconsole_scripts =\n    vla = a.b:main\n    sim_node = c:run\n'
    )
    found = links.entry_points(tmp_path / 'setup.cfg')
    assert found == {'vla': 'a.b:main', 'sim_node': 'c:run'}


@pytest.mark.parametrize('folder', ['/home/me', '/home/m e', '/' + 'x' * 200])
def test_script_starts_whatever_the_path(folder: str) -> None:
    """The kernel takes neither blanks nor long paths in a first line."""
    first = links.shebang(Path(folder, 'python')).splitlines()[0]
    assert first == ('#!/home/me/python' if folder == '/home/me' else '#!/bin/sh')


def test_a_process_that_a_command_starts_does_not_run_the_command_again(checkout: Checkout) -> None:
    """Python's multiprocessing imports the script that it was started from."""
    (checkout.venv / 'bin').mkdir()
    links.write_command(checkout, 'vla', 'no_such_module:main')
    script = (checkout.venv / 'bin' / 'vla').read_text().replace('no_such_module', 'sys')
    script = script.replace('import main', 'import exit as main')
    exec(compile(script, 'vla', 'exec'), {'__name__': '__mp_main__'})  # noqa: S102 (our own text)
    with pytest.raises(SystemExit):
        exec(compile(script, 'vla', 'exec'), {'__name__': '__main__'})  # noqa: S102
