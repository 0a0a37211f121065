"""Texts of public evaluation sets, to be compared with training texts.

Belongs here: which files and fields a set has. Does not belong here: scoring. A set is a
``<name>.jsonl`` in the directory that ``AMODELS_EVAL_DIR`` names, with the field names under which
it is published. What is compared of an item is its question with the right answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amodels_assets.questions.facts import QuestionsError


@dataclass(frozen=True)
class PublicSets:
    """What lies in a directory.

    Attributes:
        items: Texts by set.
        missing: Known sets that are not there.
    """

    items: dict[str, list[str]]
    missing: tuple[str, ...]


def _arc(item: Mapping[str, Any]) -> list[str]:
    choices = item["choices"]
    if isinstance(choices, Mapping):
        return [item["question"], choices["text"][choices["label"].index(item["answerKey"])]]
    return [item["question"], choices[item["label"]]]


def _triviaqa(item: Mapping[str, Any]) -> list[str]:
    answer = item["answer"]
    return [item["question"], answer["value"] if isinstance(answer, Mapping) else answer]


def _social_iqa(item: Mapping[str, Any]) -> list[str]:
    letter = {"1": "A", "2": "B", "3": "C"}.get(str(item["label"]), str(item["label"]))
    return [item["context"], item["question"], item[f"answer{letter}"]]


_TEXTS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "boolq": lambda item: [item["passage"], item["question"]],
    "piqa": lambda item: [item["goal"], item[f"sol{int(item['label']) + 1}"]],
    "social_iqa": _social_iqa,
    "hellaswag": lambda item: [item["ctx"], item["endings"][int(item["label"])]],
    "arc_easy": _arc,
    "arc_challenge": _arc,
    "triviaqa": _triviaqa,
    "gsm8k": lambda item: [item["question"], item["answer"]],
    "gsm_symbolic": lambda item: [item["question"], item["answer"]],
}
NAMES = tuple(_TEXTS)


def read_public_sets(folder: Path | None) -> PublicSets:
    """Every set that lies in a directory, known or not.

    Of a set whose fields are not known all texts are compared.

    Args:
        folder: None for no directory: all sets are missing.

    Raises:
        QuestionsError: The directory is not there, or a line lacks a field of its set.
    """
    if folder is None:
        return PublicSets({}, NAMES)
    if not folder.is_dir():
        raise QuestionsError(
            f"AMODELS_EVAL_DIR names {folder}, which is no directory: name one with files such as "
            "boolq.jsonl"
        )
    files = {path.stem: path for path in sorted(folder.glob("*.jsonl"))}
    items = {name: list(_items(name, path)) for name, path in files.items()}
    return PublicSets(items, tuple(name for name in NAMES if name not in files))


def _items(name: str, path: Path) -> Iterator[str]:
    text_of = _TEXTS.get(name, _all_texts)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionsError(f"{path} cannot be read as UTF-8 text") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield " ".join(text_of(json.loads(line)))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise QuestionsError(
                f"{path}:{number} has not the fields of {name}: {type(error).__name__} {error}"
            ) from error


def _all_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, Mapping) else value
    if isinstance(inside, str | int | float | None):
        return []
    return [text for part in inside for text in _all_texts(part)]
