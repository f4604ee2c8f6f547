# SPDX-License-Identifier: Apache-2.0
"""Sentences as vectors: the real encoder, with its installed weights."""

import itertools
import math
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from vla_contract.errors import VlaError
from vla_policy.models.bert import Bert
from vla_policy.models.language import (
    HIDDEN,
    MOST_WORDS,
    SentenceEncoder,
    installed_folder,
    pool,
)

COMMAND = 'put the green cube in the blue bowl'
PARAPHRASES = ('place the green cube into the blue bowl', 'set the green cube in the blue bowl')
OTHERS = (
    'push the yellow cylinder to the left',
    'put the red cube in the blue bowl',
    'put the green cube in the red bowl',
)


@pytest.fixture(scope='module')
def encoder() -> SentenceEncoder:
    """With four waves."""
    return SentenceEncoder(4)


def mean(encoder: SentenceEncoder, sentence: str) -> np.ndarray:
    """Wave 0, of length 1: the embedding that the encoder was trained to give."""
    vector: np.ndarray = encoder.encode([sentence])[0, :HIDDEN] / math.sqrt(HIDDEN)
    return vector


def test_words_are_read_as_transformers_reads_them() -> None:
    """The same encoder written by others, beginning and end of the sentence included."""
    folder = installed_folder()
    theirs = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    words = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ours = Bert(folder, MOST_WORDS)
    for sentence in (COMMAND, 'Push THE yellow-ish cylinder, please!', 'cube ' * 400):
        limit = {'truncation': True, 'max_length': MOST_WORDS}
        with torch.no_grad():
            expected = theirs(**words(sentence, return_tensors='pt', **limit)).last_hidden_state[0]
        torch.testing.assert_close(ours.read(sentence), expected, atol=2e-5, rtol=1e-4)


def test_paraphrases_are_nearer_than_other_commands(encoder: SentenceEncoder) -> None:
    """Every one of them than every other."""
    here = mean(encoder, COMMAND)
    near = min(float(mean(encoder, each) @ here) for each in PARAPHRASES)
    far = max(float(mean(encoder, each) @ here) for each in OTHERS)
    assert near > far


def test_mean_hardly_tells_which_colour_belongs_to_which_thing(encoder: SentenceEncoder) -> None:
    """The reason for the waves, which say more of it than the mean does."""
    swapped = 'put the blue cube in the green bowl'
    assert mean(encoder, COMMAND) @ mean(encoder, swapped) > 0.98
    one, other = encoder.encode([COMMAND, swapped])
    difference = np.square(one - other).reshape(4, HIDDEN).sum(axis=1)
    assert difference[1:].sum() > 1.5 * difference[0]


def test_reader_of_seen_templates_understands_an_unseen_one(encoder: SentenceEncoder) -> None:
    """A linear map learns which colour is which of it, and keeps that for other words."""
    colours = ('red', 'green', 'blue')
    seen = ('put the {} cube in the {} bowl', 'move the {} cube into the {} bowl')
    pairs = list(itertools.product(range(3), repeat=2))

    def said(template: str) -> np.ndarray:
        return encoder.encode([template.format(colours[a], colours[b]) for a, b in pairs])

    known = np.concatenate([said(template) for template in seen])
    truth = np.array([[a == i for i in range(3)] + [b == i for i in range(3)] for a, b in pairs])
    gram = known @ known.T + 10.0 * np.eye(len(known))
    answer = (
        said('set the {} cube inside the {} bowl')
        @ known.T
        @ np.linalg.solve(gram, np.concatenate([truth, truth]).astype(np.float64))
    )
    found = [(int(row[:3].argmax()), int(row[3:].argmax())) for row in answer]
    assert found == pairs


def test_vector_does_not_depend_on_its_company(encoder: SentenceEncoder) -> None:
    """To the last bit: training and running must not differ."""
    alone = SentenceEncoder(4).encode([COMMAND])
    together = encoder.encode([OTHERS[0], COMMAND, '  put the green\ncube in the  blue bowl '])
    assert together.dtype == np.float32
    assert together.shape == (3, encoder.width)
    assert np.array_equal(together[1], alone[0])
    assert np.array_equal(together[2], alone[0])


def test_known_sentence_is_not_read_again(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training asks for the same few a million times."""
    first = encoder.encode([COMMAND])
    monkeypatch.setattr(encoder, '_read', None)
    assert np.array_equal(encoder.encode([COMMAND]), first)


def test_encoder_never_asks_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No robot needs it, and no training run."""

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    assert SentenceEncoder(1).encode([COMMAND]).shape == (1, HIDDEN)


def test_empty_instruction_is_refused(encoder: SentenceEncoder) -> None:
    """It has a vector too, and that would be obeyed."""
    with pytest.raises(VlaError, match='instruction is empty'):
        encoder.encode([' \n'])


def test_waves_are_a_cosine_transform_along_the_words() -> None:
    """Against the sum written out, wave 0 being the mean, scaled to an RMS of 1."""
    hidden = torch.randn(5, 3)
    pooled = pool(hidden, 2).unflatten(0, (2, 3))
    scale = hidden.mean(dim=0).square().mean().sqrt()
    torch.testing.assert_close(pooled[0], hidden.mean(dim=0) / scale)
    written = sum(math.cos(math.pi * (n + 0.5) / 5) * hidden[n] for n in range(5)) / 5 / scale
    torch.testing.assert_close(pooled[1], written)


def test_weights_of_another_encoder_are_refused(tmp_path: Path) -> None:
    """A model trained with one does not understand another."""
    other = transformers.BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    transformers.BertModel(other).save_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(installed_folder())
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(VlaError, match='width 32, not 384'):
        SentenceEncoder(1, tmp_path)


def test_encoder_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its weights come as a package of their own."""
    monkeypatch.setattr('importlib.util.find_spec', lambda _: None)
    with pytest.raises(VlaError, match=r'weights\.txt'):
        installed_folder()
