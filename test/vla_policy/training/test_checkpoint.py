# SPDX-License-Identifier: Apache-2.0
"""A checkpoint answers as the model that was trained, and one that does not fit is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator

from test.vla_policy.training.small import POLICY, RECIPE, SIDE, Unread, frames, parts
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.checkpoint import load_checkpoint, save_checkpoint
from vla_policy.heads.config import DecoderConfig, FlowHeadConfig
from vla_policy.learned import Learned
from vla_policy.learned_file import contradictions
from vla_policy.models.vla import build_vla
from vla_policy.trained import Contract
from vla_policy.training.session import measure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of a model with random weights."""
    torch.set_num_threads(1)
    learner, _ = parts()
    model = RECIPE.model(POLICY)
    normalizers = measure(frames(), model, RECIPE)
    kept = {name: normalizers[name] for name in ('state', 'action')}
    path = tmp_path / 'model'
    contract = Contract.of(POLICY, 'small_robot')
    save_checkpoint(path, learner.vla.state_dict(), model, kept, contract, {'step': 0})
    return path


Found = Callable[..., list[str]]


@pytest.fixture
def found(robot: Robot, folder: Path) -> Found:
    """Contradictions in words, of a policy file and a robot's name."""

    def find(policy: Policy, name: str = 'small_robot') -> list[str]:
        named = robot.model_copy(update={'name': name})
        return [f'{key[0]}: {text}' for key, text in contradictions(named, policy, folder)]

    return find


def test_a_policy_answers_what_its_model_answers(folder: Path) -> None:
    """Pictures, state and rows go through the same numbers as in training."""
    all_frames = frames()
    learner, examples = parts()
    vla = learner.vla.eval()
    policy = Learned(POLICY, folder, reader=Unread())
    policy.reset('go there')
    batch = examples.take(np.array([5]), None)
    seen = seen_at(5)
    rows = policy.infer(seen, np.empty((0, 3))).values
    with torch.no_grad():
        unit = vla.act(batch.inputs, Generator().manual_seed(0))[0].numpy()
    normalizer = measure(all_frames, RECIPE.model(POLICY), RECIPE)['action']
    expected = normalizer.from_unit(unit.astype(np.float64))
    expected[:, :2] += seen.state[:2]
    assert rows == pytest.approx(expected, abs=1e-5)
    assert rows.shape == (4, 3)


def test_three_answers_in_a_row_end_a_task(tmp_path: Path) -> None:
    """One that errs does not, and another instruction begins anew."""
    recipe = RECIPE.model_copy(update={'done': 1.0})
    model = recipe.model(POLICY)
    vla = build_vla(model)
    assert vla.done is not None
    torch.nn.init.zeros_(vla.done.weight)
    torch.nn.init.ones_(vla.done.bias)
    normalizers = measure(frames(), model, RECIPE)
    kept = {name: normalizers[name] for name in ('state', 'action')}
    contract = Contract.of(POLICY, 'small_robot')
    save_checkpoint(tmp_path, vla.state_dict(), model, kept, contract, {})
    policy = Learned(POLICY, tmp_path, reader=Unread())
    policy.reset('go there')
    said = [policy.infer(seen_at(5), np.empty((0, 3))).finished for _ in range(4)]
    assert said == [False, False, True, True]
    policy.reset('go elsewhere')
    assert not policy.infer(seen_at(5), np.empty((0, 3))).finished


def test_the_same_question_has_the_same_answer(tmp_path: Path) -> None:
    """Chance has a say in what a flow answers, and the same one each time."""
    head = FlowHeadConfig(decoder=DecoderConfig(width=32, depth=1, attention_heads=2))
    model = RECIPE.model_copy(update={'head': head}).model(POLICY)
    kept = {name: measure(frames(), model, RECIPE)[name] for name in ('state', 'action')}
    weights = build_vla(model).state_dict()
    save_checkpoint(tmp_path, weights, model, kept, Contract.of(POLICY, 'small_robot'), {})

    def answers(seed: int) -> list[list[list[float]]]:
        policy = Learned(POLICY, tmp_path, seed, Unread())
        policy.reset('go there')
        rows = [policy.infer(seen_at(5), np.empty((0, 3))).values for _ in range(2)]
        return [each.tolist() for each in rows]

    first, second = answers(0)
    assert first == second
    assert answers(1)[0] != first


def seen_at(index: int) -> Observation:
    """A frame as a policy sees it."""
    found = frames()
    return Observation(
        stamp_ns=1,
        images={'eye': found.images['eye'][index]},
        image_stamps_ns={'eye': 1},
        state=found.state[index].astype(np.float64),
        state_stamp_ns=1,
        instruction='go there',
        task_id='task',
    )


def test_others_may_read_a_checkpoint(folder: Path) -> None:
    """It is shared by copying, or by a disk that several people use."""
    modes = {path.name: path.stat().st_mode for path in folder.iterdir()}
    assert len(set(modes.values())) == 1, modes


def test_a_file_that_agrees_has_no_contradictions(found: Found) -> None:
    """And one for a robot that it names as alike."""
    assert not found(POLICY)
    alike = POLICY.model_copy(update={'trained_for': ('twin',)})
    assert not found(alike, 'twin')


def test_what_differs_is_named_with_both_values(found: Found) -> None:
    """Robot, pictures, columns and rate."""
    small = POLICY.images[0].model_copy(update={'width': SIDE * 2})
    changes: dict[str, object] = {'rate_hz': 20.0, 'images': (small,)}
    said = found(POLICY.model_copy(update=changes), 'another')
    assert 'checkpoint: model was trained on small_robot, and the robot is another' in said[0]
    assert said[1] == ('images: 64 x 32 colour, and the checkpoint was trained with 32 x 32 colour')
    assert said[2] == 'rate_hz: 20.0, and the checkpoint was trained with 10.0'


@pytest.mark.parametrize(
    ('file', 'change', 'said'),
    [
        ('statistics.json', {'action': None}, 'statistics.json: action: missing'),
        ('config.json', {'head': {'kind': 'guess'}}, 'config.json: head'),
        ('contract.json', {'format': 2}, 'format: 2; 1 is read here'),
    ],
)
def test_a_checkpoint_that_is_not_whole_is_refused(
    folder: Path, file: str, change: dict[str, object], said: str
) -> None:
    """With file, key and value."""
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(VlaError) as refusal:
        load_checkpoint(folder)
    assert said in str(refusal.value)


def test_corrupt_or_foreign_weights_are_refused(folder: Path) -> None:
    """Nothing is guessed."""
    weights = folder / 'model.safetensors'
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VlaError, match='cannot be read'):
        load_checkpoint(folder)
    weights.write_bytes(whole)
    config = json.loads((folder / 'config.json').read_text())
    config['trunk']['width'] = 64
    (folder / 'config.json').write_text(json.dumps(config))
    with pytest.raises(VlaError, match='weights of another model'):
        load_checkpoint(folder)
