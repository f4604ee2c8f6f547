# SPDX-License-Identifier: Apache-2.0
"""Questions about pictures and their answers, so that a large model does not forget how to read.

They lie in one JSON file in LLaVA's format: a list of objects with ``image``, a file beside it, and
``conversations``, in which ``human`` and ``gpt`` take turns.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vla_contract.errors import VlaError

if TYPE_CHECKING:
    from vla_policy.models.prompt import Prompter

_PICTURE = '<image>'
"""Stands for the picture in LLaVA's questions; each model has its own word for it."""


@dataclass(frozen=True)
class Question:
    """About one picture.

    Attributes:
        image: Its file.
        text: What is asked.
        answer: What is to be said.
    """

    image: Path
    text: str
    answer: str


class Questions:
    """Questions as a vision-language model takes them."""

    def __init__(self, known: tuple[Question, ...], prompter: 'Prompter') -> None:
        """Ask by a model's own processor."""
        self._known, self._prompter = known, prompter

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def take(self, indexes: NDArray[np.int64]) -> dict[str, Tensor]:
        """Features of these questions, with the words to learn as ``labels``.

        Raises:
            VlaError: A picture cannot be read.
        """
        taken = [self._known[index] for index in indexes]
        return self._prompter.answered(
            [_picture(each.image) for each in taken],
            [each.text for each in taken],
            [each.answer for each in taken],
        )


def read_questions(path: Path) -> tuple[Question, ...]:
    """All questions of a file, each turn of a conversation by itself.

    Raises:
        VlaError: It is not in LLaVA's format, or a picture is missing.
    """
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise VlaError(f'{path}: cannot be read: {error}') from error
    if not isinstance(found, list) or not found:
        raise VlaError(f"{path}: no list of questions; LLaVA's format is a list of objects")
    known = tuple(each for index, item in enumerate(found) for each in _of(item, index, path))
    missing = next((each.image for each in known if not each.image.is_file()), None)
    if missing is not None:
        raise VlaError(f'{path}: {missing} is missing; image names a file beside this one')
    return known


def _of(item: Any, index: int, path: Path) -> list[Question]:  # noqa: ANN401 - as JSON has it
    """The questions of one entry."""
    try:
        image, turns = path.parent / item['image'], item['conversations']
        pairs = list(zip(turns[::2], turns[1::2], strict=True))
        if any((asked['from'], said['from']) != ('human', 'gpt') for asked, said in pairs):
            raise ValueError('human and gpt do not take turns')
        texts = [(asked['value'], said['value']) for asked, said in pairs]
    except (KeyError, TypeError, ValueError) as error:
        raise VlaError(
            f'{path}: entry {index}: {error}; it needs image, and conversations in which human '
            'and gpt take turns'
        ) from error
    return [Question(image, asked.replace(_PICTURE, '').strip(), said) for asked, said in texts]


def _picture(path: Path) -> NDArray[np.uint8]:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise VlaError(f'{path}: no picture that can be read')
    picture: NDArray[np.uint8] = np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)
    return picture
