"""A few short questions as files, and settings that suit them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from amodels_assets.questions.build import SCHEMA
from amodels_assets.questions.names import SPLITS
from amodels_assets.training.language.config import LanguageConfig

SYSTEM = "answer in one word, please: "
TYPES = ("int", "date", "text")
TINY = LanguageConfig.for_steps(16).changed(
    {
        "threads": 1,
        "batch_size": 2,
        "length": 160,
        "learning_rate": 0.01,
        "adapter.rank": 4,
        "adapter.dropout": 0.1,
        "evaluate_every": 8,
        "checkpoint_every": 3,
    }
)


def row(split: str, number: int, phrasing: int, *, book: str = "open") -> dict[str, Any]:
    """A question about the type of one of three columns."""
    types = [TYPES[(number + place) % 3] for place in range(3)]
    excerpt = f"t{number} has a {types[0]}, b {types[1]}, c {types[2]}"
    asked = "abc"[number % 3]
    question = (f"which type has {asked} of t{number}?", f"t{number}, {asked}: its type?")[phrasing]
    answer = types["abc".index(asked)]
    return {
        "item_id": f"{split}-{number}-{phrasing}-{book}",
        "kind": "column_type",
        "split": split,
        "book": book,
        "phrasing": f"train/{phrasing}",
        "subject": f"t{number}.{asked}",
        "family": f"t{number}",
        "relations": [f"t{number}"],
        "messages": [
            {"role": "system", "content": SYSTEM},
            {
                "role": "user",
                "content": f"{excerpt}\n\n{question}" if book == "open" else question,
            },
        ],
        "answer": answer,
        "accepted": [answer],
        "choices": list(TYPES),
        "label": TYPES.index(answer),
    }


def rows(split: str, first: int, count: int, *, closed: bool = False) -> list[dict[str, Any]]:
    books = ("open", "closed") if closed else ("open",)
    return [
        row(split, first + number, phrasing, book=book)
        for number in range(count)
        for phrasing in (0, 1)
        for book in books
    ]


def write(folder: Path) -> Path:
    """Twelve tables to train on, four to look at."""
    content = {"train": rows("train", 0, 12, closed=True), "validation": rows("validation", 20, 4)}
    for split in SPLITS:
        table = pa.Table.from_pylist(content.get(split, []), SCHEMA)
        pq.write_table(table, folder / f"{split}.parquet")
    return folder


def vault_gemma() -> Any:
    """A VaultGemma of 2 layers, of which one sees no further than 24 tokens back."""
    from transformers import VaultGemmaForCausalLM

    from ...models.tiny import seeded, vault_gemma_config

    return seeded(VaultGemmaForCausalLM(vault_gemma_config(24, pad_token_id=0)))
