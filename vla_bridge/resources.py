# SPDX-License-Identifier: Apache-2.0
"""Where the suite's own files are: in the checkout, or in an installed ROS package."""

from pathlib import Path

from vla_contract.errors import VlaError

_CHECKOUT = Path(__file__).resolve().parent.parent


def share() -> Path:
    """Folder that holds config/, launch/ and urdf/."""
    if (_CHECKOUT / 'config').is_dir():
        return _CHECKOUT
    try:
        from ament_index_python.packages import get_package_share_directory

        return Path(get_package_share_directory('vla_control'))
    except (ImportError, LookupError) as error:  # no ROS, or not this package
        raise VlaError(
            f'config/ is neither beside {_CHECKOUT} nor in a ROS package vla_control; '
            'source the workspace that vla_control is installed in'
        ) from error


def config_file(name: str, kind: str = '') -> Path:
    """Find a configuration by path, or by its short name under config/.

    Args:
        name: ``path/to/file.yaml`` or a name such as ``ur5e``.
        kind: Folder below config/: ``robots``, ``policies``, or empty for deployments.
    """
    given = Path(name).expanduser()
    if given.is_file():
        return given.resolve()
    folder = share() / 'config' / kind
    shipped = folder / f'{name}.yaml'
    if shipped.is_file():
        return shipped
    known = ', '.join(sorted(path.stem for path in folder.glob('*.yaml'))) or 'none'
    if given.exists():
        raise VlaError(f'{name} is {_kind(given)}, not a file; names known there: {known}')
    raise VlaError(f'no file {name}, and no {shipped}; names known there: {known}')


def _kind(path: Path) -> str:
    """What is there instead of a file."""
    if path.is_dir():
        return 'a folder'
    return 'a pipe or socket' if path.is_fifo() or path.is_socket() else 'a device'
