# SPDX-License-Identifier: Apache-2.0
"""What can be chosen when a graph starts: launch arguments and options of `vla` are made of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from vla_contract.errors import VlaError

_TRUTH = {'true': True, '1': True, 'yes': True, 'false': False, '0': False, 'no': False}
EXAMPLE = 'put the red cube in the blue bowl'
"""What guides and help texts send first."""
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
_NAMESPACE = re.compile(r'(/?[A-Za-z_][A-Za-z0-9_]*)*/?')

Choice = TypeVar('Choice', bool, int, str)


def _option(default: Choice, description: str, only: str = '') -> Choice:
    return field(default=default, metadata={'description': description, 'only': only})


@dataclass(frozen=True)
class GraphOptions:
    """One choice for a whole graph; each field carries its own description."""

    deployment: str = _option(
        '', 'Deployment: a file, or a name under config/; simulated: sim if none.'
    )
    robot: str = _option('', 'Robot, with policy instead of a deployment: a file, or a name.')
    policy: str = _option('', 'Policy, with robot instead of a deployment: a file, or a name.')
    namespace: str = _option('', 'Namespace of every node; two arms are two namespaces.')
    use_sim_time: bool = _option(False, 'Take the time from /clock.')
    params_file: str = _option('', 'ROS parameter file, laid over the parameters of every node.')
    log_level: str = _option('info', 'debug, info, warn, error or fatal.')
    autostart: bool = _option(True, 'Configure and activate every node at start.')
    record: bool = _option(False, 'Start the recorder too; record_episode starts an episode.')
    record_folder: str = _option('out/episodes', 'Folder that episodes are written to.')
    rviz: bool = _option(False, 'Open RViz, where it is installed.')
    seed: int = _option(0, 'Seed of the simulated scene.', only='simulation')
    instruction: str = _option(
        EXAMPLE, 'Lay the scene out so that this can be done.', only='simulation'
    )

    def __post_init__(self) -> None:
        """Refuse what ROS would refuse, before anything starts."""
        check_namespace(self.namespace)
        if self.log_level.lower() not in LOG_LEVELS:
            known = ', '.join(LOG_LEVELS)
            raise VlaError(f'log_level {self.log_level!r} must be one of {known}')

    @classmethod
    def from_text(cls, given: Mapping[str, str]) -> 'GraphOptions':
        """Read launch arguments, which are text."""
        named = [option for option in options() if option.name in given]
        values: dict[str, Any] = {option.name: option.parse(given[option.name]) for option in named}
        return cls(**values)


@dataclass(frozen=True)
class Option:
    """One field of GraphOptions, for help texts.

    Attributes:
        name: Of the field.
        default: Its value when nothing is said.
        description: For people.
        only: Kind of graph it belongs to; empty for all.
    """

    name: str
    default: bool | int | str
    description: str
    only: str

    def parse(self, text: str) -> bool | int | str:
        """Read a value of this option's type, or say what it should have been."""
        if isinstance(self.default, bool):
            if text.lower() not in _TRUTH:
                raise VlaError(f'{self.name}:={text} must be true or false')
            return _TRUTH[text.lower()]
        if isinstance(self.default, int):
            try:
                return int(text)
            except ValueError as error:
                raise VlaError(f'{self.name}:={text} must be a whole number') from error
        return text


def check_namespace(namespace: str) -> None:
    """Raise unless ROS takes this as a namespace."""
    if not _NAMESPACE.fullmatch(namespace):
        raise VlaError(
            f'namespace {namespace!r} must be made of letters, digits and _, no part beginning '
            'with a digit, like left or /cell/left'
        )


def options(kind: str = '') -> Iterator[Option]:
    """Options of every graph, and of one kind of graph (all kinds when empty)."""
    for entry in fields(GraphOptions):
        only = entry.metadata['only']
        if not kind or not only or only == kind:
            default: Any = entry.default
            yield Option(entry.name, default, entry.metadata['description'], only)
