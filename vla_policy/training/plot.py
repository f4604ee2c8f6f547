# SPDX-License-Identifier: Apache-2.0
"""The losses of a training run as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use('Agg')
from matplotlib import pyplot as plt

_SMOOTHED = 50


def plot_losses(losses: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> None:
    """Draw each loss over the steps, thin as measured and thick as its median nearby.

    Args:
        losses: Steps and values by name.
        path: Where to.
    """
    figure, axes = plt.subplots(figsize=(8, 4.5), layout='constrained')
    for index, (name, points) in enumerate(losses.items()):
        if not points:
            continue
        steps, values = np.array(points, dtype=np.float64).T
        width = max(1, min(_SMOOTHED, len(values) // 10))
        medians = [np.median(values[max(0, i - width) : i + 1]) for i in range(len(values))]
        axes.plot(steps, values, color=f'C{index}', alpha=0.25, linewidth=0.8)
        axes.plot(steps, medians, color=f'C{index}', linewidth=1.8, label=name)
    axes.set(xlabel='step', ylabel='loss', yscale='log')
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
