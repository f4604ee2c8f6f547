# SPDX-License-Identifier: Apache-2.0
"""The RT-1 trunk: its EfficientNet, its frames in time order, its context."""

from dataclasses import replace

import pytest
import torch

from test.vla_policy.models.builders import inputs_for, model_config, shake
from vla_policy.models.config import Rt1TrunkConfig
from vla_policy.models.efficientnet import EfficientNet, rounded, scaled
from vla_policy.models.rt1 import Rt1Trunk
from vla_policy.models.tensors import Context

TINY = Rt1TrunkConfig(
    width_scale=0.25,
    depth_scale=0.5,
    condition=8,
    tokens=2,
    token_hidden=8,
    width=16,
    layers=2,
    heads=2,
    head_width=8,
)
CONFIG = model_config(history=3, trunk=TINY)
A_FRAME = 2 * 2 + 2


@pytest.fixture
def trunk() -> Rt1Trunk:
    """A small one whose weights have all moved."""
    torch.manual_seed(0)
    trunk = Rt1Trunk(CONFIG, TINY)
    trunk.eval()
    shake(trunk)
    return trunk


def test_scales_of_b3_give_the_published_channels_and_repeats() -> None:
    """Those of the EfficientNet that RT-1 uses."""
    stages = scaled(1.2, 1.4)
    assert [stage.channels for stage in stages] == [24, 32, 48, 96, 136, 232, 384]
    assert [stage.repeats for stage in stages] == [2, 3, 3, 5, 5, 6, 2]
    assert rounded(32 * 1.2) == 40
    assert scaled(1.0, 1.0)[3] == (6, 80, 3, 2, 3)


def test_maps_are_a_32nd_of_the_picture() -> None:
    """Also where that does not come out even; B3's last layer is four times its last stage."""
    net = EfficientNet(0.25, 0.5, 4)
    maps = net(torch.rand(1, 3, 64, 80), torch.zeros(1, 4))
    assert maps.shape == (1, net.channels, 2, 3)
    assert net.channels == 4 * net.stages[-1].channels


def test_instruction_has_no_say_before_training_and_some_after() -> None:
    """Modulation begins as the identity, in every block."""
    net = EfficientNet(0.25, 0.5, 4).eval()
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(net(picture, torch.randn(1, 4)), net(picture, torch.randn(1, 4)))
    shake(net)
    assert not torch.equal(net(picture, torch.randn(1, 4)), net(picture, torch.randn(1, 4)))


def test_context_holds_every_frame_and_reads_out_the_newest(trunk: Rt1Trunk) -> None:
    """Two tokens for each of two cameras, the state, and a readout, three times."""
    context: Context = trunk(inputs_for(CONFIG))
    assert context.tokens.shape == (2, 3 * A_FRAME, TINY.width)
    assert context.mask.all()
    assert torch.equal(context.summary, context.tokens[:, -1])


@pytest.mark.parametrize('frame', [0, 1, 2])
def test_frame_is_read_by_itself_and_later_ones_alone(trunk: Rt1Trunk, frame: int) -> None:
    """A frame that knew the future in training would miss it when running."""
    inputs = inputs_for(CONFIG)
    images = {key: image.clone() for key, image in inputs.images.items()}
    for image in images.values():
        image[:, frame] = torch.rand_like(image[:, frame])
    before, after = trunk(inputs).tokens, trunk(replace(inputs, images=images)).tokens
    torch.testing.assert_close(after[:, : frame * A_FRAME], before[:, : frame * A_FRAME])
    assert not torch.allclose(after[:, frame * A_FRAME], before[:, frame * A_FRAME], atol=1e-4)
    assert not torch.allclose(after[:, -1], before[:, -1], atol=1e-5)


@pytest.mark.parametrize('part', ['state', 'language'])
def test_readout_depends_on_state_and_instruction(trunk: Rt1Trunk, part: str) -> None:
    """Of which the instruction acts through the pictures alone."""
    inputs, other = (inputs_for(CONFIG, seed=seed) for seed in (0, 1))
    changed = replace(inputs, **{part: getattr(other, part)})
    assert not torch.allclose(trunk(inputs).summary, trunk(changed).summary, atol=1e-5)


def test_order_of_cameras_does_not_matter(trunk: Rt1Trunk) -> None:
    """They are told apart by key."""
    inputs = inputs_for(CONFIG)
    backwards = replace(inputs, images=dict(reversed(list(inputs.images.items()))))
    assert torch.equal(trunk(backwards).tokens, trunk(inputs).tokens)
