# SPDX-License-Identifier: Apache-2.0
"""A model's configuration: what is refused, and that it is read without torch."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from test.vla_policy.models.builders import COLUMNS, model_config
from vla_policy.models.config import ImageSpec, ModelConfig, Rt1TrunkConfig, VlmTrunkConfig


def test_configuration_survives_json() -> None:
    """As a checkpoint keeps it."""
    config = model_config(history=3, trunk=Rt1TrunkConfig(tokens=4))
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


def test_column_that_cannot_be_a_difference_is_refused() -> None:
    """Its position would have to be known."""
    with pytest.raises(ValidationError, match=r'lacks turn.*relative: false'):
        model_config(state_columns=('lift', 'gripper'))
    model_config(state_columns=('lift', 'turn'))
    model_config(state_columns=(), relative=False)


def test_history_is_for_trunks_that_look_at_it() -> None:
    """The compact trunk would read the newest frame alone, and nobody would know."""
    with pytest.raises(ValidationError, match=r'history.*2, while trunk compact looks at 1'):
        model_config(history=2)


def test_name_that_is_there_twice_is_refused() -> None:
    """Which of the two would be fed?"""
    image = ImageSpec(key='wrist', width=32, height=32)
    with pytest.raises(ValidationError, match='wrist is there twice'):
        model_config(images=(image, image))
    with pytest.raises(ValidationError, match='lift is there twice'):
        model_config(action_columns=(*COLUMNS, 'lift'))


def test_vision_language_model_takes_no_sentence_embedding() -> None:
    """It reads the instruction itself."""
    assert model_config(trunk=VlmTrunkConfig(folder='model')).language_width == 0


def test_configuration_is_read_without_torch() -> None:
    """A policy file is checked on machines that have none."""
    script = (
        'import sys; import vla_policy.models.config, vla_policy.models.relative; '
        'assert "torch" not in sys.modules'
    )
    subprocess.run([sys.executable, '-c', script], check=True, timeout=60)
