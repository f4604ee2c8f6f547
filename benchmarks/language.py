# SPDX-License-Identifier: Apache-2.0
"""What of an instruction can be read from its vector, with and without cosine waves.

A reader (a small network) learns colour and shape of the thing and colour of the bowl from the
simulator's own wordings of *place in a bowl*, some combinations left out. Then it is asked about
the combinations left out, about wordings it never saw, and about both at once. An instruction
counts as understood if all three are right.
"""

import itertools
import os
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks import report
from vla_policy.models.language import SentenceEncoder
from vla_sim.scene import COLOURS
from vla_sim.tasks.place import TEMPLATES

SHAPES = ('cube', 'cylinder')
PARAPHRASES = (
    'set the {subject} inside the {bowl}',
    'please drop the {subject} in the {bowl}',
    'grab the {subject} and leave it in the {bowl}',
    'could you put the {subject} in the {bowl}?',
    'the {subject} goes in the {bowl}',
    'take the {subject} over to the {bowl} and let go',
    'i want the {subject} inside the {bowl}',
)
BOWL_FIRST = ('into the {bowl}, put the {subject}', 'in the {bowl} place the {subject}')
WAVES = (1, 2, 4)
STEPS, BATCH, HIDDEN = 600, 128, 128
LEFT_OUT = 4  # one combination in so many


class Meaning(NamedTuple):
    """What an instruction asks for, by index."""

    colour: int
    shape: int
    bowl: int


COUNTS = (len(COLOURS), len(SHAPES), len(COLOURS))
ALL = [Meaning(*each) for each in itertools.product(*map(range, COUNTS))]
UNSEEN = [each for each in ALL if sum(each) % LEFT_OUT == 0]
SEEN = [each for each in ALL if each not in UNSEEN]
ASKED = {
    'learned': (TEMPLATES, SEEN),
    'unseen_combinations': (TEMPLATES, UNSEEN),
    'paraphrases': (PARAPHRASES, SEEN),
    'paraphrases_of_unseen': (PARAPHRASES, UNSEEN),
    'bowl_first': (BOWL_FIRST, SEEN),
}


def say(template: str, meaning: Meaning) -> str:
    """An instruction."""
    subject = f'{COLOURS[meaning.colour]} {SHAPES[meaning.shape]}'
    return template.format(subject=subject, bowl=f'{COLOURS[meaning.bowl]} bowl')


def vectors(encoder: SentenceEncoder) -> dict[str, tuple[Tensor, Tensor]]:
    """Vectors and meanings of all that is asked."""
    found = {}
    for name, (templates, meanings) in ASKED.items():
        pairs = list(itertools.product(templates, meanings))
        sentences = [say(template, meaning) for template, meaning in pairs]
        truth = torch.tensor([meaning for _, meaning in pairs])
        found[name] = torch.from_numpy(encoder.encode(sentences)), truth
    return found


def learn(given: Tensor, truth: Tensor) -> nn.Module:
    """A reader of vectors."""
    torch.manual_seed(0)
    reader = nn.Sequential(
        nn.Linear(given.shape[1], HIDDEN), nn.GELU(), nn.Linear(HIDDEN, sum(COUNTS))
    )
    optimiser = torch.optim.AdamW(reader.parameters(), 2e-3, weight_decay=0.05)
    for _ in range(STEPS):
        chosen = torch.randint(len(given), (BATCH,))
        parts = reader(given[chosen]).split(COUNTS, dim=1)
        losses = [
            nn.functional.cross_entropy(part, truth[chosen, index])
            for index, part in enumerate(parts)
        ]
        optimiser.zero_grad()
        torch.stack(losses).sum().backward()
        optimiser.step()
    return reader


@torch.no_grad()
def understood(reader: nn.Module, given: Tensor, truth: Tensor) -> float:
    """Share of instructions read right in all parts."""
    parts = reader(given).split(COUNTS, dim=1)
    read = torch.stack([part.argmax(dim=1) for part in parts], dim=1)
    return float((read == truth).all(dim=1).float().mean())


def main() -> None:
    """Measure, print and keep."""
    torch.set_num_threads(1)
    figures: dict[str, float] = {'load_before': os.getloadavg()[0]}
    for waves in WAVES:
        asked = vectors(SentenceEncoder(waves))
        reader = learn(*asked['learned'])
        figures |= {
            f'{name}_{waves}_waves': understood(reader, *each) for name, each in asked.items()
        }
    notes = (
        f'Share of instructions understood: {len(COLOURS)} colours, {len(SHAPES)} shapes, '
        f'{len(TEMPLATES)} wordings learned, {len(PARAPHRASES)} asked; one combination in '
        f'{LEFT_OUT} left out. 1 wave is the mean of the words. bowl_first: an order of words '
        'that no learned wording has.'
    )
    report.write('language', figures, notes)


if __name__ == '__main__':
    main()
