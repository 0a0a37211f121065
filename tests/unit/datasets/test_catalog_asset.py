"""The catalog's own data set as an asset: made of the catalog, checked like the other one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.datasets.assets import catalog_column_type
from amodels_assets.datasets.catalog_source import read_catalog
from amodels_assets.datasets.checks import CATALOG_SUITES, SUITES, catalog_no_temporal_leak
from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.datasets.names import CATALOG_COLUMN_TYPE
from amodels_assets.quality.factory import evaluate_suite
from amodels_assets.quality.runner import run_suite
from resources.artifact_store import ArtifactStoreResource


def publish_catalog(store: ArtifactStore, tables: dict[str, pa.Table]) -> None:
    def produce(folder: Path) -> None:
        for name, table in tables.items():
            write_table(folder, name, table)

    store.publish("sgmi/catalog", inputs={"n": str(tables)}, code_version="1", produce=produce)


@pytest.fixture(scope="module")
def store(catalog: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    """A store with the catalog in which the asset was made."""
    found = ArtifactStore(tmp_path_factory.mktemp("artifacts"))
    publish_catalog(found, catalog)
    catalog_column_type(ArtifactStoreResource(root=str(found.root)))
    return found


def test_it_is_what_the_command_builds(
    store: ArtifactStore, catalog: dict[str, pa.Table], tmp_path: Path
) -> None:
    read_catalog(catalog).build(tmp_path)
    made = store.get(CATALOG_COLUMN_TYPE)
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        name = path.relative_to(tmp_path).as_posix()
        assert made.verified_file(name).read_bytes() == path.read_bytes()


def test_what_it_tells(store: ArtifactStore) -> None:
    again = catalog_column_type(ArtifactStoreResource(root=str(store.root)))
    dataset = open_dataset(store.get(CATALOG_COLUMN_TYPE).path)
    sizes = {split: rows.num_rows for split, rows in dataset.tasks.items()}
    assert again.metadata["unchanged"]
    assert again.metadata["dagster/row_count"] == sum(sizes.values())
    told = str(again.metadata["splits"].value)
    assert "| split | predictions | classes |" in told
    for split, size in sizes.items():
        assert f"| {split} | {size:,} | " in told
    assert again.metadata["left_out"].value["no_label_or_entity"] > 0


def test_what_it_does_not_read_does_not_make_it_anew(
    catalog: dict[str, pa.Table], tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path)
    resource = ArtifactStoreResource(root=str(tmp_path))
    publish_catalog(store, catalog)
    first = catalog_column_type(resource)
    publish_catalog(store, {**catalog, "job_edges": catalog["job_edges"].slice(1)})
    assert catalog_column_type(resource).metadata["unchanged"]
    publish_catalog(store, {**catalog, "columns": catalog["columns"].slice(1)})
    changed = catalog_column_type(resource)
    assert not changed.metadata["unchanged"]
    assert changed.data_version != first.data_version


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda catalog: {}, "has no file"),
        (lambda catalog: {**catalog, "columns": catalog["columns"].slice(0, 0)}, "0 rows"),
        (lambda catalog: {**catalog, "columns": pa.table({"x": [1]})}, "sgmi/catalog again"),
    ],
    ids=["another catalog", "no columns", "other columns"],
)
def test_a_catalog_that_cannot_be_used_is_one_sentence(
    catalog: dict[str, pa.Table],
    tmp_path: Path,
    change: Callable[[dict[str, pa.Table]], dict[str, pa.Table]],
    message: str,
) -> None:
    publish_catalog(ArtifactStore(tmp_path), change(catalog))
    with pytest.raises(dg.Failure) as failure:
        catalog_column_type(ArtifactStoreResource(root=str(tmp_path)))
    assert message in (failure.value.description or "")
    assert "\n" not in (failure.value.description or "")


def test_no_catalog_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(dg.Failure) as failure:
        catalog_column_type(ArtifactStoreResource(root=str(tmp_path)))
    assert "sgmi/catalog has not been made yet" in (failure.value.description or "")


@pytest.mark.parametrize("suite", CATALOG_SUITES, ids=lambda s: s.table)
def test_every_expectation_holds_and_can_fail(suite, store: ArtifactStore) -> None:
    assert all(record.passed for record in evaluate_suite(store, suite))
    bad = pa.table(
        {
            "column_key": ["a", "a", None, None],
            "cutoff": pa.array([dt.datetime(2000, 1, 1)] * 4),
            "label": pa.array(["string", "string", None, None]),
        }
    )
    assert not any(outcome.passed for outcome in run_suite(suite, bad))


def test_both_data_sets_are_checked_alike() -> None:
    for own, other in zip(CATALOG_SUITES, SUITES, strict=True):
        assert len(own.expectations) == len(other.expectations)
        assert all(expectation.critical for expectation in own.expectations)


def no_leak(folder: Path) -> None:
    """Nothing is done."""


def a_test_column_in_training(folder: Path) -> None:
    found = open_dataset(folder).tasks
    mixed = pa.concat_tables([found["train"], found["test"].slice(0, 1)])
    write_table(folder / "tasks" / "catalog_column_type", "train", mixed)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (no_leak, None),
        (a_test_column_in_training, "is in train and in test"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_leak_check_fails_on_a_leaking_data_set(
    catalog: dict[str, pa.Table],
    tmp_path: Path,
    spoil: Callable[[Path], None],
    found: str | None,
) -> None:
    def produce(folder: Path) -> None:
        read_catalog(catalog).build(folder)
        spoil(folder)

    store = ArtifactStore(tmp_path)
    store.publish(CATALOG_COLUMN_TYPE, inputs={}, code_version="1", produce=produce)
    result = catalog_no_temporal_leak(ArtifactStoreResource(root=str(tmp_path)))
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is (found is None)
    assert (found or "no leak") in (result.description or "")
    assert store.checks(CATALOG_COLUMN_TYPE)["no_temporal_leak"].blocking


@pytest.mark.usefixtures("forgetful_sampler")
def test_the_leak_check_sees_types_that_a_context_shows(store: ArtifactStore) -> None:
    result = catalog_no_temporal_leak(ArtifactStoreResource(root=str(store.root)))
    assert isinstance(result, dg.AssetCheckResult)
    assert not result.passed
    assert "holds a later row of column_types" in (result.description or "")
    assert "the row of column_types that is to be predicted" in (result.description or "")
