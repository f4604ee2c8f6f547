# SPDX-License-Identifier: Apache-2.0
"""The nodes' lines on a terminal: each with its node's name, in a colour of its own."""

import re
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

_COLOURS = ('cyan', 'green', 'magenta', 'yellow', 'blue', 'bright_cyan', 'bright_green')
_LEVEL = re.compile(r'^\[(DEBUG|INFO|WARN|ERROR|FATAL)\] \[([0-9.]+)\] \[[^]]*\]: ?')
_STYLES = {'DEBUG': 'dim', 'INFO': '', 'WARN': 'yellow', 'ERROR': 'red', 'FATAL': 'bold red'}
_QUIET = ('DEBUG', 'INFO')


@dataclass
class Lines:
    """Prints what nodes say.

    Attributes:
        console: Where to; colours appear where it has them.
        names: Of the nodes, so that all prefixes are equally wide.
        quiet: Leave out what is merely informative.
    """

    console: Console
    names: tuple[str, ...]
    quiet: bool = False

    def __call__(self, name: str, line: str) -> bool:
        """Print a line of a node, unless it is empty or merely informative; tell if it was."""
        found = _LEVEL.match(line)
        level = found[1] if found else ''
        if not line.strip() or (self.quiet and level in _QUIET):
            return False
        self.console.print(self._prefix(name) + self._text(line, level), soft_wrap=True)
        return True

    def _prefix(self, name: str) -> Text:
        width = max(map(len, self.names), default=0)
        known = self.names.index(name) if name in self.names else 0
        return Text(f'{name:<{width}} │ ', style=_COLOURS[known % len(_COLOURS)])

    def _text(self, line: str, level: str) -> Text:
        """The line without time and name, which the prefix and the log file have."""
        if not level:
            return Text(line)
        said = _LEVEL.sub('', line)
        mark = '' if level in _QUIET else f'{level} '
        return Text(mark + said, style=_STYLES[level])
