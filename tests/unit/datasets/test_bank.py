"""The relational data set: built from rows, split in time, searched for leaks."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.datasets.assets import DECLARATION, best_possible_scores, facility_downgrade
from amodels_assets.datasets.build import build_dataset
from amodels_assets.datasets.checks import SUITES, no_temporal_leak
from amodels_assets.datasets.dataset import DatasetError, RelationalDataset, open_dataset
from amodels_assets.datasets.leakage import find_leaks
from amodels_assets.datasets.oracle import read_oracle
from amodels_assets.datasets.relational import RelationalSpec, SpecError, parse_spec, read_spec
from amodels_assets.quality.runner import run_suite
from resources.artifact_store import ArtifactStoreResource
from resources.sgmi_source import SgmiSourceResource


@pytest.fixture
def dataset(bank_dataset: Path) -> RelationalDataset:
    return open_dataset(bank_dataset)


def test_splits_follow_one_another_in_time(dataset: RelationalDataset) -> None:
    ends = {s: t["cutoff_date"].to_pylist() for s, t in dataset.tasks.items()}
    assert max(ends["train"]) < dt.date(2023, 10, 1) <= min(ends["validation"])
    assert max(ends["validation"]) < dt.date(2024, 4, 1) <= min(ends["test"])
    assert all(0 < np.mean(t["label"].to_numpy()) < 1 for t in dataset.tasks.values())


def test_building_twice_gives_the_same_bytes(
    bank_rows: dict[str, pa.Table], bank_spec: RelationalSpec, bank_dataset: Path, tmp_path: Path
) -> None:
    build_dataset(bank_rows, bank_spec, tmp_path)
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert len(files) == len(bank_spec.tables) + 4
    for file in files:
        assert (tmp_path / file).read_bytes() == (bank_dataset / file).read_bytes()


def test_statistics_know_the_training_window_only(
    bank_rows: dict[str, pa.Table], bank_spec: RelationalSpec, bank_dataset: Path, tmp_path: Path
) -> None:
    """Whatever happens after the first validation cut-off leaves the statistics as they are."""
    table = bank_rows["account_transaction"]
    late = np.array(table["booked_at"].to_pylist()) >= dt.datetime(2023, 10, 1)
    days = table["days_past_due"].to_numpy(zero_copy_only=False)
    position = table.column_names.index("days_past_due")
    changed = table.set_column(position, "days_past_due", pa.array(np.where(late, 9999, days)))
    build_dataset({**bank_rows, "account_transaction": changed}, bank_spec, tmp_path)
    assert late.any()
    assert open_dataset(tmp_path).statistics == open_dataset(bank_dataset).statistics


def test_the_shipped_bank_leaks_nothing(dataset: RelationalDataset) -> None:
    assert find_leaks(dataset) == []


def with_task(dataset: RelationalDataset, split: str, table: pa.Table) -> RelationalDataset:
    return dataclasses.replace(dataset, tasks={**dataset.tasks, split: table})


def test_a_test_row_in_training_is_found(dataset: RelationalDataset) -> None:
    mixed = pa.concat_tables([dataset.tasks["train"], dataset.tasks["test"].slice(0, 1)])
    rules = {leak.rule for leak in find_leaks(with_task(dataset, "train", mixed))}
    assert "a prediction is in one split only" in rules
    assert "a cut-off lies in its split's window" in rules


def test_a_label_known_too_late_is_found(dataset: RelationalDataset) -> None:
    name = dataset.spec.task.table
    table = dataset.tables[name]
    late = pa.array([dt.date(2024, 12, 31)] * table.num_rows, table["known_date"].type)
    tables = {
        **dataset.tables,
        name: table.set_column(table.column_names.index("known_date"), "known_date", late),
    }
    leaks = find_leaks(dataclasses.replace(dataset, tables=tables))
    assert "a label is known when the next split begins" in {leak.rule for leak in leaks}


@pytest.mark.usefixtures("forgetful_sampler")
def test_a_context_with_the_answer_or_the_future_is_found(dataset: RelationalDataset) -> None:
    rules = {leak.rule for leak in find_leaks(dataset)}
    assert rules >= {
        "a context holds nothing later than its cut-off",
        "a context does not hold the answer",
    }


@pytest.mark.parametrize("table", ["client", "facility", "account_transaction",
                                   "monthly_exposure", "facility_outcome"])  # fmt: skip
def test_a_planted_column_never_shows_the_future(dataset: RelationalDataset, table: str) -> None:
    """Rows that are known later than every cut-off are in no context, in whatever table."""
    from amodels_assets.training.context_sampler import SamplerConfig, sample_contexts
    from amodels_assets.training.row_graph import build_row_graph, entity_rows

    time_column = str(dataset.spec.table(table).time_column)
    rows = dataset.tables[table]
    never = pa.array([dt.date(2100, 1, 1)] * rows.num_rows).cast(rows[time_column].type)
    position = rows.column_names.index(time_column)
    planted = dataclasses.replace(
        dataset,
        tables={**dataset.tables, table: rows.set_column(position, time_column, never)},
    )
    graph = build_row_graph(planted)
    test = planted.tasks["test"]
    contexts = sample_contexts(
        graph,
        entity_rows(graph, planted, test["facility_id"]),
        np.full(test.num_rows, 1_712_000_000),
        SamplerConfig(),
    )
    shown = contexts.rows[contexts.rows >= 0]
    assert not (graph.table_of[shown] == graph.names.index(table)).any()


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.table)
def test_every_expectation_on_the_splits_can_fail(suite) -> None:
    bad = pa.table(
        {
            "facility_id": ["a", "a", None],
            "cutoff_date": pa.array([dt.date(2024, 1, 1)] * 3),
            "label": pa.array([2, 2, 2], pa.int8()),
        }
    )
    good = pa.table(
        {
            "facility_id": ["a", "b", "c"],
            "cutoff_date": pa.array([dt.date(2024, 1, 1)] * 3),
            "label": pa.array([0, 1, 0], pa.int8()),
        }
    )
    assert not any(outcome.passed for outcome in run_suite(suite, bad))
    assert all(outcome.passed for outcome in run_suite(suite, good))


def test_the_leak_check_fails_on_a_leaking_data_set(
    bank_rows: dict[str, pa.Table], bank_spec: RelationalSpec, tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    resource = ArtifactStoreResource(root=str(store.root))

    def clean(folder: Path) -> None:
        build_dataset(bank_rows, bank_spec, folder)

    def leaking(folder: Path) -> None:
        clean(folder)
        tasks = folder / "tasks" / bank_spec.name
        found = open_dataset(folder).tasks
        write_table(tasks, "train", pa.concat_tables([found["train"], found["test"]]))

    for produce, passed in ((clean, True), (leaking, False)):
        store.publish(
            "datasets/facility_downgrade",
            inputs={"by": produce.__name__},
            code_version="1",
            produce=produce,
        )
        result = no_temporal_leak(resource)
        assert isinstance(result, dg.AssetCheckResult)
        assert result.passed is passed, result.description


def publish_rows(store: ArtifactStore, rows: dict[str, pa.Table]) -> None:
    def produce(folder: Path) -> None:
        for name, table in rows.items():
            write_table(folder, f"sgmisit.{name}", table)

    store.publish("sgmi/rows", inputs={"n": str(len(rows))}, code_version="1", produce=produce)


def test_assets(bank_rows: dict[str, pa.Table], bank_source: Path, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    resource = ArtifactStoreResource(root=str(tmp_path))
    publish_rows(store, bank_rows)
    made = facility_downgrade(resource)
    assert made.metadata["dagster/row_count"] > 100
    assert facility_downgrade(resource).metadata["unchanged"]
    source = SgmiSourceResource(directory=str(bank_source))
    oracle = best_possible_scores(dg.build_asset_context(), resource, source)
    assert oracle.metadata["dagster/row_count"] > 100
    elsewhere = SgmiSourceResource(directory=str(tmp_path))
    none = best_possible_scores(dg.build_asset_context(), resource, elsewhere)
    assert none.metadata["dagster/row_count"] == 0


def test_a_source_without_the_tables_is_one_sentence(
    bank_rows: dict[str, pa.Table], tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path)
    publish_rows(store, {n: t for n, t in bank_rows.items() if n != "client"})
    with pytest.raises(dg.Failure) as failure:
        facility_downgrade(ArtifactStoreResource(root=str(tmp_path)))
    assert "no rows of client" in (failure.value.description or "")


def changed_declaration(change: dict) -> dict:
    raw = yaml.safe_load(DECLARATION.read_text())
    for path, value in change.items():
        *steps, last = path.split("/")
        target = raw
        for step in steps:
            target = target[step]
        target[last] = value
    return raw


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"tables/client/surprise": 1},
        {"tables/client/columns/sector": "colour"},
        {"tables/client/foreign_keys/region_id": "planet"},
        {"tables/client/columns/client_id": "text"},
        {"task/kind": "ranking"},
        {"task/table": "planet"},
        {"task/entity_column": "planet"},
        {"task/cutoff_column": "downgraded"},
        {"task/target_column": "cutoff_date"},
        {"task/validation_start": "2025-01-01"},
        {"task/validation_start": "soon"},
        {"tables": {}},
    ],
    ids=str,
)
def test_a_declaration_that_cannot_be_is_one_sentence(change: dict) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(changed_declaration(change), "file.yaml")
    assert str(error.value).startswith("file.yaml")
    assert "\n" not in str(error.value)


@given(st.text(max_size=200))
def test_any_text_is_a_declaration_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(SpecError):
        read_spec(path)


def test_a_declaration_survives_a_round_trip(bank_spec: RelationalSpec) -> None:
    assert parse_spec(json.loads(json.dumps(bank_spec.to_json())), "x") == bank_spec


def rows_with(rows: dict[str, pa.Table], table: str, column: str, values: pa.Array) -> dict:
    found = rows[table]
    position = found.column_names.index(column)
    return {**rows, table: found.set_column(position, column, values)}


@pytest.mark.parametrize(
    ("table", "column", "value", "message"),
    [
        ("client", "client_id", None, "client.client_id is null"),
        ("client", "client_id", "same", "no primary key"),
        ("client", "leverage", "many", "cannot be read as numeric"),
        ("facility_outcome", "downgraded", False, "not both labels"),
    ],
)
def test_rows_that_cannot_be_used_are_one_sentence(
    bank_rows: dict[str, pa.Table],
    bank_spec: RelationalSpec,
    tmp_path: Path,
    table: str,
    column: str,
    value: object,
    message: str,
) -> None:
    values = pa.array([value] * bank_rows[table].num_rows)
    with pytest.raises(DatasetError, match=message):
        build_dataset(rows_with(bank_rows, table, column, values), bank_spec, tmp_path)


def test_a_damaged_data_set_is_one_sentence(bank_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="materialize it again"):
        open_dataset(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_oracle_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("oracle") / "oracle.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_oracle(path)
