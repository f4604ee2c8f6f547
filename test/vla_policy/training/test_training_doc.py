# SPDX-License-Identifier: Apache-2.0
"""The page about training says what a recipe may hold. Needs no torch."""

from tools import make_training_doc
from vla_contract.document import Document, inner_documents
from vla_policy.training.recipe import Recipe

PAGE = make_training_doc.PAGE.read_text(encoding='utf-8')


def documents(model: type[Document]) -> set[type[Document]]:
    """A document and all those inside it."""
    inner = (inner_documents(field.annotation) for field in model.model_fields.values())
    return {model}.union(*(documents(found) for each in inner for found in each))


def test_the_page_is_what_its_script_writes() -> None:
    """Run python -m tools.make_training_doc when this fails."""
    assert make_training_doc.rewritten(PAGE) == PAGE


def test_every_part_of_a_recipe_has_its_table() -> None:
    """None is forgotten when one is added."""
    assert documents(Recipe) == set(make_training_doc.DOCUMENTS)


def test_every_key_says_what_it_means() -> None:
    """The docstrings of a document and its bases describe each of its keys, and no other."""
    for model in documents(Recipe):
        assert list(model.meanings()) == list(model.model_fields), model.__name__
