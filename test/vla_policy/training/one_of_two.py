# SPDX-License-Identifier: Apache-2.0
"""What each of two processes does that test_trainer.py starts by torchrun; no test by itself."""

import os
from dataclasses import replace
from pathlib import Path

import torch

from test.vla_policy.training.small import RECIPE, parts
from vla_policy.training.parallel import Kind, join
from vla_policy.training.trainer import Trainer


def test_take_part() -> None:
    """Train with the other one, each with the whole model and then each with a part of it."""
    torch.set_num_threads(1)
    crew = join()
    kinds: tuple[Kind, ...] = ('ddp', 'fsdp')
    for kind in kinds:
        learner, examples = parts()
        folder = Path(os.environ['CREW_FOLDER']) / kind
        trainer = Trainer(learner, RECIPE, examples, replace(crew, kind=kind), folder)
        trainer.run(lambda _: None, lambda _: None)
    crew.leave()
