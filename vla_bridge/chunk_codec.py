# SPDX-License-Identifier: Apache-2.0
"""ActionChunk message ⇄ vla_contract.action.ActionChunk.

Decoding checks the form only, so that every chunk can be read as rows and columns. Whether the
numbers are finite, in time and safe is for the safety node to say.
"""

import array
from collections import Counter

import numpy as np
from builtin_interfaces.msg import Time
from vla_control.msg import ActionChunk as ActionChunkMessage

from vla_bridge.codecs.stamp import stamp_ns
from vla_contract.action import ActionChunk, ActionSpace
from vla_contract.errors import VlaError

_NS = 1_000_000_000
_LATEST_NS = 2**31 * _NS - 1
_LAST_SEQUENCE = 2**64 - 1


def encode(chunk: ActionChunk) -> ActionChunkMessage:
    """A chunk as the message for ``action_chunk``, or an error if no message can carry it."""
    if chunk.values.ndim != 2 or chunk.values.shape[1] != len(chunk.columns):
        raise VlaError(
            f'chunk {chunk.sequence}: values have the shape {chunk.values.shape}, '
            f'expected rows x {len(chunk.columns)} columns ({", ".join(chunk.columns)})'
        )
    if not 0 <= chunk.sequence <= _LAST_SEQUENCE:
        raise VlaError(f'chunk {chunk.sequence}: sequence must be in 0 to {_LAST_SEQUENCE}')
    message = ActionChunkMessage(
        session=chunk.session,
        sequence=chunk.sequence,
        task_id=chunk.task_id,
        space=str(chunk.space),
        columns=list(chunk.columns),
        units=list(chunk.units),
        start=_time(chunk.start_ns, chunk, 'start'),
        step=float(chunk.step_s),
        values=array.array('d', np.ascontiguousarray(chunk.values, np.float64).tobytes()),
    )
    message.header.stamp = _time(chunk.observation_stamp_ns, chunk, 'observation stamp')
    message.header.frame_id = chunk.frame
    return message


def decode(message: ActionChunkMessage) -> ActionChunk:
    """A message as a chunk, or an error that names what in its form is wrong."""
    where = f'chunk {message.sequence} of session {message.session!r}'
    columns = tuple(message.columns)
    values = np.array(message.values, dtype=np.float64)
    _check_form(where, columns, len(message.units), len(values))
    return ActionChunk(
        session=message.session,
        sequence=int(message.sequence),
        task_id=message.task_id,
        observation_stamp_ns=stamp_ns(message.header.stamp, f'{where}: header'),
        start_ns=stamp_ns(message.start, f'{where}: start'),
        step_s=float(message.step),
        space=_space(message.space, where),
        columns=columns,
        units=tuple(message.units),
        frame=message.header.frame_id,
        values=values.reshape(-1, len(columns)),
    )


def _check_form(where: str, columns: tuple[str, ...], units: int, values: int) -> None:
    if not columns:
        raise VlaError(f'{where}: has no columns')
    repeated = sorted(name for name, count in Counter(columns).items() if count > 1)
    if repeated:
        raise VlaError(f'{where}: columns repeat {", ".join(repeated)}')
    if units != len(columns):
        raise VlaError(f'{where}: has {units} units for {len(columns)} columns')
    if values % len(columns):
        raise VlaError(
            f'{where}: has {values} values, which {len(columns)} columns do not divide evenly'
        )


def _space(name: str, where: str) -> ActionSpace:
    try:
        return ActionSpace(name)
    except ValueError as error:
        known = ', '.join(ActionSpace)
        raise VlaError(f'{where}: space is {name!r}, expected one of {known}') from error


def _time(stamp: int, chunk: ActionChunk, what: str) -> Time:
    if not 0 <= stamp <= _LATEST_NS:
        raise VlaError(
            f'chunk {chunk.sequence}: {what} is {stamp} ns, which a ROS time cannot carry '
            f'(0 to {_LATEST_NS})'
        )
    seconds, rest = divmod(stamp, _NS)
    return Time(sec=seconds, nanosec=rest)
