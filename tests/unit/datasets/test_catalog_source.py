"""The catalog as a data set of its own: which type has a column?"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.datasets.catalog_source import (
    CATALOG_TABLES,
    base_type,
    read_catalog,
    split_of,
)
from amodels_assets.datasets.dataset import DatasetError, RelationalDataset, open_dataset
from amodels_assets.datasets.leakage import find_leaks


@pytest.fixture(scope="module")
def dataset(
    catalog: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory
) -> RelationalDataset:
    folder = tmp_path_factory.mktemp("catalog")
    summary = read_catalog(catalog).build(folder)
    dangling = summary["dangling_foreign_keys"]
    # Lineage may name columns of views that could not be read in full.
    assert {name for name, count in dangling.items() if count} <= {"column_lineage.target_key"}  # type: ignore[union-attr]
    return open_dataset(folder)


def test_every_typed_column_is_asked_for_once(
    catalog: dict[str, pa.Table], dataset: RelationalDataset
) -> None:
    typed = len(catalog["columns"]) - catalog["columns"]["type"].null_count
    assert sum(table.num_rows for table in dataset.tasks.values()) == typed
    assert dataset.tasks["train"]["label"].type == pa.string()
    assert {"string", "decimal", "date"} <= set(dataset.categories["column_types.type"])


def test_all_columns_of_a_table_are_in_one_split(dataset: RelationalDataset) -> None:
    tables = {
        split: {key.rpartition(".")[0] for key in rows["column_key"].to_pylist()}
        for split, rows in dataset.tasks.items()
    }
    assert all(tables.values())
    assert not tables["train"] & tables["validation"]
    assert not tables["train"] & tables["test"]
    assert not tables["validation"] & tables["test"]


def test_no_type_is_ever_shown(dataset: RelationalDataset) -> None:
    """Neither the answer nor the type of any other column."""
    assert find_leaks(dataset) == []
    types = dataset.tables["column_types"]
    assert pc.all(pc.greater(types["known_at"], types["cutoff"])).as_py()
    assert "type" in dataset.tables["column_types"].column_names
    assert "type" not in dataset.tables["columns"].column_names


def test_categories_of_the_answer_are_those_of_training(dataset: RelationalDataset) -> None:
    seen = set(dataset.tasks["train"]["label"].to_pylist())
    assert set(dataset.categories["column_types.type"]) == seen


@pytest.mark.parametrize(
    ("declared", "base"),
    [("decimal(15,2)", "decimal"), ("MAP<string,int>", "map"), ("string", "string")],
)
def test_base_types(declared: str, base: str) -> None:
    assert base_type(declared) == base


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=30))
def test_any_name_has_one_split(name: str) -> None:
    assert split_of(name) == split_of(name)
    assert split_of(name) in {"train", "validation", "test"}


def test_the_split_has_about_its_shares() -> None:
    splits = [split_of(f"database.table_{number}") for number in range(4_000)]
    assert 0.67 < splits.count("train") / 4_000 < 0.73
    assert 0.12 < splits.count("test") / 4_000 < 0.18


def test_repeated_names_are_taken_once(catalog: dict[str, pa.Table], tmp_path: Path) -> None:
    """A damaged dump may hold a table twice, in other letters."""
    columns = catalog["columns"]
    upper = columns.set_column(
        columns.column_names.index("table"), "table", pc.utf8_upper(columns["table"])
    )
    doubled = {**catalog, "columns": pa.concat_tables([columns, upper])}
    source = read_catalog(doubled)
    assert source.tables["columns"].num_rows == columns.num_rows
    source.build(tmp_path)


@pytest.mark.parametrize("name", CATALOG_TABLES)
def test_a_missing_table_is_one_sentence(catalog: dict[str, pa.Table], name: str) -> None:
    with pytest.raises(DatasetError, match="materialize sgmi/catalog"):
        read_catalog({key: table for key, table in catalog.items() if key != name})


def test_other_columns_are_one_sentence(catalog: dict[str, pa.Table]) -> None:
    with pytest.raises(DatasetError, match="materialize sgmi/catalog again"):
        read_catalog({**catalog, "columns": pa.table({"x": [1]})})
