# SPDX-License-Identifier: Apache-2.0
"""A condition scales and shifts channels, and does nothing before it has learned to."""

import torch

from vla_policy.models.film import Film


def test_fresh_modulation_is_the_identity() -> None:
    """To the last bit: a network under it begins as if there were no condition."""
    picture = torch.randn(2, 8, 5, 4)
    assert torch.equal(Film(3, 8)(picture, torch.randn(2, 3)), picture)


def test_modulation_is_one_plus_gamma_times_x_plus_beta() -> None:
    """Gamma in the first half of the linear map, beta in the second, by channel and picture."""
    film = Film(1, 2)
    film.both.weight.data = torch.tensor([[0.5], [0.0], [0.0], [3.0]])
    out = film(torch.ones(2, 2, 1, 1), torch.tensor([[1.0], [2.0]]))
    assert out.flatten(1).tolist() == [[1.5, 4.0], [2.0, 7.0]]


def test_condition_learns_from_the_start() -> None:
    """Zero weights must not be a place where the gradient vanishes."""
    film = Film(3, 8)
    film(torch.randn(2, 8, 5, 4), torch.randn(2, 3)).square().sum().backward()
    assert film.both.weight.grad.abs().min() > 0
