# SPDX-License-Identifier: Apache-2.0
"""What each of two processes does that test_trainer.py starts by torchrun; no test by itself."""

import os
from pathlib import Path

import torch

from test.vla_policy.training.small import RECIPE, parts
from vla_policy.training.parallel import join
from vla_policy.training.trainer import Trainer


def test_take_part() -> None:
    """Train with the other one."""
    torch.set_num_threads(1)
    crew = join('fsdp' if os.environ['CREW_KIND'] == 'fsdp' else 'ddp')
    learner, examples = parts()
    trainer = Trainer(learner, RECIPE, examples, crew, Path(os.environ['CREW_FOLDER']))
    trainer.run(lambda _: None, lambda _: None)
    crew.leave()
