"""Cells: nothing is lost on the way into nine bytes, and the features say what they claim to."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.datasets.dataset import (
    ColumnStatistics,
    RelationalDataset,
    open_dataset,
    seconds,
)
from amodels_assets.datasets.moments import ALWAYS_KNOWN
from amodels_assets.datasets.relational import COLUMN_KINDS
from amodels_assets.datasets.text_vectors import text_vectors
from amodels_assets.training.batch import (
    AGE_WIDTH,
    BOOLEAN,
    CATEGORICAL,
    DATETIME,
    MISSING,
    NUMERIC,
    Batch,
)
from amodels_assets.training.cells import CellStore, build_cells, column_names
from amodels_assets.training.context_sampler import SamplerConfig
from amodels_assets.training.feeds import Feed, MaskedFeed
from amodels_assets.training.row_graph import build_row_graph
from tests.unit.training.random_databases import random_database

EVERYTHING = SamplerConfig(max_cells=10_000, width=100, hops=20)
QUANTILES = slice(3, 20)
HATS = slice(10, 23)


def made(dataset: RelationalDataset) -> tuple[CellStore, Feed]:
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    return store, Feed.of_split(dataset, store, build_row_graph(dataset), "train", EVERYTHING)


def everything(dataset: RelationalDataset) -> tuple[CellStore, Feed, Batch]:
    store, feed = made(dataset)
    return store, feed, feed.batch(np.arange(len(feed)))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_every_token_is_the_cell_of_its_row(seed: int) -> None:
    dataset = random_database(seed)
    store, feed, batch = everything(dataset)
    texts = dict(zip("abc", text_vectors(list("abc"), "hashing", None), strict=True))
    names = column_names(dataset.spec)
    for token in np.flatnonzero(batch.rows >= 0):
        row, name = int(batch.rows[token]), names[batch.columns[token]]
        table, _, column = name.partition(".")
        number = feed.graph.names.index(table)
        local = row - int(feed.graph.offsets[number])
        values = dataset.tables[table][column]
        value, kind = values[local].as_py(), dataset.spec.table(table).columns[column]
        features, text = batch.values[token], store.texts[batch.strings[token]]
        age = batch.ages[batch.age_slots[token]]
        known = int(feed.graph.times[row])
        if known == ALWAYS_KNOWN:
            assert np.flatnonzero(age).tolist() == [AGE_WIDTH - 2]
        else:
            hours = (int(feed.cutoffs[batch.contexts[token]]) - known) / 3_600
            place = np.clip(np.log1p(hours) / np.log(87_600) * 24, 0, 24)
            assert age @ np.arange(AGE_WIDTH) == pytest.approx(place, abs=1e-4)
            assert age.sum() == pytest.approx(1.0)
        if value is None:
            assert batch.kinds[token] == MISSING
            assert not features.any()
            assert batch.strings[token] == 0
            continue
        assert batch.kinds[token] == COLUMN_KINDS.index(kind)
        if kind == "numeric":
            expected = np.clip((value - 0.5) / 2.0, -5, 5)
            assert features[0] == pytest.approx(expected, rel=1e-5, abs=1e-6)
        elif kind == "boolean":
            assert features[:2].tolist() == ([1, 1] if value else [0, -1])
        elif kind == "datetime":
            moment = int(seconds(values)[local])
            assert features[0] == pytest.approx(np.clip((moment - 0.5) / 2.0, -5, 5))
            later = moment > feed.cutoffs[batch.contexts[token]]
            assert features[3] == float(later)
        else:
            assert np.array_equal(text, texts[value])
            assert not features.any()
    targets = np.flatnonzero(batch.rows < 0)
    assert (batch.ages[batch.age_slots[targets]] == np.eye(AGE_WIDTH)[-1]).all()


def with_column(values: pa.Array, kind: str) -> RelationalDataset:
    """A database whose entities have a single column with these values, and one prediction each."""
    dataset = random_database(3)
    spec, task = dataset.spec.tables[0], dataset.spec.tables[-1]
    count = len(values)
    keys = [f"e{number:06}" for number in range(count)]
    entities = pa.table({"id": keys, "value": values})
    answers = dataset.tables[task.name].slice(0, 0)
    predictions = pa.table(
        {
            "entity": keys,
            "cutoff": pa.array([dt.datetime(2020, 1, 1)] * count, pa.timestamp("s")),
            "label": pa.array([0] * count, pa.int8()),
        }
    )
    declared = (
        replace(spec, columns={"value": kind}, foreign_keys={}, time_column=None),
        replace(task, foreign_keys={"entity": spec.name}),
    )
    kept = ["id", "entity", *task.columns, "known"]
    return replace(
        dataset,
        spec=replace(dataset.spec, tables=declared),
        tables={spec.name: entities, task.name: answers.select(kept)},
        tasks=dict.fromkeys(dataset.tasks, predictions),
        statistics={"t0.value": ColumnStatistics(2, 0.0, 1.0, tuple(np.linspace(-2.0, 2.0, 17)))},
        categories={},
    )


def test_what_is_no_number_is_missing() -> None:
    values = pa.array([1.0, np.nan, np.inf, -np.inf, None, 1e308, -1e308, 5e-324])
    _, _, batch = everything(with_column(values, "numeric"))
    own = batch.rows >= 0
    assert batch.kinds[own].tolist() == [NUMERIC, *[MISSING] * 4, *[NUMERIC] * 3]
    assert np.isfinite(batch.values).all()
    assert np.abs(batch.values[own][:, 0]).max() == 5.0


def test_moments_from_1677_to_2262() -> None:
    moments = [dt.datetime(1677, 9, 22), dt.datetime(1970, 1, 1), dt.datetime(2262, 4, 11), None]
    store, _, batch = everything(with_column(pa.array(moments, pa.timestamp("s")), "datetime"))
    own = batch.rows >= 0
    assert batch.kinds[own].tolist() == [*[DATETIME] * 3, MISSING]
    expected = seconds(pa.array(moments[:3], pa.timestamp("s")))
    assert store.seconds[:3].tolist() == expected.tolist()
    assert np.isfinite(batch.values).all()
    assert batch.values[own][:3, 3].tolist() == [0, 0, 1], "only 2262 is later than the cut-off"


@settings(max_examples=60, deadline=None)
@given(value=st.floats(-1e6, 1e6))
def test_a_number_is_told_by_its_nearness_to_the_quantiles(value: float) -> None:
    dataset = with_column(pa.array([value]), "numeric")
    _, _, batch = everything(dataset)
    features = batch.values[batch.rows >= 0][0].astype(np.float64)
    weights, points = features[QUANTILES], np.linspace(-2.0, 2.0, 17)
    assert weights.sum() == pytest.approx(1.0)
    assert weights @ points == pytest.approx(np.clip(value, -2.0, 2.0), abs=1e-5)
    assert features[2] == pytest.approx(np.clip(value, -2.0, 2.0) / 2.0, abs=1e-5)
    logarithm = np.sign(value) * np.log1p(abs(value))
    assert features[1] == pytest.approx(logarithm, rel=1e-5, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(moment=st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)))
def test_a_moment_is_told_by_distance_and_calendar(moment: dt.datetime) -> None:
    moment = moment.replace(microsecond=0)
    _, _, batch = everything(with_column(pa.array([moment], pa.timestamp("s")), "datetime"))
    features = batch.values[batch.rows >= 0][0].astype(np.float64)
    hours = (dt.datetime(2020, 1, 1) - moment).total_seconds() / 3_600
    assert features[1] == pytest.approx(np.sign(hours) * np.log1p(abs(hours)) / 4, abs=1e-5)
    assert features[HATS].sum() == pytest.approx(1.0)
    places = features[HATS] @ np.arange(13) * np.log(87_600) / 12
    assert places == pytest.approx(min(np.log1p(abs(hours)), np.log(87_600)), abs=1e-4)
    day = (moment.hour * 3_600 + moment.minute * 60 + moment.second) / 86_400
    assert np.arctan2(features[4], features[5]) % (2 * np.pi) == pytest.approx(
        2 * np.pi * day, abs=1e-4
    ) or day == pytest.approx(1.0, abs=1e-4)
    lengths = np.hypot(features[4:10:2], features[5:10:2])
    assert lengths == pytest.approx([1.0, 1.0, 1.0], abs=1e-5)


def test_a_cell_takes_nine_bytes() -> None:
    count = 50_000
    texts = pa.array([f"text {number % 1000}" for number in range(count)])
    store, _ = made(with_column(texts, "text"))
    assert len(store.values) == len(store.kinds) == count
    assert store.values.nbytes + store.kinds.nbytes == 9 * count
    assert np.shares_memory(store.values, store.seconds)
    assert len(store.texts) == 1001


def test_many_keys_of_one_table_take_no_memory_of_the_others() -> None:
    for seed in range(20):
        dataset = random_database(seed, keys=40)
        graph = build_row_graph(dataset)
        keys = {table.name: len(table.foreign_keys) for table in dataset.spec.tables}
        assert len(graph.parents) == sum(
            table.num_rows * keys[name] for name, table in dataset.tables.items()
        )


LABELS = {
    "binary": (BOOLEAN, pa.array([1, 0, 1], pa.int8())),
    "multiclass": (CATEGORICAL, pa.array(["b", "never seen", "a"])),
    "regression": (NUMERIC, pa.array([0.5, 2.5, -9.5])),
}


@pytest.mark.parametrize("kind", LABELS)
def test_what_is_to_be_predicted_is_masked_and_in_the_targets(kind: str) -> None:
    number, labels = LABELS[kind]
    dataset = with_column(pa.array([1.0, 2.0, 3.0]), "numeric")
    target = f"{dataset.spec.task.table}.target"
    predictions = dataset.tasks["train"].set_column(2, "label", labels)
    dataset = replace(
        dataset,
        spec=replace(dataset.spec, task=replace(dataset.spec.task, kind=kind)),
        tasks=dict.fromkeys(dataset.tasks, predictions),
        statistics={target: ColumnStatistics(3, 0.5, 2.0, (0.0,) * 17), **dataset.statistics},
        categories={target: ("a", "b")},
    )
    batch = everything(dataset)[2]
    targets = batch.targets
    assert targets.kinds.tolist() == [number] * 3
    assert np.array_equal(np.flatnonzero(batch.masked), targets.tokens)
    assert (batch.rows[targets.tokens] == -1).all()
    assert not batch.values[targets.tokens].any()
    assert not batch.strings[targets.tokens].any()
    expected = {"binary": [1, 0, 1], "multiclass": [0, 0, 0], "regression": [0, 1, -5]}[kind]
    assert targets.numbers.tolist() == expected
    assert targets.classes.tolist() == ([1, -1, 0] if kind == "multiclass" else [-1] * 3)


def test_pretraining_holds_back_the_other_splits(bank_dataset: Path) -> None:
    """With a split by rows, no context of pretraining holds a row to be told later."""
    dataset = open_dataset(bank_dataset)
    task, rows = dataset.spec.task, dataset.tables[dataset.spec.task.table]
    splits = np.random.default_rng(0).choice(["train", "validation", "test"], rows.num_rows)
    spec = replace(
        dataset.spec,
        task=replace(task, validation_start=None, test_start=None, split_column="split"),
    )
    tables = {**dataset.tables, task.table: rows.append_column("split", pa.array(splits))}
    dataset = replace(dataset, spec=spec, tables=tables)
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    graph = build_row_graph(dataset)
    feed = MaskedFeed.of_window(dataset, store, graph, SamplerConfig(400, 8, 4, 8))
    first = int(graph.offsets[graph.target_table])
    others = first + np.flatnonzero(splits != "train")
    assert not np.isin(feed.rows, others).any()
    chosen = np.random.default_rng(1).choice(len(feed), 300, replace=False)
    batch = feed.batch(chosen, seed=0, masked=0.2)
    assert not np.isin(batch.rows, others).any()
    assert np.isin(batch.rows, first + np.flatnonzero(splits == "train")).any()


def test_pretraining_does_not_ask_when_a_row_became_known(bank_dataset: Path) -> None:
    """Every cell says how old its row is."""
    dataset = open_dataset(bank_dataset)
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    feed = MaskedFeed.of_window(dataset, store, build_row_graph(dataset), SamplerConfig())
    batch = feed.batch(np.arange(0, len(feed), 40), seed=0, masked=0.5)
    names = column_names(dataset.spec)
    asked = {names[column] for column in batch.columns[batch.targets.tokens]}
    said = {f"{t.name}.{t.time_column}" for t in dataset.spec.tables if t.time_column}
    assert said & set(names)
    assert not asked & said
    assert "account_transaction.amount" in asked
