"""Reading questions that were built, and the conversations made of them.

Belongs here: the files as others see them. Does not belong here: how they are made (``build.py``).
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from amodels_assets.questions.build import SCHEMA, SUMMARY
from amodels_assets.questions.facts import QuestionsError
from amodels_assets.questions.names import READ, SPLITS


def read_questions(folder: Path) -> dict[str, pa.Table]:
    """Questions by split.

    Raises:
        QuestionsError: The folder holds no questions, or they are not those of this release.
    """
    try:
        tables = {split: pq.read_table(folder / f"{split}.parquet") for split in SPLITS}
    except (OSError, pa.ArrowException) as error:
        raise QuestionsError(
            f"{folder} holds no questions that can be read: make them with amodels questions build"
        ) from error
    for split, table in tables.items():
        if not table.schema.equals(SCHEMA):
            raise QuestionsError(
                f"{folder / split}.parquet has other columns than this release: build it again"
            )
    return tables


def read_summary(folder: Path) -> dict:
    """The figures of the making.

    Raises:
        QuestionsError: There is no summary.
    """
    try:
        return json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise QuestionsError(f"{folder / SUMMARY} cannot be read: build the questions") from error


def read_catalog(folder: Path) -> dict[str, pa.Table]:
    """Tables of a catalog's folder by name.

    Raises:
        QuestionsError: It is no folder of a catalog.
    """
    try:
        return {name: pq.read_table(folder / f"{name}.parquet") for name in READ}
    except (OSError, pa.ArrowException) as error:
        raise QuestionsError(
            f"{folder} holds no catalog that can be read: make one with "
            f"amodels catalog SOURCE --out {folder}"
        ) from error


def conversations(table: pa.Table) -> list[list[dict[str, str]]]:
    """Messages of every question with the answer as the assistant's: what is trained on."""
    return [
        [*messages, {"role": "assistant", "content": answer}]
        for messages, answer in zip(
            table["messages"].to_pylist(), table["answer"].to_pylist(), strict=True
        )
    ]


def texts(table: pa.Table) -> list[str]:
    """What a model reads and says in every question, without the instruction that all have.

    This is what is compared for overlaps.
    """
    return [
        " ".join(message["content"] for message in conversation if message["role"] != "system")
        for conversation in conversations(table)
    ]
