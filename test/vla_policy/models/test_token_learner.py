# SPDX-License-Identifier: Apache-2.0
"""TokenLearner: means over places, weighed by what is there."""

import torch

from vla_policy.models.token_learner import TokenLearner


def test_weights_over_places_sum_to_one() -> None:
    """Each token is a mean: none is louder for a larger picture."""
    torch.manual_seed(0)
    learner = TokenLearner(6, tokens=8, hidden=5)
    features = torch.randn(2, 81, 6)
    weights = learner.weights(features)
    assert weights.shape == (2, 8, 81)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 8))
    assert (weights >= 0).all()
    torch.testing.assert_close(
        learner(features)[1, 3], (weights[1, 3, :, None] * features[1]).sum(0)
    )


def test_of_equal_features_every_token_is_that_feature() -> None:
    """Whatever the weights."""
    feature = torch.randn(6)
    tokens = TokenLearner(6, tokens=3, hidden=5)(feature.expand(1, 7, 6))
    torch.testing.assert_close(tokens, feature.expand(1, 3, 6))
