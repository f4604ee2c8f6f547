# SPDX-License-Identifier: Apache-2.0
"""A spatial softmax finds the place of a spot, finer than a pixel."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vla_policy.models.keypoints import SpatialSoftmax, centres


def spot(x: float, y: float, height: int, width: int) -> Tensor:
    """Logits of a Gaussian of 1.5 pixels around a place in -1 to 1."""
    across = (centres(width, torch.zeros(())) - x) * width / 2
    down = (centres(height, torch.zeros(())) - y) * height / 2
    return -(down[:, None].square() + across.square()) / (2 * 1.5**2)


@given(x=st.floats(-0.6, 0.6), y=st.floats(-0.6, 0.6))
def test_spot_is_found_to_a_hundredth_of_a_pixel(x: float, y: float) -> None:
    """Wherever it is, also between pixels, and in pictures that are not square."""
    height, width = 24, 32
    ((found_x, found_y),) = SpatialSoftmax()(spot(x, y, height, width)[None, None])[0].tolist()
    assert abs(found_x - x) * width / 2 < 0.01
    assert abs(found_y - y) * height / 2 < 0.01


def test_place_does_not_depend_on_the_resolution() -> None:
    """Half of a picture is half of it, in 8 pixels or in 64."""
    for size in (8, 64):
        map_ = torch.full((1, 1, size, size), -1e9)
        map_[..., : size // 2] = 0.0
        assert SpatialSoftmax()(map_)[0, 0].tolist() == pytest.approx([-0.5, 0.0], abs=1e-5)


def test_temperature_sharpens_and_is_learned() -> None:
    """Cold maps look at their warmest pixel, and the gradient reaches the temperature."""
    layer = SpatialSoftmax()
    maps = torch.zeros(1, 1, 4, 4)
    maps[0, 0, 0, 3] = 1.0
    layer(maps)[..., 0].sum().backward()
    assert layer.log_temperature.grad != 0
    layer.log_temperature.data.fill_(-5.0)
    assert layer(maps)[0, 0].tolist() == pytest.approx([0.75, -0.75])


def test_place_is_as_fine_in_half_precision() -> None:
    """Training in bfloat16 must not round places to its eight bits."""
    maps = spot(0.1234, -0.4321, 32, 32)[None, None]
    with torch.autocast('cpu', torch.bfloat16):
        found = SpatialSoftmax()(maps)
    assert found.dtype == torch.float32
    assert found[0, 0].tolist() == pytest.approx([0.1234, -0.4321], abs=1e-3)
