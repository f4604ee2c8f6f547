# SPDX-License-Identifier: Apache-2.0
"""Outcomes on disk, one a line: what is there already is not run again."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vla_bridge.evaluation.latency import Latency
from vla_bridge.evaluation.outcome import Outcome
from vla_contract.errors import VlaError

_RECIPE, _LATENCY, _OUTCOME = 'recipe', 'latency', 'outcome'


class Results:
    """The outcomes of one suite.

    Lines of other recipes stay in the file and do not count.
    """

    def __init__(self, path: Path, recipe: str, latency: Latency) -> None:
        """Read what is there.

        Args:
            path: File of lines of JSON; need not be there.
            recipe: Key of what outcomes depend on.
            latency: Written beside it, for who wants to go on.

        Raises:
            VlaError: The file is something else.
        """
        self._path, self._recipe, self._latency = path, recipe, latency
        self.known: dict[int, Outcome] = {}
        for found in _lines(path):
            if found[_RECIPE] == recipe:
                outcome = Outcome.of(found[_OUTCOME])
                self.known[outcome.number] = outcome

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome; a line is written at once and whole."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(
            {
                _RECIPE: self._recipe,
                _LATENCY: asdict(self._latency),
                _OUTCOME: outcome.plain(),
            }
        )
        with self._path.open('a', encoding='utf-8') as file:
            file.write(line + '\n')
        self.known[outcome.number] = outcome


def latencies(path: Path) -> tuple[tuple[str, Latency], ...]:
    """Recipes and latencies that earlier outcomes were made with, the newest first."""
    found = [(str(line[_RECIPE]), Latency(**line[_LATENCY])) for line in _lines(path)]
    return tuple(dict.fromkeys(reversed(found)))


def _lines(path: Path) -> list[dict[str, Any]]:
    """What a file holds; a last line that was cut off is not there."""
    if not path.exists():
        return []
    found = []
    text = path.read_text(encoding='utf-8')
    whole = text.split('\n')[:-1]
    for number, line in enumerate(whole, start=1):
        try:
            read = json.loads(line)
            known = {_RECIPE, _LATENCY, _OUTCOME} <= read.keys()
        except (ValueError, AttributeError):
            known = False
        if not known:
            raise VlaError(
                f'{path}:{number} is no outcome of an episode; move the file away, or give another '
                'folder (--out)'
            )
        found.append(read)
    if not text.endswith('\n') and text:
        path.write_text(text[: text.rfind('\n') + 1], encoding='utf-8')
    return found
