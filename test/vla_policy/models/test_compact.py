# SPDX-License-Identifier: Apache-2.0
"""The compact trunk: what its context depends on, and what it does not."""

from dataclasses import replace

import pytest
import torch

from test.vla_policy.models.builders import COMPACT, KEYS, inputs_for, model_config, shake
from vla_policy.models.camera import CameraEncoder
from vla_policy.models.compact import CompactTrunk
from vla_policy.models.config import ImageSpec
from vla_policy.models.tensors import Context, Inputs


@pytest.fixture
def trunk() -> CompactTrunk:
    """A small one whose weights have all moved."""
    torch.manual_seed(0)
    trunk = CompactTrunk(model_config(), COMPACT)
    shake(trunk)
    return trunk


def test_context_has_a_readout_all_of_whose_tokens_count(trunk: CompactTrunk) -> None:
    """Readout, instruction, state, and of each camera keypoints and a map of one."""
    context: Context = trunk(inputs_for(model_config()))
    assert context.tokens.shape == (2, 3 + 2 * (1 + 1), COMPACT.width)
    assert context.mask.all()
    assert torch.equal(context.summary, context.tokens[:, 0])


@pytest.mark.parametrize('part', ['wrist', 'scene', 'state', 'language'])
def test_readout_depends_on_every_part_of_the_input(trunk: CompactTrunk, part: str) -> None:
    """A wire left unconnected would train, and nobody would see it."""
    inputs, other = (inputs_for(model_config(), seed=seed) for seed in (0, 1))
    if part in ('state', 'language'):
        changed = replace(inputs, **{part: getattr(other, part)})
    else:
        key = f'observation.images.{part}'
        changed = replace(inputs, images={**inputs.images, key: other.images[key]})
    assert not torch.allclose(trunk(inputs).summary, trunk(changed).summary, atol=1e-4)


def test_order_of_cameras_does_not_matter(trunk: CompactTrunk) -> None:
    """Not in the inputs, nor in the configuration: cameras are told apart by key."""
    config = model_config()
    inputs = inputs_for(config)
    backwards = Inputs(dict(reversed(list(inputs.images.items()))), inputs.state, inputs.language)
    expected = trunk(inputs).tokens
    assert torch.equal(trunk(backwards).tokens, expected)
    turned = CompactTrunk(model_config(images=config.images[::-1]), COMPACT)
    turned.load_state_dict(trunk.state_dict())
    assert torch.equal(turned(inputs).tokens, expected)


def test_cameras_of_one_batch_do_not_meet(trunk: CompactTrunk) -> None:
    """Nothing is normalised over a batch, so training and running see the same network."""
    inputs = inputs_for(model_config(), batch=3)
    alone = Inputs(
        {key: image[1:2] for key, image in inputs.images.items()},
        inputs.state[1:2],
        inputs.language[1:2],
    )
    torch.testing.assert_close(trunk(inputs).tokens[1:2], trunk(alone).tokens)


def test_cameras_may_differ_in_size_and_shape() -> None:
    """A wide one beside one whose side is no multiple of the stride."""
    config = model_config(
        images=(
            ImageSpec(key=KEYS[0], width=96, height=32),
            ImageSpec(key=KEYS[1], width=40, height=24),
        )
    )
    context: Context = CompactTrunk(config, COMPACT)(inputs_for(config))
    assert context.tokens.shape[1] == 3 + (1 + 1 * 3) + (1 + 1 * 2)


def test_instruction_changes_where_a_camera_looks() -> None:
    """Keypoints are conditioned: which thing is meant is said by the instruction."""
    torch.manual_seed(0)
    encoder = CameraEncoder((32, 32), COMPACT.channels, 16, 4, 32)
    shake(encoder)
    picture = torch.rand(1, 3, 32, 32)
    first, second = (encoder(picture, torch.randn(1, 16))[:, 0] for _ in range(2))
    assert not torch.allclose(first, second, atol=1e-4)


def test_instruction_has_no_say_before_training() -> None:
    """Modulation begins as the identity, everywhere in the encoder."""
    encoder = CameraEncoder((32, 32), COMPACT.channels, 16, 4, 32)
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(encoder(picture, torch.randn(1, 16)), encoder(picture, torch.randn(1, 16)))


def test_keypoints_learn_the_place_of_a_thing() -> None:
    """A few steps on one bright square, and a place is known to half a pixel of the picture."""
    torch.manual_seed(0)
    encoder = CameraEncoder((32, 32), (8, 8, 8, 8), 1, 1, 8)
    condition = torch.zeros(8, 1)
    optimiser = torch.optim.Adam(encoder.parameters(), 1e-2)
    for _ in range(80):
        error = (places(encoder, *squares(8), condition)).square().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
    found = places(encoder, *squares(8), condition).abs().mean() * 32 / 2
    assert found < 0.5


def squares(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of a bright square of 6 pixels, and its centre in -1 to 1."""
    corners = torch.randint(4, 22, (count, 2))
    pictures = torch.full((count, 3, 32, 32), 0.3)
    for picture, (x, y) in zip(pictures, corners, strict=True):
        picture[:, y : y + 6, x : x + 6] = 1.0
    return pictures, (corners + 3.0) / 16.0 - 1.0


def places(
    encoder: CameraEncoder, pictures: torch.Tensor, truth: torch.Tensor, condition: torch.Tensor
) -> torch.Tensor:
    """How far the one keypoint is off."""
    return encoder.keypoints(encoder.fine_map(pictures, condition))[:, 0] - truth
