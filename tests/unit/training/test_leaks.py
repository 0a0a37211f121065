"""A column that tells the future is planted in every table, and no batch ever shows it.

Nor is anything learned where there is nothing to learn.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amodels_assets.datasets.dataset import (
    UNKNOWN_TIME,
    ColumnStatistics,
    RelationalDataset,
    known_times,
    open_dataset,
)
from amodels_assets.datasets.moments import ALWAYS_KNOWN
from amodels_assets.evaluation.metrics import bootstrap
from amodels_assets.training.batch import NUMERIC, Batch
from amodels_assets.training.cells import CellStore, build_cells, column_names
from amodels_assets.training.context_sampler import SamplerConfig
from amodels_assets.training.execution import Execution
from amodels_assets.training.feeds import Feed, MaskedFeed
from amodels_assets.training.predict import predict_split
from amodels_assets.training.row_graph import build_row_graph
from amodels_assets.training.train import train

from .trained import TINY, silent

PLANTED = "told"
_DAY = 86_400
# Wide enough that no value is clipped.
_SCALE = ColumnStatistics(1, 0.0, 1e4, tuple(np.linspace(-1e4, 1e4, 17)))
LEARNING = replace(TINY, steps=160, batch_size=32, warmup=16, evaluate_every=20, average=0.9)
CONFIGS = [
    SamplerConfig(400, 8, 4, 8),
    SamplerConfig(400, 8, 4, 8, recent=False),
    SamplerConfig(4_000, 60, 6, 20),
]


def planted(dataset: RelationalDataset) -> RelationalDataset:
    """Every row tells the day on which it became known: later than the cut-off is the future."""
    tables, specs, statistics = {}, [], dict(dataset.statistics)
    for spec in dataset.spec.tables:
        times = known_times(dataset.spec, dataset.tables, spec.name)
        timeless = (times == ALWAYS_KNOWN) | (times == UNKNOWN_TIME)
        days = pa.array(np.where(timeless, 0, times) / _DAY, mask=timeless)
        tables[spec.name] = dataset.tables[spec.name].append_column(PLANTED, days)
        specs.append(replace(spec, columns={**spec.columns, PLANTED: "numeric"}))
        statistics[f"{spec.name}.{PLANTED}"] = _SCALE
    spec = replace(dataset.spec, tables=tuple(specs))
    return replace(dataset, spec=spec, tables=tables, statistics=statistics)


def told(batch: Batch, store: CellStore, columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Contexts and seconds of the planted values that the network would see in a batch."""
    numbers = [i for i, name in enumerate(columns) if name.endswith(f".{PLANTED}")]
    seen = np.isin(batch.columns, numbers) & (batch.kinds == NUMERIC) & ~batch.masked
    days = batch.values[seen, 0].astype(np.float64) * _SCALE.deviation
    # Single precision keeps a day of the year 2024 to within 200 seconds.
    return batch.contexts[seen], np.floor(days * _DAY - 400)


@pytest.mark.parametrize("config", CONFIGS, ids=["recent", "drawn", "nearly everything"])
def test_no_context_of_a_prediction_tells_the_future(
    bank_dataset: Path, config: SamplerConfig
) -> None:
    dataset = planted(open_dataset(bank_dataset))
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    graph, columns = build_row_graph(dataset), column_names(dataset.spec)
    shown = set()
    for split in ("train", "validation", "test"):
        feed = Feed.of_split(dataset, store, graph, split, config)
        for start in range(0, min(len(feed), 200), 50):
            rows = np.arange(start, min(start + 50, len(feed)))
            batch = feed.batch(rows, seed=start)
            contexts, seconds = told(batch, store, columns)
            assert (seconds <= feed.cutoffs[rows][contexts]).all()
            shown |= set(batch.columns.tolist())
    assert len([n for n in shown if columns[n].endswith(PLANTED)]) == len(dataset.spec.tables)


def test_no_context_of_pretraining_tells_the_future(bank_dataset: Path) -> None:
    dataset = planted(open_dataset(bank_dataset))
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    feed = MaskedFeed.of_window(dataset, store, build_row_graph(dataset), CONFIGS[0])
    rows = np.random.default_rng(0).choice(len(feed), 300, replace=False)
    batch = feed.batch(rows, seed=0, masked=0.0)
    contexts, seconds = told(batch, store, column_names(dataset.spec))
    assert len(contexts) > 300
    assert (seconds <= feed.cutoffs[rows][contexts]).all()


def test_the_test_would_see_a_leak(bank_dataset: Path) -> None:
    """With every row known always, the planted column does tell the future."""
    dataset = planted(open_dataset(bank_dataset))
    specs = tuple(replace(spec, time_column=None) for spec in dataset.spec.tables)
    leaky = replace(dataset, spec=replace(dataset.spec, tables=specs))
    store = build_cells(leaky, leaky.statistics, leaky.categories)
    feed = Feed.of_split(leaky, store, build_row_graph(leaky), "train", CONFIGS[0])
    rows = np.arange(20)
    contexts, seconds = told(feed.batch(rows), store, column_names(leaky.spec))
    assert (seconds > feed.cutoffs[rows][contexts]).any()


def test_nothing_is_learned_from_shuffled_labels(bank_dataset: Path, tmp_path: Path) -> None:
    """The same training on labels in random order foresees nothing; on the true ones it does."""
    scores = {}
    for name in ("true", "shuffled"):
        folder = tmp_path / name
        shutil.copytree(bank_dataset, folder)
        if name == "shuffled":
            split = folder / "tasks" / "facility_downgrade" / "train.parquet"
            task = pq.read_table(split)
            order = np.random.default_rng(5).permutation(task.num_rows)
            labels = task["label"].take(pa.array(order))
            position = task.schema.get_field_index("label")
            pq.write_table(task.set_column(position, task.schema.field("label"), labels), split)
        train(folder, tmp_path / f"{name} checkpoint", LEARNING, silent, Execution("cpu"))
        said = predict_split(tmp_path / f"{name} checkpoint", folder, "test")
        scores[name] = bootstrap(
            "auroc", said["label"].to_numpy().astype(np.int64), said["score"].to_numpy(), seed=0
        )
    assert scores["shuffled"].low < 0.5 < scores["shuffled"].high, scores
    assert scores["true"].low > 0.5, scores
