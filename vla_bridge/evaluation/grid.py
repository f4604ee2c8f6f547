# SPDX-License-Identifier: Apache-2.0
"""The films of a suite beside each other, each with its instruction and framed by its outcome."""

import math
from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.font_manager import findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vla_bridge.evaluation.outcome import Outcome
from vla_bridge.evaluation.suites import Episode

Pixels = NDArray[np.uint8]

BORDER, GAP, STRIP = 5, 6, 70
"""Around a film, between films, and below one for words [px]."""
_PAPER, _INK = (24, 26, 30), (238, 238, 238)
_GOOD, _BAD = (86, 196, 112), (235, 87, 87)
_COLUMNS = 45
_LINES = 3


def grid(
    films: Sequence[list[Pixels]], episodes: Sequence[Episode], outcomes: Sequence[Outcome]
) -> list[Pixels]:
    """Frames with all films at once; one that has ended stands still.

    Args:
        films: All of one size.
        episodes: What each shows.
        outcomes: How each went.
    """
    across = math.ceil(math.sqrt(len(films)))
    down = math.ceil(len(films) / across)
    high, wide = films[0][0].shape[:2]
    tile_high, tile_wide = high + 2 * BORDER + STRIP + GAP, wide + 2 * BORDER + GAP
    canvas = np.empty((_even(down * tile_high), _even(across * tile_wide), 3), dtype=np.uint8)
    canvas[:] = _PAPER
    places = [(i // across * tile_high, i % across * tile_wide) for i in range(len(films))]
    for (top, left), episode, outcome in zip(places, episodes, outcomes, strict=True):
        tile = _empty_tile(high, wide, episode, outcome)
        canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    frames = []
    for moment in range(max(map(len, films))):
        for (top, left), film in zip(places, films, strict=True):
            inside = slice(top + BORDER, top + BORDER + high)
            beside = slice(left + BORDER, left + BORDER + wide)
            canvas[inside, beside] = film[min(moment, len(film) - 1)]
        frames.append(canvas.copy())
    return frames


def _empty_tile(high: int, wide: int, episode: Episode, outcome: Outcome) -> Pixels:
    """Frame and words, without the film."""
    colour = _GOOD if outcome.success else _BAD
    size = (wide + 2 * BORDER, high + 2 * BORDER + STRIP)
    image = Image.new('RGB', size, _PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, size[0] - 1, high + 2 * BORDER - 1), fill=colour)
    font = ImageFont.truetype(findfont('DejaVu Sans'), 13)
    lines = wrap(_asked(episode), _COLUMNS)[:_LINES]
    said = f'done in {outcome.time_s:.1f} s' if outcome.success else outcome.reason
    top = high + 2 * BORDER + 2
    for line in lines:
        pen.text((4, top), line, font=font, fill=_INK)
        top += 16
    pen.text((4, high + 2 * BORDER + 51), said[: _COLUMNS + 4], font=font, fill=colour)
    return np.asarray(image, dtype=np.uint8)


def _asked(episode: Episode) -> str:
    if episode.change is None:
        return episode.instruction
    return f'{episode.instruction} → {episode.change.instruction}'


def _even(pixels: int) -> int:
    """What h264 can encode."""
    return pixels + pixels % 2
