# SPDX-License-Identifier: Apache-2.0
"""Writes one episode as a rosbag2 folder. Knows messages only as bytes, and nothing of nodes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError
from rosbags.rosbag2.storage_mcap import McapWriter

from vla_bridge.recording.definitions import learn, typestore
from vla_contract.errors import VlaError

INSTRUCTION, ROBOT, POLICY, NAMESPACE = 'instruction', 'robot', 'policy', 'namespace'
"""Keys of the bag's metadata: the instruction, the contract as JSON, the nodes' namespace."""


class EpisodeWriter:
    """One bag, open until closed. What was checkpointed survives the death of the process."""

    def __init__(self, folder: Path, metadata: Mapping[str, str]) -> None:
        """Create the bag's folder.

        Args:
            folder: Must not exist yet.
            metadata: Kept in the bag.
        """
        self.folder = folder
        self.bytes = 0
        self._counts: dict[str, int] = {}
        self._store = typestore()
        self._connections: dict[str, Connection] = {}
        try:
            self._writer = self._open(metadata)
        except (OSError, WriterError) as error:
            raise VlaError(f'{folder} cannot be made: {error}') from error

    @property
    def messages(self) -> int:
        """Messages written."""
        return sum(self._counts.values())

    def count(self, topic: str) -> int:
        """Messages of one topic written."""
        return self._counts.get(topic, 0)

    def add_topic(self, topic: str, type_name: str, offers: Sequence[Qos]) -> None:
        """Begin to keep a topic, with the definition of its type."""
        learn(self._store, type_name)
        self._connections[topic] = self._writer.add_connection(
            topic, type_name, typestore=self._store, offered_qos_profiles=offers
        )

    def write(self, topic: str, stamp_ns: int, message: bytes) -> None:
        """Keep one serialised message, received at ``stamp_ns``."""
        self._writer.write(self._connections[topic], stamp_ns, message)
        self._counts[topic] = self._counts.get(topic, 0) + 1
        self.bytes += len(message)

    def checkpoint(self) -> None:
        """Hand everything so far to the operating system as whole, readable chunks."""
        storage = self._writer.storage
        if isinstance(storage, McapWriter) and storage.chunk.msgs:
            storage.close_chunk()
            storage.bio.flush()

    def close(self) -> None:
        """Write index and metadata."""
        self._writer.close()

    def _open(self, metadata: Mapping[str, str]) -> Writer:
        writer = Writer(
            self.folder, version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin.MCAP
        )
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        for key, value in metadata.items():
            writer.set_custom_data(key, value)
        writer.open()
        return writer
