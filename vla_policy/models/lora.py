# SPDX-License-Identifier: Apache-2.0
"""Low-rank changes to the linear layers of a large model, by peft."""

from torch import nn

from vla_contract.errors import VlaError
from vla_policy.models.config import LoraConfig


def add_lora(model: nn.Module, config: LoraConfig) -> None:
    """Freeze a model and give its linear layers changes that are learned, and zero at first.

    Raises:
        VlaError: peft is not installed, or the model has no module of such a name.
    """
    try:
        import peft
    except ImportError:
        raise VlaError(
            'adapt: lora needs peft, which is not installed; install requirements/model.txt, '
            'or choose adapt: frozen or adapt: full'
        ) from None
    targets = config.modules[0] if config.modules == ('all-linear',) else list(config.modules)
    changes = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=targets,
    )
    model.requires_grad_(requires_grad=False)
    try:
        peft.inject_adapter_in_model(changes, model)
    except ValueError as error:
        raise VlaError(f'lora.modules {", ".join(config.modules)}: {error}') from error
