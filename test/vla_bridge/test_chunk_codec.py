# SPDX-License-Identifier: Apache-2.0
"""Chunks survive the wire unchanged, and malformed messages are refused in words."""

import array
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rclpy.serialization import deserialize_message, serialize_message
from vla_control.msg import ActionChunk as ActionChunkMessage

from vla_bridge.chunk_codec import decode, encode
from vla_contract.action import ActionChunk, ActionSpace
from vla_contract.errors import VlaError

CHUNK = ActionChunk(
    session='s',
    sequence=3,
    task_id='t',
    observation_stamp_ns=1_500_000_000,
    start_ns=2_000_000_001,
    step_s=0.05,
    space=ActionSpace.JOINT_POSITION,
    columns=('a', 'gripper'),
    units=('rad', '1'),
    frame='base_link',
    values=np.array([[0.1, 1.0], [0.2, 0.0]]),
)


def message() -> ActionChunkMessage:
    """A well-formed message to spoil."""
    return encode(CHUNK)


def test_a_chunk_survives_the_wire() -> None:
    """Every field comes back as it was."""
    back = decode(deserialize_message(serialize_message(message()), ActionChunkMessage))
    assert replace(back, values=CHUNK.values) == CHUNK
    np.testing.assert_array_equal(back.values, CHUNK.values)


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(0, 5), st.just(2))),
    st.integers(0, 2**31 * 10**9 - 1),
)
def test_any_numbers_survive(values: np.ndarray, stamp: int) -> None:
    """NaN and infinities pass: refusing them is for the safety node."""
    back = decode(encode(replace(CHUNK, values=values, start_ns=stamp)))
    np.testing.assert_array_equal(back.values, values)
    assert back.start_ns == stamp


def test_a_decoded_chunk_owns_its_values() -> None:
    """Changing the message afterwards does not change the chunk."""
    wire = message()
    back = decode(wire)
    wire.values[0] = 99.0
    assert back.values[0, 0] == 0.1


@pytest.mark.parametrize(
    ('field', 'value', 'words'),
    [
        ('space', 'joints', "space is 'joints', expected one of joint_position"),
        ('columns', [], 'has no columns'),
        ('columns', ['a', 'a'], 'columns repeat a'),
        ('units', ['rad'], 'has 1 units for 2 columns'),
        ('values', array.array('d', [1.0, 2.0, 3.0]), 'has 3 values, which 2 columns'),
    ],
)
def test_a_malformed_message_is_refused_in_words(field: str, value: object, words: str) -> None:
    """The error names the chunk and the values."""
    wire = message()
    setattr(wire, field, value)
    with pytest.raises(VlaError, match=words) as error:
        decode(wire)
    assert "chunk 3 of session 's'" in str(error.value)


@pytest.mark.parametrize(('seconds', 'nanoseconds'), [(-1, 0), (0, 10**9)])
def test_an_impossible_stamp_is_refused(seconds: int, nanoseconds: int) -> None:
    """Times before zero and nanoseconds beyond a second are no times."""
    wire = message()
    wire.start.sec, wire.start.nanosec = seconds, nanoseconds
    with pytest.raises(VlaError, match=f'start: stamp has sec {seconds}'):
        decode(wire)


@pytest.mark.parametrize(
    'chunk',
    [
        replace(CHUNK, values=np.zeros((2, 3))),
        replace(CHUNK, values=np.zeros(2)),
        replace(CHUNK, start_ns=-1),
        replace(CHUNK, observation_stamp_ns=2**63),
        replace(CHUNK, sequence=-1),
    ],
)
def test_what_no_message_can_carry_is_refused(chunk: ActionChunk) -> None:
    """Encoding raises our error, never one of the message library."""
    with pytest.raises(VlaError, match=r'chunk -?\d'):
        encode(chunk)
