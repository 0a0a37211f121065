"""What is checked of questions that were built.

Belongs here: overlaps, splits, answers against the catalog. Does not belong here: Dagster. Answers
are derived again by ways of their own, straight from the catalog's rows, so that a fault of
``facts.py`` or of a kind cannot confirm itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from amodels_assets.questions.answers import query_names
from amodels_assets.questions.facts import starts_of
from amodels_assets.questions.folder import texts
from amodels_assets.questions.names import HELD_OUT, KINDS, LISTS, RECALL, SPLITS, TRAIN
from amodels_assets.questions.overlap import Overlap, TrainingTexts
from amodels_assets.questions.public_sets import read_public_sets
from amodels_assets.questions.seeded import some

SAMPLE = 25


@dataclass(frozen=True)
class OverlapReport:
    """What comparing training with every evaluation set found.

    Attributes:
        found: By set.
        not_compared: Known sets that are not there.
    """

    found: dict[str, Overlap]
    not_compared: tuple[str, ...]

    @property
    def overlapping(self) -> dict[str, int]:
        """Number of overlapping items by set, of sets that have some."""
        return {name: len(found.items) for name, found in self.found.items() if found.items}

    def sentence(self) -> str:
        """The findings in a sentence or two."""
        absent = f"; not compared: {', '.join(self.not_compared)}" if self.not_compared else ""
        if not self.overlapping:
            total = sum(found.compared for found in self.found.values())
            return f"none of {total:,} items in {len(self.found)} sets overlaps{absent}"
        name = next(iter(self.overlapping))
        first = self.found[name].first
        counts = ", ".join(f"{n} of {name}" for name, n in self.overlapping.items())
        shown = f", first of {name} with “{first.words}”" if first else ""
        return f"items that overlap with training: {counts}{shown}{absent}"

    def markdown(self) -> str:
        """A row a set."""
        rows = [
            f"| {name} | {found.compared:,} | {found.too_short:,} | {len(found.items):,} |"
            for name, found in self.found.items()
        ]
        rows += [f"| {name} | not compared: not there | | |" for name in self.not_compared]
        header = ["| set | items compared | too short | overlapping |", "|---|---|---|---|"]
        return "\n".join([*header, *rows])


def find_overlaps(questions: Mapping[str, pa.Table], public: Path | None) -> OverlapReport:
    """Compare the training questions with what is held out and with public sets.

    Args:
        questions: By split.
        public: Directory of public sets.

    Raises:
        QuestionsError: A public set cannot be read.
    """
    training = TrainingTexts(texts(questions[TRAIN]))
    found = {f"catalog_{split}": training.compare(texts(questions[split])) for split in HELD_OUT}
    sets = read_public_sets(public)
    found |= {name: training.compare(items) for name, items in sets.items.items()}
    return OverlapReport(found, sets.missing)


def split_faults(questions: Mapping[str, pa.Table]) -> list[str]:
    """Families, relations or phrasings that are in two splits that must not share them."""
    holders: dict[str, dict[str, set[str]]] = {
        what: defaultdict(set) for what in ("family", "relation", "phrasing", "question")
    }
    for split, table in questions.items():
        # Recall asks about training's own tables.
        of = TRAIN if split == RECALL else split
        for row in table.select(["family", "relations", "kind", "phrasing", "item_id"]).to_pylist():
            holders["family"][row["family"]].add(of)
            for relation in row["relations"]:
                holders["relation"][relation].add(of)
            use = "training" if split == TRAIN else "evaluation"
            holders["phrasing"][f"{row['kind']} {row['phrasing']}"].add(use)
            holders["question"][row["item_id"]].add(split)
    return [
        f"{what} {name} is in {' and '.join(sorted(found))}"
        for what, names in holders.items()
        for name, found in sorted(names.items())
        if len(found) > 1
    ]


def kinds_not_asked(questions: Mapping[str, pa.Table]) -> list[str]:
    """Kinds of question that a split lacks, as ``<split> <kind>``."""
    there = {split: Counter(questions[split]["kind"].to_pylist()) for split in SPLITS}
    return [f"{split} {kind}" for split in SPLITS for kind in KINDS if not there[split][kind]]


def wrong_answers(
    questions: Mapping[str, pa.Table], catalog: Mapping[str, pa.Table], seed: int = 0
) -> tuple[int, list[str]]:
    """Answers of a sample of every split and kind that the catalog does not give.

    Args:
        questions: By split.
        catalog: Tables of the artifact ``sgmi/catalog``.
        seed: Of the sample.

    Returns:
        How many were looked at, and the identifiers of the wrong ones.
    """
    book = _Book(catalog)
    looked_at, wrong = 0, []
    for split, table in questions.items():
        by_kind: dict[str, dict[str, dict]] = defaultdict(dict)
        for row in table.select(
            ["item_id", "kind", "subject", "answer", "choices", "label"]
        ).to_pylist():
            by_kind[row["kind"]][row["item_id"]] = row
        for kind, rows in by_kind.items():
            for name in some(list(rows), SAMPLE, seed, "examined", split, kind):
                row = rows[name]
                looked_at += 1
                marked = not row["choices"] or row["choices"][row["label"]] == row["answer"]
                if not marked or not book.confirms(kind, row["subject"], row["answer"]):
                    wrong.append(f"{split} {name}")
    return looked_at, wrong


class _Book:
    """The catalog's rows, looked up anew for each question."""

    def __init__(self, catalog: Mapping[str, pa.Table]) -> None:
        self._columns: dict[str, list[dict]] = defaultdict(list)
        self._holders: dict[str, set[str]] = defaultdict(set)
        for row in catalog["columns"].to_pylist():
            relation = f"{row['database']}.{row['table']}"
            self._columns[relation].append(row)
            self._holders[row["column"]].add(relation)
        self._tables = {f"{r['database']}.{r['table']}": r for r in catalog["tables"].to_pylist()}
        self._edges = {
            (
                f"{row['target_database']}.{row['target_table']}",
                f"{row['source_database']}.{row['source_table']}",
            )
            for row in catalog["table_lineage"].to_pylist()
        }
        self._edges = {(view, source) for view, source in self._edges if view != source}
        self._jobs = {row["job"]: row for row in catalog["jobs"].to_pylist()}
        self._schedules = {row["job"]: row for row in catalog["job_schedules"].to_pylist()}
        self._writes = {
            (f"{row['database']}.{row['table']}", row["job"])
            for row in catalog["job_tables"].to_pylist()
            if row["access"] == "writes"
        }

    def confirms(self, kind: str, subject: str, answer: str) -> bool:
        """Whether the catalog gives that answer."""
        if kind == "sql":
            return self._is_query(subject.rpartition(" ")[0], answer)
        if kind in LISTS:
            return self._names(kind, subject) == set(answer.split(", "))
        return self._text(kind, subject) == answer

    def _names(self, kind: str, subject: str) -> set[str]:
        if kind == "table_of_column":
            return self._holders[subject]
        if kind == "upstream":
            return self._spread(subject, forward=False) - {view for view, _ in self._edges}
        if kind == "downstream":
            return self._spread(subject, forward=True)
        return {job for relation, job in self._writes if relation == subject}

    def _text(self, kind: str, subject: str) -> str | None:
        if kind == "schedule":
            return starts_of(self._schedules[subject])
        if kind == "column_type":
            relation, _, column = subject.rpartition(".")
            return self._of_column(relation, column, "type")
        return self._comment(subject)

    def _of_column(self, relation: str, column: str, field: str) -> str | None:
        found = [row[field] for row in self._columns[relation] if row["column"] == column]
        return found[0] if len(found) == 1 else None

    def _spread(self, start: str, *, forward: bool) -> set[str]:
        """Closure of the edges by adding to it until nothing new comes."""
        found: set[str] = set()
        while True:
            edge = {start, *found}
            new = {v if forward else s for v, s in self._edges if (s if forward else v) in edge}
            if new <= found:
                return found - {start}
            found |= new

    def _is_query(self, relation: str, answer: str) -> bool:
        named = query_names(answer)
        if named is None:
            return False
        tables, columns = named
        known = {row["column"] for row in self._columns[relation]}
        return tables == {relation} and bool(columns) and columns <= known

    def _comment(self, subject: str) -> str:
        if subject.startswith("job "):
            text = self._jobs[subject.removeprefix("job ")]["description"]
        elif subject in self._tables:
            text = self._tables[subject]["comment"]
        else:
            relation, _, column = subject.rpartition(".")
            text = self._of_column(relation, column, "comment")
        return " ".join((text or "").split())
