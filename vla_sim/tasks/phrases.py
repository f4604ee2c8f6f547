# SPDX-License-Identifier: Apache-2.0
"""Sentence templates, used both to speak and to understand. Knows no task."""

import re
from collections.abc import Mapping, Sequence

from vla_sim.scene import COLOURS, SHAPES, Thing

SYNONYMS = {'block': 'cube', 'can': 'cylinder'}
"""Other words for shapes."""
SIDES = ('left', 'right')
_FILLER = re.compile(r'\b(please|now|carefully|then)\b')


def normalise(sentence: str) -> str:
    """Lower case, single spaces, no punctuation and no pleasantries."""
    bare = re.sub(r'[^a-z ]', ' ', sentence.lower())
    return ' '.join(_FILLER.sub(' ', bare).split())


def match(template: str, sentence: str) -> Mapping[str, str] | None:
    """What stands in a template's places if a normalised sentence has its form, else None."""
    pattern = template.replace('{side}', '(?P<side>[a-z]+)')
    pattern = re.sub(r'\{(\w+)\}', r'(?P<\1>[a-z]+ [a-z]+)', pattern)
    pattern = re.sub(r'\bthe\b', '(?:the|a|an)', pattern)
    found = re.fullmatch(pattern, sentence)
    return None if found is None else found.groupdict()


def first_match(templates: Sequence[str], sentence: str) -> Mapping[str, str] | None:
    """The places of the first template that a normalised sentence matches."""
    return next((found for t in templates if (found := match(t, sentence)) is not None), None)


def thing(phrase: str, shapes: Sequence[str] = SHAPES) -> Thing | None:
    """Two words as a colour and a shape, or None if they are not understood."""
    colour, word = phrase.split()
    shape = SYNONYMS.get(word, word)
    return Thing(colour, shape) if colour in COLOURS and shape in shapes else None
