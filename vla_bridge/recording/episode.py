# SPDX-License-Identifier: Apache-2.0
"""Reads an episode back, also one whose recorder was killed."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from rosbags.highlevel import AnyReader, AnyReaderError

from vla_bridge.recording.repair import complete, is_complete
from vla_bridge.recording.writer import NAMESPACE
from vla_contract.errors import VlaError

METADATA = 'metadata.yaml'


class Episode:
    """An open bag; use it in a ``with`` statement."""

    def __init__(self, folder: Path) -> None:
        """Find the bag. A bag that was never ended is ended here."""
        self.folder = folder
        self.metadata: dict[str, str] = {}
        source = folder
        if not (folder / METADATA).is_file():
            source = self._rescued()
        else:
            text = (folder / METADATA).read_text(encoding='utf-8')
            information = yaml.safe_load(text)['rosbag2_bagfile_information']
            self.metadata = information.get('custom_data') or {}
        self._reader = AnyReader([source])

    def __enter__(self) -> 'Episode':
        """Open the bag."""
        try:
            self._reader.open()
        except AnyReaderError as error:
            raise VlaError(f'{self.folder} cannot be read: {error}') from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the bag."""
        self._reader.close()

    @property
    def topics(self) -> dict[str, int]:
        """Messages by topic."""
        return {connection.topic: connection.msgcount for connection in self._reader.connections}

    @property
    def span_ns(self) -> tuple[int, int]:
        """Time of the first and of the last message."""
        return self._reader.start_time, self._reader.end_time

    def messages(self, *names: str) -> Iterator[tuple[str, int, Any]]:
        """Messages of some topics in order: name as given, time received [ns], message."""
        given = {self.resolve(name): name for name in names}
        chosen = [each for each in self._reader.connections if each.topic in given]
        if not chosen:
            return
        for connection, stamp_ns, raw in self._reader.messages(connections=chosen):
            message = self._reader.deserialize(raw, connection.msgtype)
            yield given[connection.topic], stamp_ns, message

    def resolve(self, name: str) -> str:
        """The full name of a topic that nodes name relative to their namespace."""
        if name.startswith('/'):
            return name
        return f'{self.metadata.get(NAMESPACE, "/").rstrip("/")}/{name}'

    def _rescued(self) -> Path:
        files = sorted(self.folder.glob('*.mcap'))
        if not files:
            raise VlaError(f'{self.folder} is not an episode: it has neither {METADATA} nor *.mcap')
        if not is_complete(files[0]):
            complete(files[0])
        return files[0]
