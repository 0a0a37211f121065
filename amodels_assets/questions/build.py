"""The catalog to questions in splits.

Belongs here: the order of the steps, and the files. Does not belong here: the steps.

Of every fact of the training families questions are made with the excerpt that answers them
(``open``) and without (``closed``). Held-out families are asked about with the excerpt only:
nobody can know what was never shown. ``recall`` asks for facts that were taught, without the
excerpt and in phrasings of the evaluation: what has stuck.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from amodels_assets.questions import column_kinds, flow_kinds, queries
from amodels_assets.questions.draft import Draft, Scene
from amodels_assets.questions.facts import QuestionsError, read_facts
from amodels_assets.questions.families import make_splits
from amodels_assets.questions.names import HELD_OUT, KINDS, RECALL, SPLITS, TEST, TRAIN
from amodels_assets.questions.near_duplicates import near_duplicates
from amodels_assets.questions.overlap import TrainingTexts
from amodels_assets.questions.seeded import number, shuffled
from amodels_assets.questions.wording import CLOSED, EVALUATION, OPEN, TRAINING, Asked, ask

SUMMARY = "summary.json"
_PHRASINGS = 2
_MAKERS: dict[str, Callable[[Scene], Iterator[Draft | None]]] = {
    "column_type": column_kinds.column_types,
    "table_of_column": column_kinds.tables_of_columns,
    "upstream": flow_kinds.upstream,
    "downstream": flow_kinds.downstream,
    "loading_job": flow_kinds.loading_jobs,
    "schedule": flow_kinds.schedules,
    "sql": queries.queries,
    "documentation": column_kinds.documentation,
}
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("kind", pa.string()),
        ("split", pa.string()),
        ("book", pa.string()),
        ("phrasing", pa.string()),
        ("subject", pa.string()),
        ("family", pa.string()),
        ("relations", pa.list_(pa.string())),
        ("messages", pa.list_(_MESSAGE)),
        ("answer", pa.string()),
        ("accepted", pa.list_(pa.string())),
        ("choices", pa.list_(pa.string())),
        ("label", pa.int8()),
    ]
)


@dataclass(frozen=True)
class Item:
    """A question in words with what it was made from."""

    item_id: str
    split: str
    book: str
    draft: Draft
    asked: Asked

    @property
    def question_and_answer(self) -> str:
        """Without the excerpt: what near-duplicates are judged by."""
        return f"{self.asked.question} {self.draft.answer}"

    @property
    def text(self) -> str:
        """What a model reads and says, without the instruction that every item has."""
        return f"{self.asked.messages[-1]['content']} {self.draft.answer}"


@dataclass(frozen=True)
class Questions:
    """Questions by split, and what the making of them found.

    Attributes:
        tables: Rows of ``SCHEMA`` by split.
        summary: JSON-serialisable figures.
    """

    tables: dict[str, pa.Table]
    summary: dict[str, object]


def build_questions(catalog: Mapping[str, pa.Table], seed: int = 0) -> Questions:
    """Make the questions of a catalog.

    Args:
        catalog: Tables of the artifact ``sgmi/catalog`` by name.
        seed: Of the split, of what is asked about and in which words.

    Raises:
        QuestionsError: The catalog is not one, or too small to hold anything out.
    """
    facts = read_facts(catalog)
    scene = Scene(facts, make_splits(facts, seed), seed)
    drafts = [draft for kind in KINDS for draft in _MAKERS[kind](scene) if draft]
    items = [item for draft in drafts for item in _items(draft, seed)]
    kept, removed = _without_duplicates(items)
    kept, shared = _without_overlap(kept)
    kept = _taught_only(kept)
    empty = [s for s in (TRAIN, TEST) if all(item.split != s for item in kept)]
    if empty:
        raise QuestionsError(
            f"the catalog has {len(facts.kinds)} tables and views, too few for questions in the "
            f"split {empty[0]}: read more dumps into it"
        )
    rows = _rows(kept, seed)
    tables = {
        split: pa.Table.from_pylist([row for row in rows if row["split"] == split], SCHEMA)
        for split in SPLITS
    }
    families = {item.draft.family: item.draft.split for item in kept}
    return Questions(
        tables,
        {
            "seed": seed,
            "questions": {
                split: {k: Counter(t["kind"].to_pylist())[k] for k in KINDS}
                for split, t in tables.items()
            },
            "families": dict(sorted(Counter(families.values()).items())),
            "near_duplicates_removed": removed,
            "overlapping_removed": shared,
            "not_asked": {reason: n for reason, n in sorted(scene.left_out.items()) if n},
        },
    )


def write_questions(questions: Questions, folder: Path) -> None:
    """Write ``<split>.parquet`` of every split, and the summary."""
    from amodels_assets.artifacts import write_table

    for split, table in questions.tables.items():
        write_table(folder, split, table)
    text = json.dumps(questions.summary, indent=2, sort_keys=True) + "\n"
    (folder / SUMMARY).write_text(text, encoding="utf-8")


def _items(draft: Draft, seed: int) -> Iterator[Item]:
    if draft.split == TRAIN:
        ways = [(TRAIN, OPEN, TRAINING, _PHRASINGS), (TRAIN, CLOSED, TRAINING, _PHRASINGS)]
        ways.append((RECALL, CLOSED, EVALUATION, 1))
    else:
        ways = [(draft.split, OPEN, EVALUATION, _PHRASINGS)]
    for split, book, use, count in ways:
        for asked in ask(draft, use, book, count, seed):
            name = f"{draft.kind}/{draft.subject}/{book}/{asked.phrasing}"
            yield Item(name, split, book, draft, asked)


def _without_duplicates(items: list[Item]) -> tuple[list[Item], dict[str, int]]:
    """Of two that are near the held-out one stays, of two of a split the first."""
    first = [*reversed(HELD_OUT), TRAIN, RECALL]
    removed: Counter[str] = Counter()
    kept = []
    for book in (OPEN, CLOSED):
        mine = sorted(
            (item for item in items if item.book == book), key=lambda i: first.index(i.split)
        )
        doomed = set(near_duplicates([item.question_and_answer for item in mine]))
        removed.update(mine[place].split for place in doomed)
        kept += [item for place, item in enumerate(mine) if place not in doomed]
    return kept, {split: removed[split] for split in SPLITS}


def _without_overlap(items: list[Item]) -> tuple[list[Item], int]:
    """Training gives way where it shares a run of words with what is held out."""
    training = [item for item in items if item.split == TRAIN]
    held_out = [item.text for item in items if item.split in HELD_OUT]
    found = TrainingTexts(item.text for item in training).compare(held_out).training
    doomed = {training[place].item_id for place in found}
    return [item for item in items if item.item_id not in doomed], len(doomed)


def _taught_only(items: list[Item]) -> list[Item]:
    """Recall asks for nothing that duplicates or overlaps have taken out of training."""
    taught = {
        (item.draft.kind, item.draft.subject)
        for item in items
        if item.split == TRAIN and item.book == CLOSED
    }
    return [
        item
        for item in items
        if item.split != RECALL or (item.draft.kind, item.draft.subject) in taught
    ]


def _rows(items: list[Item], seed: int) -> list[dict[str, object]]:
    rows = []
    groups: dict[tuple[str, str, int], list[Item]] = defaultdict(list)
    for item in items:
        groups[item.split, item.draft.kind, len(item.draft.wrong) + 1].append(item)
    for (_, _, count), found in groups.items():
        order = sorted(found, key=lambda item: number(seed, "label", item.item_id))
        for place, item in enumerate(order):
            rows.append(_row(item, place % count, seed))
    return sorted(rows, key=lambda row: (KINDS.index(row["kind"]), row["item_id"]))


def _row(item: Item, label: int, seed: int) -> dict[str, object]:
    draft = item.draft
    choices = shuffled(draft.wrong, seed, "choices", item.item_id)
    choices.insert(label, draft.answer)
    return {
        "item_id": item.item_id,
        "kind": draft.kind,
        "split": item.split,
        "book": item.book,
        "phrasing": item.asked.phrasing,
        "subject": draft.subject,
        "family": draft.family,
        "relations": list(draft.relations),
        "messages": list(item.asked.messages),
        "answer": draft.answer,
        "accepted": list(draft.accepted),
        "choices": choices if draft.wrong else [],
        "label": label if draft.wrong else None,
    }
