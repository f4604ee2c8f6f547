# SPDX-License-Identifier: Apache-2.0
"""Write the tables of docs/train.md from the code that reads recipes.

A test fails while the page and the code differ:

    python -m tools.make_training_doc
"""

from tools.make_contract_doc import ROOT, filled, tables
from vla_contract.document import Document
from vla_policy.heads.config import (
    CvaeHeadConfig,
    DecoderConfig,
    DiffusionHeadConfig,
    FlowHeadConfig,
    RegressionHeadConfig,
    TokensHeadConfig,
)
from vla_policy.models.config import (
    CompactTrunkConfig,
    ImageSpec,
    LanguageConfig,
    LoraConfig,
    Rt1TrunkConfig,
    VlmTrunkConfig,
)
from vla_policy.training.recipe import Augmentation, OptimizerConfig, Recipe

PAGE = ROOT / 'docs' / 'train.md'
DOCUMENTS: tuple[type[Document], ...] = (
    Recipe,
    ImageSpec,
    OptimizerConfig,
    Augmentation,
    FlowHeadConfig,
    DiffusionHeadConfig,
    TokensHeadConfig,
    RegressionHeadConfig,
    CvaeHeadConfig,
    DecoderConfig,
    CompactTrunkConfig,
    Rt1TrunkConfig,
    VlmTrunkConfig,
    LoraConfig,
    LanguageConfig,
)


def main() -> None:
    """Rewrite the page in place."""
    PAGE.write_text(rewritten(PAGE.read_text(encoding='utf-8')), encoding='utf-8')


def rewritten(page: str) -> str:
    """The page with its tables made anew."""
    return filled(page, 'recipe', tables(DOCUMENTS))


if __name__ == '__main__':
    main()
