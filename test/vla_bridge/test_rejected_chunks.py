# SPDX-License-Identifier: Apache-2.0
"""Refused chunks on disk: to the last bit, the newest only, and nobody waits for them."""

import math
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla_bridge import rejected_chunks
from vla_bridge.rejected_chunks import RejectedChunks, kept_in
from vla_contract.action import ActionChunk, ActionSpace
from vla_contract.deployment import load_robot
from vla_safety.avoidance import Seen
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    CylinderShape,
    PlaneShape,
    Pose,
    SceneObject,
    SphereShape,
    VoxelShape,
)
from vla_safety.collision.swept import OtherMotion
from vla_safety.measured import Instant, JointReading, Readings
from vla_safety.mode import Mode
from vla_safety.motion import Motion
from vla_safety.other_arm import OtherSeen
from vla_safety.plan import Pursuit
from vla_safety.provenance import Accepted
from vla_safety.reasons import Finding, Reason
from vla_safety.rejected import Setup, from_text, read_rejected, to_text
from vla_safety.situation import Rejection, Situation, Stage
from vla_safety.tool_speed import People

ROBOT = Path(__file__).resolve().parents[2] / 'config' / 'robots' / 'sim_ur5e.yaml'
SETUP = Setup(
    'sim',
    load_robot(ROBOT),
    ROBOT,
    ROBOT,
    None,
    (),
    {},
    0.02,
    {'policy_node': Reason.POLICY_SILENT},
)

anything = st.floats(width=64)  # NaN, infinities, -0 and denormal numbers among them
times = st.integers(-(2**62), 2**62)
names = st.text(st.characters(exclude_categories=['Cs']), min_size=1).filter(str.strip)
finding = st.builds(Finding, st.sampled_from(Reason), st.text(), st.none() | times)
small = st.floats(-100, 100)
size = st.floats(1e-3, 10)
poses = st.builds(Pose, st.tuples(small, small, small))
shapes = st.one_of(
    st.builds(BoxShape, st.tuples(size, size, size)),
    st.builds(SphereShape, size),
    st.builds(CylinderShape, size, size),
    st.builds(VoxelShape, size, st.tuples(st.tuples(*[st.integers(-90, 90)] * 3))),
)
links = st.frozensets(names, max_size=2)
things = st.builds(SceneObject, names, shapes | st.just(PlaneShape()), poses, links)
carried = st.builds(
    AttachedObject, names, shapes.filter(lambda s: not isinstance(s, VoxelShape)), names, poses
)


@st.composite
def motions(draw: st.DrawFn) -> Motion:
    """Knots with any numbers at all."""
    knots = draw(st.integers(1, 4))
    stamps = np.array(draw(st.lists(times, min_size=knots, max_size=knots)), dtype=np.int64)
    return Motion(stamps, *(draw(arrays(np.float64, (knots, 6), elements=anything)) for _ in 'qva'))


seen_arms = st.builds(
    OtherSeen,
    motion=st.none() | st.builds(OtherMotion, motions()),
    place=st.none() | poses,
    plan_ns=st.none() | times,
    q=st.none() | arrays(np.float64, 6, elements=anything),
    q_ns=st.none() | times,
    turn_ns=st.none() | times,
    echoed=st.booleans(),
)
situations = st.builds(
    Situation,
    now=st.builds(Instant, times, times),
    mode=st.sampled_from(Mode),
    task_id=st.none() | st.text(),
    pursuit=st.none() | st.builds(Pursuit, motions(), st.none() | motions(), times, times),
    accepted=st.builds(Accepted, names, times, st.tuples(names, names), times),
    readings=st.builds(
        Readings,
        st.dictionaries(names, st.builds(JointReading, anything, anything, times, times)),
        st.none() | finding,
        times,
        anything,
    ),
    heard_ns=st.dictionaries(names, times, max_size=3),
    people=st.builds(People, st.booleans(), anything, st.none() | times),
    seen=st.none()
    | st.builds(
        Seen,
        st.dictionaries(names, st.tuples(things, things), max_size=2),
        st.dictionaries(names, times, max_size=2),
        st.tuples(carried),
        st.dictionaries(names, finding, max_size=2),
        st.tuples(anything, anything),
        st.dictionaries(names, seen_arms, max_size=1),
    ),
    nearness=anything,
)
chunks = st.builds(
    ActionChunk,
    session=st.text(),
    sequence=st.integers(0, 2**64 - 1),
    task_id=st.text(),
    observation_stamp_ns=times,
    start_ns=times,
    step_s=anything,
    space=st.sampled_from(ActionSpace),
    columns=st.tuples(names, names),
    units=st.tuples(st.text()),
    frame=st.text(),
    values=arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(0, 5)), elements=anything),
)
rejections = st.builds(
    Rejection, chunks, st.sampled_from(Stage), situations, st.none() | situations, finding
)


@settings(max_examples=100)
@given(rejections)
def test_whatever_was_refused_comes_back_to_the_last_bit(rejection: Rejection) -> None:
    """NaN, infinities, -0, denormal numbers, empty arrays, and any text."""
    back = from_text(to_text(SETUP, rejection), 'file')
    assert back.setup == SETUP
    assert alike(back.rejection, rejection)


def alike(one: Any, other: Any) -> bool:  # noqa: ANN401 - whatever a rejection holds
    """The same, bit by bit; NaN is like NaN."""
    if isinstance(one, np.ndarray):
        pairs = zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
        form = one.shape == other.shape and one.dtype == other.dtype
        return bool(form) and all(alike(a, b) for a, b in pairs)
    if isinstance(one, float):
        both = math.isnan(one) and math.isnan(other)
        return both or (one == other and math.copysign(1, one) == math.copysign(1, other))
    if isinstance(one, tuple):
        pairs = zip(one, other, strict=True)
        return len(one) == len(other) and all(alike(a, b) for a, b in pairs)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if hasattr(one, '__dataclass_fields__'):
        fields = one.__dataclass_fields__
        return type(one) is type(other) and all(
            alike(getattr(one, name), getattr(other, name)) for name in fields
        )
    return bool(one == other)


def a_rejection(sequence: int = 1, rows: int = 3) -> Rejection:
    """Some chunk that was refused in some situation."""
    still = Motion.still(1, np.zeros(6))
    situation = Situation(
        now=Instant(1, 2),
        mode=Mode.ARMED,
        task_id='task',
        pursuit=Pursuit(still, None, 1, 1),
        accepted=Accepted(),
        readings=Readings({}, None, 0, math.nan),
        heard_ns={},
        people=People(False, math.nan, None),
        seen=None,
        nearness=1.0,
    )
    chunk = ActionChunk(
        session='session',
        sequence=sequence,
        task_id='task',
        observation_stamp_ns=1,
        start_ns=1,
        step_s=0.05,
        space=ActionSpace.JOINT_POSITION,
        columns=('a',) * 6,
        units=('rad',) * 6,
        frame='base',
        values=np.zeros((rows, 6)),
    )
    return Rejection(chunk, Stage.CHUNK, situation, None, Finding(Reason.SEAM_JUMP, 'a jump'))


def test_only_the_newest_stay(tmp_path: Path) -> None:
    """And nothing that is not ours is touched."""
    note = tmp_path / 'notes.json'
    note.write_text('mine')
    ring = RejectedChunks(tmp_path, SETUP, most=3)
    kept_names = []
    for number in range(1, 7):
        kept_names.append(ring.keep(a_rejection(number)))
        ring.flush()
    ring.close()
    assert [path.name for path in kept_in(tmp_path)] == kept_names[-3:]
    assert read_rejected(kept_in(tmp_path)[-1]).rejection.chunk.sequence == 6
    assert note.read_text() == 'mine'
    assert not list(tmp_path.glob('.*'))


def test_what_a_killed_node_left_unfinished_is_removed(tmp_path: Path) -> None:
    """The next node tidies up, once nobody can be writing it any more."""
    ring = RejectedChunks(tmp_path, SETUP)
    name = ring.keep(a_rejection())
    ring.flush()
    left = tmp_path / f'.{name}.part'
    left.write_text('{')
    os.utime(left, (1, 1))
    ring.keep(a_rejection(2))
    ring.close()
    assert not left.exists()
    assert len(kept_in(tmp_path)) == 2


def test_a_slow_disk_loses_refusals_and_delays_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is bounded; what does not fit is counted and said."""
    disk = threading.Event()

    def slow(setup: Setup, rejection: Rejection) -> str:
        disk.wait(10)
        return to_text(setup, rejection)

    monkeypatch.setattr(rejected_chunks, 'to_text', slow)
    ring = RejectedChunks(tmp_path, SETUP)
    said = [ring.keep(a_rejection(number)) for number in range(1, 31)]
    assert '' in said
    assert ring.lost == said.count('') >= 20
    assert 'wait for the disk' in ring.fault
    disk.set()
    ring.close()
    assert len(kept_in(tmp_path)) == 30 - ring.lost


def test_a_disk_that_refuses_is_words_and_no_exception(tmp_path: Path) -> None:
    """A file stands where the folder should be; later the disk is all right again."""
    folder = tmp_path / 'rejected'
    folder.write_text('in the way')
    ring = RejectedChunks(folder, SETUP)
    assert ring.keep(a_rejection())
    ring.flush()
    assert ring.lost == 1
    assert str(folder) in ring.fault
    folder.unlink()
    ring.keep(a_rejection(2))
    ring.flush()
    ring.close()
    assert not ring.fault
    assert len(kept_in(folder)) == 1


def test_a_chunk_without_bounds_does_not_fill_the_disk(tmp_path: Path) -> None:
    """Of a million rows, as many are kept as refuse it; of endless rows, none are."""
    ring = RejectedChunks(tmp_path, SETUP)
    ring.keep(a_rejection(1, rows=1_000_000))
    endless = a_rejection(2)
    wide = replace(endless.chunk, values=np.zeros((2, 300_000)))
    ring.keep(replace(endless, chunk=wide))
    ring.flush()
    ring.close()
    kept = kept_in(tmp_path)
    assert len(kept) == 1
    assert kept[0].stat().st_size < 1_000_000
    assert 'at most' in ring.fault
