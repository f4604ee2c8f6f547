# SPDX-License-Identifier: Apache-2.0
"""Refused chunks on disk: the newest ones, written by a thread that nobody has to wait for.

What cannot be written is lost and counted. The control path never waits for a disk, and never
hears of its troubles other than as words for a diagnostic.
"""

import re
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Full, Queue

from vla_contract.errors import VlaError
from vla_safety.rejected import Setup, to_text
from vla_safety.situation import Rejection

MOST_FILES = 50
_WAITING = 8
"""Rejections that wait for the disk; more are lost."""
_NAME = re.compile(r'\d{8}T\d{6}\.\d{6}Z_[A-Z_]+_\d+\.json')
_UNFINISHED = re.compile(rf'\.{_NAME.pattern}\.part')
_PATIENCE_S = 1.0


class RejectedChunks:
    """A folder that holds the newest refused chunks.

    Attributes:
        lost: Rejections that could not be kept.
        fault: Why the last one could not; empty where it could.
    """

    def __init__(self, folder: Path, setup: Setup, most: int = MOST_FILES) -> None:
        """Nothing is made on disk before the first chunk is refused.

        Args:
            folder: Where to.
            setup: Goes into every file.
            most: Files that stay; the oldest are removed.
        """
        self.lost = 0
        self.fault = ''
        self._folder, self._setup, self._most = folder, setup, most
        self._waiting: Queue[tuple[str, Rejection] | None] = Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name='rejected chunks', daemon=True)
        self._thread.start()

    def keep(self, rejection: Rejection) -> str:
        """Have a rejection written, soon.

        Returns:
            The name that its file will have; empty where it is lost.
        """
        now = datetime.now(UTC)
        number, reason = rejection.chunk.sequence, rejection.finding.reason
        name = f'{now:%Y%m%dT%H%M%S.%f}Z_{reason}_{number}.json'
        try:
            self._waiting.put_nowait((name, rejection))
        except Full:
            self._lose(f'{_WAITING} refused chunks already wait for the disk of {self._folder}')
            return ''
        return name

    def flush(self) -> None:
        """Return once nothing waits any more, or after a moment."""
        waiting = self._waiting
        with waiting.all_tasks_done:
            waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, _PATIENCE_S)

    def close(self) -> None:
        """Write what still waits, as long as that takes no longer than a moment, and end."""
        with suppress(Full):
            self._waiting.put(None, timeout=_PATIENCE_S)
        self._thread.join(_PATIENCE_S)

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            name, rejection = item
            try:
                self._write(name, to_text(self._setup, rejection))
            except (VlaError, OSError, ValueError) as error:
                self._lose(f'a refused chunk was not kept: {error}')
            else:
                self.fault = ''
            self._waiting.task_done()

    def _write(self, name: str, text: str) -> None:
        """Under another name until it is whole: who lists the folder finds no half of a file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path, unfinished = self._folder / name, self._folder / f'.{name}.part'
        try:
            unfinished.write_text(text, encoding='utf-8')
            unfinished.replace(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        for old in (*kept_in(self._folder)[: -self._most], *_left_behind(self._folder)):
            old.unlink(missing_ok=True)

    def _lose(self, why: str) -> None:
        self.lost += 1
        self.fault = why


def _left_behind(folder: Path) -> list[Path]:
    """What a node that was killed did not finish."""
    unfinished = (path for path in folder.iterdir() if _UNFINISHED.fullmatch(path.name))
    before = datetime.now(UTC).timestamp() - _PATIENCE_S * 60
    return [path for path in unfinished if path.stat().st_mtime < before]


def kept_in(folder: Path) -> list[Path]:
    """Files of refused chunks, the oldest first. Whatever else lies there is none of them."""
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
