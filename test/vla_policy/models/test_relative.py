# SPDX-License-Identifier: Apache-2.0
"""Rows as differences from the state, and back."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla_policy.models.relative import RelativeColumns

STATE = ('gripper', 'turn', 'lift')
ACTION = ('lift', 'turn', 'gripper')
angles = st.floats(-3.0, 3.0, width=32)


def test_joints_are_differences_and_the_gripper_is_not() -> None:
    """Paired by name, not by place."""
    rows = np.array([[1.0, 2.0, 0.5], [1.5, 2.5, 1.0]])
    moved = RelativeColumns(STATE, ACTION, relative=True).to_relative(
        rows, np.array([0.25, 20.0, 10.0])
    )
    assert moved.tolist() == [[-9.0, -18.0, 0.5], [-8.5, -17.5, 1.0]]
    assert rows[0, 0] == 1.0


@given(rows=arrays(np.float64, (2, 4, 3), elements=angles), state=arrays(np.float64, (2, 3)))
def test_back_and_forth_is_the_identity(rows: np.ndarray, state: np.ndarray) -> None:
    """For batches too."""
    state = np.clip(np.nan_to_num(state), -3.0, 3.0)
    columns = RelativeColumns(STATE, ACTION, relative=True)
    back = columns.to_absolute(columns.to_relative(rows, state), state)
    np.testing.assert_allclose(back, rows, atol=1e-12)


def test_tensors_are_treated_as_arrays_are() -> None:
    """Training may work on whole batches."""
    rows, state = torch.randn(2, 4, 3), torch.randn(2, 3)
    columns = RelativeColumns(STATE, ACTION, relative=True)
    expected = columns.to_relative(rows.numpy(), state.numpy())
    np.testing.assert_array_equal(columns.to_relative(rows, state).numpy(), expected)


def test_absolute_rows_stay_what_they_are() -> None:
    """A policy may answer positions."""
    rows = np.ones((4, 3))
    moved = RelativeColumns((), ACTION, relative=False).to_relative(rows, np.zeros(0))
    assert np.array_equal(moved, rows)
