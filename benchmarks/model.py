# SPDX-License-Identifier: Apache-2.0
"""How large our own model is, and how many chunks a second it answers on one and two CPU threads.

The compact trunk with two cameras and each of the five heads as they are by default, random
weights, fp32, one observation at a time: from images and a sentence embedding to the chunk.
"""

import os
import time
from statistics import median
from typing import get_args

import torch
from torch import Generator

from benchmarks import report
from vla_policy.heads.config import FlowHeadConfig, HeadConfig
from vla_policy.models.config import ImageSpec, ModelConfig, Rt1TrunkConfig
from vla_policy.models.tensors import Inputs
from vla_policy.models.vla import Vla, build_vla

COLUMNS = (*(f'joint_{index}' for index in range(6)), 'gripper')
KEYS = ('observation.images.scene', 'observation.images.wrist')
SIDE, ROWS = 128, 32
THREADS = (1, 2)
WARM_UP, CHUNKS, PATIENCE_S = 3, 40, 10.0


def config(head: HeadConfig) -> ModelConfig:
    """The compact model of a six-joint arm with a gripper."""
    return ModelConfig(
        images=tuple(ImageSpec(key=key, width=SIDE, height=SIDE) for key in KEYS),
        state_columns=COLUMNS,
        action_columns=COLUMNS,
        rows=ROWS,
        head=head,
    )


def observation(model: ModelConfig) -> Inputs:
    """Noise, of the shapes that the model takes."""
    images = {
        image.key: torch.rand(1, model.history, 3, image.height, image.width)
        for image in model.images
    }
    state = torch.randn(1, model.history, len(model.state_columns))
    return Inputs(images=images, state=state, language=torch.randn(1, model.language_width))


@torch.no_grad()
def seconds(vla: Vla) -> tuple[list[float], list[float]]:
    """Of each chunk: wall-clock time, and time on all processors together [s]."""
    inputs, chance = observation(vla.config), Generator().manual_seed(0)
    for _ in range(WARM_UP):
        vla.act(inputs, chance)
    wall: list[float] = []
    busy: list[float] = []
    while len(wall) < CHUNKS and sum(wall) < PATIENCE_S:
        began, used = time.perf_counter(), time.process_time()
        vla.act(inputs, chance)
        wall.append(time.perf_counter() - began)
        busy.append(time.process_time() - used)
    return wall, busy


def measure(head: HeadConfig) -> dict[str, float]:
    """Figures of the compact model with a head."""
    torch.manual_seed(0)
    vla = build_vla(config(head)).eval()
    figures = {f'{head.kind}_million_weights': vla.trainable_parameters() / 1e6}
    for threads in THREADS:
        torch.set_num_threads(threads)
        wall, busy = seconds(vla)
        name = f'{head.kind}_{threads}_thread{"s" if threads > 1 else ""}'
        figures[f'{name}_chunks_per_s'] = 1.0 / median(wall)
        figures[f'{name}_best_chunks_per_s'] = 1.0 / min(wall)
        figures[f'{name}_cpu_ms'] = 1e3 * median(busy)
    return figures


def heads() -> list[HeadConfig]:
    """Every head, as it is by default."""
    union, _ = get_args(HeadConfig)
    return [each() for each in get_args(union)]


def rt1_million_weights() -> float:
    """Of the RT-1 trunk at its published size, with the flow head."""
    model = config(FlowHeadConfig()).model_copy(update={'trunk': Rt1TrunkConfig(), 'history': 6})
    with torch.device('meta'):
        return build_vla(model).trainable_parameters() / 1e6


def main() -> None:
    """Measure, print and keep."""
    compact = build_vla(config(FlowHeadConfig())).trunk
    figures: dict[str, float] = {
        'load_before': os.getloadavg()[0],
        'trunk_million_weights': sum(each.numel() for each in compact.parameters()) / 1e6,
        'rt1_flow_million_weights': rt1_million_weights(),
    }
    for head in heads():
        figures |= measure(head)
    notes = (
        f'Two pictures of {SIDE}x{SIDE}, chunks of {ROWS} rows by {len(COLUMNS)} columns, fp32; '
        f'medians of {CHUNKS} chunks, or of as many as {PATIENCE_S:g} s take. …_cpu_ms: time on '
        'all processors. load_before: processes that wanted a processor in the minute before; '
        'above zero they slow everything down, and two threads, which wait for each other, most.'
    )
    report.write('model', figures, notes)


if __name__ == '__main__':
    main()
