# SPDX-License-Identifier: Apache-2.0
"""A head's configuration → the head."""

from vla_contract.errors import VlaError
from vla_policy.heads.autoregressive import AutoregressiveTokensHead
from vla_policy.heads.config import (
    CvaeHeadConfig,
    DiffusionHeadConfig,
    FlowHeadConfig,
    HeadConfig,
    RegressionHeadConfig,
    TokensHeadConfig,
)
from vla_policy.heads.cvae import CvaeHead
from vla_policy.heads.diffusion import DiffusionHead
from vla_policy.heads.flow import FlowHead
from vla_policy.heads.head import Head
from vla_policy.heads.regression import RegressionHead
from vla_policy.heads.tokens import ParallelTokensHead


def build_head(config: HeadConfig, width: int, rows: int, columns: int) -> Head:
    """The head of a configuration, with random weights.

    Args:
        config: Which, and its choices.
        width: D of the context that the trunk answers.
        rows: Of a chunk.
        columns: Of an action.

    Raises:
        VlaError: A prefix as long as the chunk would leave nothing to say.
    """
    if config.prefix_rows >= rows:
        raise VlaError(
            f'prefix_rows: {config.prefix_rows}, while a chunk has {rows} rows; at least one row '
            'must be left to predict'
        )
    match config:
        case FlowHeadConfig():
            return FlowHead(config, width, rows, columns)
        case DiffusionHeadConfig():
            return DiffusionHead(config, width, rows, columns)
        case TokensHeadConfig(decoding='autoregressive'):
            return AutoregressiveTokensHead(config, width, rows, columns)
        case TokensHeadConfig():
            return ParallelTokensHead(config, width, rows, columns)
        case RegressionHeadConfig():
            return RegressionHead(config, width, rows, columns)
        case CvaeHeadConfig():
            return CvaeHead(config, width, rows, columns)
