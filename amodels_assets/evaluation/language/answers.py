"""What makes a free answer right: the rules that a benchmark may name.

Belongs here: one rule a kind of answer, as lm-eval calls it. Does not belong here: choices, which
lm-eval judges itself.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amodels_assets.evaluation.language.grids import first_grid
from amodels_assets.questions.answers import is_accepted

Rule = Callable[[Mapping[str, Any], Sequence[str]], dict[str, float]]
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MARKED = re.compile(r"####\s*(-?[0-9][0-9,]*(?:\.[0-9]+)?)")
_NUMBER = re.compile(r"-?\$?[0-9][0-9,]*(?:\.[0-9]+)?")


def normal_words(text: str) -> str:
    """Words without case, articles and marks, as TriviaQA's own evaluation compares them.

    Example:
        >>> normal_words("The  U.S. Army!")
        'us army'
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(character for character in text if character not in string.punctuation + "‘’´`")
    return " ".join(_ARTICLES.sub(" ", text).split())


def number_of(text: str) -> str | None:
    """The number after ``####``, or else the last one, in one notation; None without any.

    Example:
        >>> number_of("so 1,200.50 in all")
        '1200.5'
        >>> number_of("5 and 7, so #### 12. Or 13")
        '12'
    """
    marked = _MARKED.findall(text)
    found = marked[:1] or _NUMBER.findall(text)[-1:]
    if not found:
        return None
    plain = found[0].replace(",", "").replace("$", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def any_alias(item: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Right where the answer is one of the aliases, both normalised."""
    answer = item["answer"]
    known = answer["aliases"] if isinstance(answer, Mapping) else item["aliases"]
    value = answer["value"] if isinstance(answer, Mapping) else answer
    accepted = {normal_words(alias) for alias in [*known, value]}
    return {"exact_match": float(normal_words(results[0]) in accepted)}


def last_number(item: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Right where the number after ``####``, or else the last one, is the answer's."""
    found = number_of(results[0])
    return {"exact_match": float(found is not None and found == number_of(item["answer"]))}


def same_grid(item: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Right where every cell is."""
    return {"exact_match": float(first_grid(results[0]) == item["output"])}


def catalog_answer(item: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Right where the catalog's own rule for the kind of question accepts it."""
    return {"exact_match": float(is_accepted(item["kind"], results[0], item["accepted"]))}


RULES: dict[str, Rule] = {
    "any_alias": any_alias,
    "last_number": last_number,
    "same_grid": same_grid,
    "catalog_answer": catalog_answer,
}
