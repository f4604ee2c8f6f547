# SPDX-License-Identifier: Apache-2.0
"""Ends an MCAP file that its writer could not end, at its last whole record."""

import struct
from pathlib import Path

MAGIC = b'\x89MCAP0\r\n'
_HEADER = struct.Struct('<BQ')
_FOOTER, _DATA_END = 0x02, 0x0F


def is_complete(path: Path) -> bool:
    """The file ends as MCAP files do."""
    with path.open('rb') as file:
        size = file.seek(0, 2)
        if size < 2 * len(MAGIC):
            return False
        file.seek(-len(MAGIC), 2)
        return file.read() == MAGIC


def complete(path: Path) -> None:
    """Cut off a torn last record and write the end of an MCAP file without index."""
    with path.open('r+b') as file:
        size = file.seek(0, 2)
        end = len(MAGIC)
        while end + _HEADER.size <= size:
            file.seek(end)
            _, length = _HEADER.unpack(file.read(_HEADER.size))
            if end + _HEADER.size + length > size:
                break
            end += _HEADER.size + length
        file.truncate(end)
        file.seek(end)
        file.write(_HEADER.pack(_DATA_END, 4) + bytes(4))
        file.write(_HEADER.pack(_FOOTER, 20) + bytes(20))
        file.write(MAGIC)
