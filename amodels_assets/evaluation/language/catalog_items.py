"""The platform's own benchmark: questions about the catalog as items.

Belongs here: what of a question becomes a field of an item. Does not belong here: how questions
are made (``questions``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amodels_assets.artifacts import sha256_file
from amodels_assets.evaluation.language.benchmarks import MULTIPLE_CHOICE, Benchmark
from amodels_assets.evaluation.language.sets import EvaluationSet, MissingSetError, checked
from amodels_assets.questions.folder import read_questions


def read_catalog_set(benchmark: Benchmark, folder: Path | None) -> EvaluationSet:
    """Items of the split that the benchmark names; those with choices where it needs them.

    Args:
        benchmark: Whose reader is ``catalog_questions``.
        folder: Of questions that were built; None where there are none.

    Raises:
        MissingSetError: There are none.
        QuestionsError: The folder's questions cannot be read.
        BenchmarkError: None of them has choices.
    """
    if folder is None:
        raise MissingSetError(
            f"{benchmark.title} needs questions about the catalog: "
            "say amodels run --select 'key:\"datasets/catalog_questions\"' after amodels run"
        )
    file = f"{benchmark.file}.parquet"
    rows = read_questions(folder)[benchmark.file].to_pylist()
    if benchmark.kind == MULTIPLE_CHOICE:
        rows = [row for row in rows if row["choices"]]
    items = [(file, _item(row)) for row in rows]
    return checked(benchmark, items, sha256_file(folder / file), file)


def _item(row: dict[str, Any]) -> dict[str, Any]:
    by_role = {message["role"]: message["content"] for message in row["messages"]}
    return {
        "item_id": row["item_id"],
        "kind": row["kind"],
        "instruction": by_role.get("system", ""),
        "question": by_role["user"],
        "answer": row["answer"],
        "accepted": row["accepted"],
        "choices": row["choices"],
        "label": row["label"],
    }
