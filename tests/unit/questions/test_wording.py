"""Phrasings: enough of them, with the right slots, and none on both sides."""

from __future__ import annotations

import re
from itertools import product

import pytest

from amodels_assets.questions.names import KINDS
from amodels_assets.questions.queries import FORMS
from amodels_assets.questions.wording import (
    FEWEST_TRAINING_PHRASINGS,
    fill,
    phrasings,
    selections,
    slots_of,
)

SLOTS = {
    "column_type": {"relation", "column"},
    "table_of_column": {"column"},
    "upstream": {"view"},
    "downstream": {"relation"},
    "loading_job": {"relation"},
    "schedule": {"job"},
    "sql": {"relation", "selection"},
    "documentation": {"what"},
}


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", re.sub(r"\{\w+\}", "", text.lower())))


def test_every_kind_has_phrasings() -> None:
    assert set(phrasings()) == set(KINDS)
    assert set(selections()) == set(FORMS)


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_enough_and_none_is_used_twice(kind: str) -> None:
    training, evaluation = (phrasings()[kind][use] for use in ("train", "evaluation"))
    assert len(set(training)) == len(training) >= FEWEST_TRAINING_PHRASINGS
    assert len(set(evaluation)) == len(evaluation) >= 4
    for text in (*training, *evaluation):
        assert slots_of(text) == SLOTS[kind]
    # Not a paraphrase that differs in a word.
    for one, other in product(training, evaluation):
        shared = len(words(one) & words(other)) / len(words(one) | words(other))
        assert shared < 0.6, (one, other)


@pytest.mark.parametrize("form", FORMS)
def test_selections_name_what_the_query_needs(form: str) -> None:
    needed = {"a"} | ({"b"} if FORMS[form].b else set())
    needed |= {"value"} if FORMS[form].values else set()
    uses = selections()[form]
    assert not set(uses["train"]) & set(uses["evaluation"])
    for text in (*uses["train"], *uses["evaluation"]):
        assert slots_of(text) == needed


def test_braces_in_names_stay() -> None:
    assert fill("{a} of {b}", {"a": "{x}", "b": "{b}"}) == "{x} of {b}"
