"""Facts put into words: phrasings, the excerpt before the question, chat messages.

Belongs here: texts. Does not belong here: facts. The phrasings are data, ``phrasings.yaml`` and
``selections.yaml``.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from amodels_assets.questions.draft import Draft
from amodels_assets.questions.facts import QuestionsError
from amodels_assets.questions.seeded import drawn, number

TRAINING, EVALUATION = "train", "evaluation"
OPEN, CLOSED = "open", "closed"
FEWEST_TRAINING_PHRASINGS = 8
INSTRUCTION = (
    "You answer questions about a data warehouse. Reply with the answer alone, several names with "
    "commas between."
)
Message = dict[str, str]
Texts = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Asked:
    """A question in words.

    Attributes:
        phrasing: Which, for instance ``train/3``.
        question: The words.
        messages: What a model is given, role and content.
    """

    phrasing: str
    question: str
    messages: tuple[Message, ...]


@cache
def phrasings() -> Texts:
    """Phrasings by kind and by use, ``train`` and ``evaluation``."""
    return _read("phrasings.yaml")


@cache
def selections() -> Texts:
    """The words for what a query selects, by its form and by use."""
    return _read("selections.yaml")


def ask(draft: Draft, use: str, book: str, count: int, seed: int) -> list[Asked]:
    """A fact in several phrasings.

    Args:
        draft: The fact.
        use: ``TRAINING`` or ``EVALUATION``.
        book: ``OPEN`` puts the excerpt before the question, ``CLOSED`` does not.
        count: Phrasings at most.
        seed: Of the choice.
    """
    ways = phrasings()[draft.kind][use]
    key = (seed, "phrasing", draft.kind, draft.subject, use, book)
    found = []
    for place in drawn(map(str, range(len(ways))), count, *key):
        slots = draft.slots
        if draft.form:
            texts = selections()[draft.form][use]
            text = texts[number(*key, place) % len(texts)]
            slots = {**slots, "selection": fill(text, slots)}
        question = fill(ways[int(place)], slots)
        excerpt = "\n".join(draft.excerpt) + "\n\n" if book == OPEN else ""
        messages = (
            {"role": "system", "content": INSTRUCTION},
            {"role": "user", "content": f"{excerpt}{question}"},
        )
        found.append(Asked(f"{use}/{place}", question, messages))
    return found


def fill(text: str, slots: Mapping[str, str]) -> str:
    """A template with its slots filled in; braces in what is filled in stay as they are."""
    parts = string.Formatter().parse(text)
    return "".join(before + (slots[name] if name else "") for before, name, _, _ in parts)


def slots_of(text: str) -> set[str]:
    """Names of a template's slots."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _read(name: str) -> Texts:
    import yaml

    raw = yaml.safe_load(files("amodels_assets.questions").joinpath(name).read_text("utf-8"))
    found = {kind: {use: tuple(ways) for use, ways in uses.items()} for kind, uses in raw.items()}
    for kind, uses in found.items():
        if not uses.get(TRAINING) or not uses.get(EVALUATION):
            raise QuestionsError(f"{name} has no phrasings of {kind} for training or evaluation")
    return found
