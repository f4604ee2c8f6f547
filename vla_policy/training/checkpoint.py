# SPDX-License-Identifier: Apache-2.0
"""A training run on disk: the model that others load, and what it takes to go on from there.

`model/` holds what a policy needs and nothing else (see vla_policy/checkpoint.py). `resume/` holds
the raw weights, their slow average and the optimizer. Both are replaced as a whole: a process that
is killed while it writes leaves the old ones.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from vla_contract.errors import VlaError
from vla_policy.checkpoint import apart

RESUME = 'resume'
_STATE = 'state.json'


def save_resume(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Any) -> None:  # noqa: ANN401
    """Write groups of named tensors and a JSON value, instead of those before.

    Args:
        folder: Of the run.
        tensors: Groups, by name: ``weights``, ``average``, ``optimizer``.
        state: Step, and what must not change from one start to the next.
    """
    new, old, now = folder / 'resume.new', folder / 'resume.old', folder / RESUME
    shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    new.mkdir(parents=True)
    for name, group in tensors.items():
        save_file(apart(group), new / f'{name}.safetensors')
    (new / _STATE).write_text(json.dumps(state, indent=2) + '\n', encoding='utf-8')
    if now.exists():
        now.rename(old)
    new.rename(now)
    shutil.rmtree(old, ignore_errors=True)


def load_resume(folder: Path) -> tuple[dict[str, dict[str, Tensor]], Any]:
    """What save_resume wrote last.

    Raises:
        VlaError: There is nothing, or it cannot be read.
    """
    now = folder / RESUME
    if not now.is_dir() and (folder / 'resume.old').is_dir():
        now = folder / 'resume.old'  # killed between two renames
    try:
        state = json.loads((now / _STATE).read_text(encoding='utf-8'))
        groups = {path.stem: load_file(path) for path in sorted(now.glob('*.safetensors'))}
    except (OSError, ValueError, SafetensorError) as error:
        raise VlaError(
            f'{now}: cannot go on from here: {error}; begin anew in another folder'
        ) from error
    return groups, state
