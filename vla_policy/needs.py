# SPDX-License-Identifier: Apache-2.0
"""Packages that are installed on demand."""

from collections.abc import Iterable
from importlib.util import find_spec

from vla_contract.errors import VlaError

LEARNED = ('torch', 'safetensors', 'tokenizers')
"""What a learned policy cannot do without."""
TRAINING = (*LEARNED, 'transformers', 'tensorboard')


def refuse_missing(who: str, packages: Iterable[str]) -> None:
    """See that packages are installed.

    Raises:
        VlaError: With those that are not, who needs them, and what brings them.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise VlaError(
            f'{who} needs {", ".join(missing)}, not installed; in the checkout, '
            '`python3 -m tools.bootstrap model` brings what requirements/model.txt names'
        )
