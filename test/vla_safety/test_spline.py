# SPDX-License-Identifier: Apache-2.0
"""The spline of rows, beside scipy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import interpolate

from vla_safety.spline import CubicSpline

WIDTHS = st.lists(st.floats(0.02, 0.5), min_size=1, max_size=60)


@given(WIDTHS, st.data())
def test_it_is_the_spline_that_scipy_has(widths: list[float], data: st.DataObject) -> None:
    """Values, speeds and accelerations, at the points and between, for two points and more."""
    x = np.concatenate([[0.0], np.cumsum(widths)])
    y = data.draw(arrays(float, (len(x), 2), elements=st.floats(-3, 3)))
    places = np.unique(np.concatenate([x, np.linspace(0, x[-1], 37)]))
    found, known = CubicSpline(x, y).at(places), interpolate.CubicSpline(x, y)
    for order, values in enumerate((found.q, found.v, found.a)):
        expected = known(places, order)
        np.testing.assert_allclose(values, expected, atol=1e-9 * (1 + np.abs(expected).max()))
