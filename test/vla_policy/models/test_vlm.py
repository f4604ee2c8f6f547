# SPDX-License-Identifier: Apache-2.0
"""Vision-language models of five families as trunks, with random weights."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from test.vla_policy.models.builders import inputs_for
from test.vla_policy.models.tiny_vlms import FAMILIES, Family, save, text_inputs, vlm_config
from vla_contract.errors import VlaError
from vla_policy.models.config import LoraConfig, VlmTrunkConfig
from vla_policy.models.tensors import Context
from vla_policy.models.vla import build_trunk
from vla_policy.models.vlm import VlmTrunk

LORA = LoraConfig(rank=2, alpha=4.0)


@pytest.fixture(scope='module', params=FAMILIES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    """A family and the folder of a model of it."""
    build: Callable[[], Family] = FAMILIES[request.param]
    family, folder = build(), tmp_path_factory.mktemp('model')
    save(family, folder)
    return family, folder


def trunk_of(folder: Path, **changes: object) -> VlmTrunk:
    """A trunk around a folder's model, its own weights always the same."""
    config = vlm_config(folder, **changes)
    assert isinstance(config.trunk, VlmTrunkConfig)
    torch.manual_seed(0)
    return VlmTrunk(config, config.trunk)


def test_context_is_the_last_hidden_states_behind_readout_and_state(
    made: tuple[Family, Path],
) -> None:
    """And padding does not count."""
    family, folder = made
    inputs = text_inputs(family)
    words = inputs.features['input_ids'].shape[1]
    trunk = trunk_of(folder, adapt='frozen').eval()
    context: Context = trunk(inputs)
    assert context.tokens.shape == (2, words + 2, 32)
    assert context.mask.sum(dim=1).tolist() == [words + 2, words + 1]
    whole = trunk.model(**inputs.features, output_hidden_states=True)
    torch.testing.assert_close(trunk._hidden(inputs.features), whole.hidden_states[-1])


def test_readout_depends_on_picture_words_and_state(made: tuple[Family, Path]) -> None:
    """A wire left unconnected would train, and nobody would see it."""
    family, folder = made
    inputs, other = text_inputs(family, 0), text_inputs(family, 1)
    trunk = trunk_of(folder, adapt='frozen').eval()
    before = trunk(inputs).summary
    for name in ('pixel_values', 'input_ids'):
        features = {**inputs.features, name: other.features[name]}
        after = trunk(replace(inputs, features=features)).summary
        assert (after - before).abs().amax(dim=1).min() > 1e-6, name
    after = trunk(replace(inputs, state=other.state)).summary
    assert (after - before).abs().amax(dim=1).min() > 1e-6


def test_lora_that_has_not_learned_is_the_base_model(made: tuple[Family, Path]) -> None:
    """Its second factor is zero; once it is not, the answer changes."""
    family, folder = made
    features = text_inputs(family).features
    base = trunk_of(folder, adapt='frozen').eval()._hidden(features)
    trunk = trunk_of(folder, adapt='lora', lora=LORA).eval()
    assert torch.equal(trunk._hidden(features), base)
    for name, weight in trunk.named_parameters():
        if 'lora_B' in name:
            weight.data.normal_()
    assert not torch.allclose(trunk._hidden(features), base, atol=1e-4)


def test_lora_trains_its_changes_and_nothing_of_the_base(made: tuple[Family, Path]) -> None:
    """What is saved of such a model is small."""
    family, folder = made
    trunk = trunk_of(folder, adapt='lora', lora=LORA)
    trunk(text_inputs(family)).summary.square().sum().backward()
    inner = [(name, each) for name, each in trunk.model.named_parameters() if each.requires_grad]
    assert inner
    assert all('lora_' in name for name, _ in inner)
    assert any(each.grad is not None and each.grad.abs().max() > 0 for _, each in inner)


def test_frozen_model_learns_nothing_and_drops_nothing(made: tuple[Family, Path]) -> None:
    """While the weights around it train."""
    family, folder = made
    trunk = trunk_of(folder, adapt='frozen').train()
    trunk(text_inputs(family)).summary.square().sum().backward()
    assert not trunk.model.training
    assert all(each.grad is None for each in trunk.model.parameters())
    assert trunk.read[1].weight.grad.abs().max() > 0


@pytest.fixture
def llama_folder(tmp_path: Path) -> Path:
    """The folder of one small model."""
    save(FAMILIES['llama'](), tmp_path)
    return tmp_path


def test_full_training_leaves_out_what_names_words(llama_folder: Path) -> None:
    """No answer uses it, and a weight without a gradient stops data-parallel training."""
    trunk = trunk_of(llama_folder, adapt='full')
    frozen = [name for name, each in trunk.named_parameters() if not each.requires_grad]
    assert frozen == ['model.lm_head.weight']


def test_lora_without_peft_says_what_to_install(
    llama_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not part of every installation."""
    monkeypatch.setitem(sys.modules, 'peft', None)
    with pytest.raises(VlaError, match=r'peft, which is not installed.*model\.txt'):
        trunk_of(llama_folder, adapt='lora', lora=LORA)


def test_lora_on_layers_that_are_not_there_is_refused(llama_folder: Path) -> None:
    """With the names that were asked for."""
    with pytest.raises(VlaError, match=r'lora\.modules q_projection'):
        trunk_of(llama_folder, adapt='lora', lora=LoraConfig(modules=('q_projection',)))


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """Rather than looked for in the network."""
    with pytest.raises(VlaError, match=r'no config\.json'):
        build_trunk(vlm_config(tmp_path))
    (tmp_path / 'config.json').write_text('{"model_type": "bert"}')
    with pytest.raises(VlaError, match='no vision-language model can be loaded'):
        build_trunk(vlm_config(tmp_path))


def test_inputs_of_other_trunks_are_refused(llama_folder: Path) -> None:
    """A sentence embedding is not what it reads."""
    config = vlm_config(llama_folder, adapt='frozen')
    with pytest.raises(VlaError, match='takes TextInputs'):
        build_trunk(config)(inputs_for(config))
