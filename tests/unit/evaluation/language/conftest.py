"""A home with a tiny base model, and questions about a catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from amodels_assets.models.store import ModelStore
from tests.unit.models import made, tiny
from tests.unit.training.language import questions


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A platform's home with the base model ``tiny``."""
    home = tmp_path_factory.mktemp("home")
    folder = tmp_path_factory.mktemp("tiny")
    model = tiny.llama()
    made.put(
        ModelStore.at(home),
        "tiny",
        tiny.save_folder(folder / "tiny", model, tiny.byte_level_tokenizer()),
    )
    return home


@pytest.fixture(scope="session")
def questions_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions with 16 in the split test."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from amodels_assets.questions.build import SCHEMA

    folder = questions.write(tmp_path_factory.mktemp("questions"))
    rows = [{**row, "split": "test"} for row in questions.rows("test", 40, 8)]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "test.parquet")
    return folder
