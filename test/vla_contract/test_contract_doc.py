# SPDX-License-Identifier: Apache-2.0
"""The page about the contract says what the code does."""

from pathlib import Path

import pytest
import yaml

from tools import make_contract_doc
from vla_contract.deployment import DeploymentFile
from vla_contract.document import Document, inner_documents
from vla_contract.policy import Policy
from vla_contract.robot import Robot

PAGE = make_contract_doc.PAGE.read_text(encoding='utf-8')


def documents(model: type[Document]) -> set[type[Document]]:
    """A document and all those inside it."""
    inner = (inner_documents(field.annotation) for field in model.model_fields.values())
    return {model}.union(*(documents(found) for each in inner for found in each))


def test_the_page_is_what_its_script_writes() -> None:
    """Run python -m tools.make_contract_doc when this fails."""
    assert make_contract_doc.rewritten(PAGE) == PAGE


@pytest.mark.parametrize('root', [Robot, Policy, DeploymentFile])
def test_every_document_has_its_table(root: type[Document]) -> None:
    """None is forgotten when one is added."""
    tabled = {model for models in make_contract_doc.DOCUMENTS.values() for model in models}
    assert documents(root) <= tabled


@pytest.mark.parametrize('root', [Robot, Policy, DeploymentFile])
def test_every_key_says_what_it_means(root: type[Document]) -> None:
    """The docstring of a document describes each of its keys, and no other."""
    for model in documents(root):
        assert list(model.meanings()) == list(model.model_fields), model.__name__


def test_the_deployment_shown_is_yaml_of_keys_that_exist() -> None:
    """An example that is refused teaches nothing."""
    block = PAGE.split('```yaml\n')[1].split('```')[0]
    assert set(yaml.safe_load(block)) <= set(DeploymentFile.model_fields)


def test_what_is_said_about_mistakes_names_no_folder_of_this_machine() -> None:
    """Paths in the page are those of a checkout."""
    assert str(Path.home()) not in PAGE
    assert str(make_contract_doc.ROOT) not in PAGE
