"""Scores of a checkpoint and of what it is compared with, on the same test rows.

Belongs here: which models are scored, and the tables that come of it. Does not belong here: the
metrics (``metrics.py``) and pictures (``curves.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.evaluation.baselines import (
    as_column,
    best_possible_scores,
    constant_predictions,
    from_column,
)
from amodels_assets.evaluation.metrics import METRICS_OF_TASK, Estimate, bootstrap
from amodels_assets.evaluation.scoring import score_checkpoint, score_trees

SEED = 0
CHECKPOINT_MODEL = "relational_transformer"
JOINED_MODEL = "lightgbm_joins"
PARENTS_MODEL = "lightgbm_parents"
OWN_COLUMNS_MODEL = "lightgbm_own_columns"
CONSTANT_MODEL = "majority"
ORACLE_MODEL = "best_possible"
MODELS = (
    CHECKPOINT_MODEL,
    JOINED_MODEL,
    PARENTS_MODEL,
    OWN_COLUMNS_MODEL,
    CONSTANT_MODEL,
    ORACLE_MODEL,
)
_REACH_OF_MODEL = {JOINED_MODEL: "joins", PARENTS_MODEL: "parents", OWN_COLUMNS_MODEL: "own"}
_ESTIMATE = [
    ("value", pa.float64()),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("n", pa.int64()),
    ("positives", pa.int64()),
    ("seed", pa.int64()),
    ("resamples", pa.int64()),
]
_VERSIONS = [("checkpoint_version", pa.string()), ("dataset_version", pa.string())]
SCORES_SCHEMA = pa.schema([("model", pa.string()), ("metric", pa.string()), *_ESTIMATE, *_VERSIONS])
SLICES_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("metric", pa.string()),
        ("month", pa.string()),
        *_ESTIMATE,
        *_VERSIONS,
    ]
)
# Fewer rows say nothing about a month.
_LEAST_ROWS = 30
_TITLES = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "calibration_error": "calibration error",
    "log_loss": "log loss",
    "mae": "mean absolute error",
    "nmae": "normalised error",
    "r2": "R²",
}


def predict_all(
    checkpoint_folder: Path, dataset_folder: Path, oracle: pa.Table, split: str = "test"
) -> pa.Table:
    """Predictions of the checkpoint and of every baseline for one split.

    Returns:
        Entity, cut-off, ``label`` and one column of predictions a model; ``best_possible`` only
        where the oracle knows every row.

    Raises:
        ScoringError: The checkpoint cannot be used.
        DatasetError: The data set cannot be read.
    """
    dataset = open_dataset(dataset_folder)
    keys = [dataset.spec.task.entity_column, dataset.spec.task.cutoff_column]
    scored = score_checkpoint(checkpoint_folder, dataset_folder, split)
    predictions = scored.rename_columns([*keys, "label", CHECKPOINT_MODEL])
    for name, reach in _REACH_OF_MODEL.items():
        found = score_trees(dataset_folder, split, reach, SEED)["score"]
        predictions = predictions.append_column(name, found)
    constants = as_column(constant_predictions(dataset, split))
    predictions = predictions.append_column(CONSTANT_MODEL, constants)
    best = best_possible_scores(dataset, split, oracle)
    if best is not None:
        predictions = predictions.append_column(ORACLE_MODEL, pa.array(best))
    return predictions.combine_chunks()


def score_table(
    predictions: pa.Table,
    labels: np.ndarray,
    kind: str,
    versions: Mapping[str, str],
) -> pa.Table:
    """Every metric of every model with its interval and what it was computed from.

    Args:
        predictions: Of :func:`predict_all`.
        labels: Of the same rows, as numbers.
        kind: Of the task: ``binary``, ``multiclass`` or ``regression``.
        versions: ``checkpoint_version`` and ``dataset_version``.
    """
    rows = [
        {"model": model, "metric": metric, **asdict(estimate), **versions}
        for model, values in _models(predictions)
        for metric in METRICS_OF_TASK[kind]
        for estimate in [bootstrap(metric, labels, values, SEED)]
    ]
    return pa.Table.from_pylist(rows, schema=SCORES_SCHEMA)


def slice_table(
    predictions: pa.Table,
    labels: np.ndarray,
    cutoffs: pa.ChunkedArray,
    kind: str,
    versions: Mapping[str, str],
) -> pa.Table:
    """The first metric of every model by month of the cut-off: does a model grow stale?

    Args:
        predictions: Of :func:`predict_all`.
        labels: Of the same rows, as numbers.
        cutoffs: Of the same rows, dates or times.
        kind: Of the task.
        versions: ``checkpoint_version`` and ``dataset_version``.
    """
    metric = METRICS_OF_TASK[kind][0]
    months = np.asarray(pc.strftime(cutoffs.cast(pa.timestamp("s")), "%Y-%m").to_pylist())
    rows = []
    for model, values in _models(predictions):
        for month in np.unique(months):
            here = months == month
            estimate = _estimate(metric, labels[here], values[here])
            if estimate is not None:
                row = {"model": model, "metric": metric, "month": str(month)}
                rows.append({**row, **asdict(estimate), **versions})
    return pa.Table.from_pylist(rows, schema=SLICES_SCHEMA)


def _estimate(metric: str, labels: np.ndarray, values: np.ndarray) -> Estimate | None:
    if len(labels) < _LEAST_ROWS or (metric == "auroc" and len(np.unique(labels)) < 2):
        return None
    return bootstrap(metric, labels, values, SEED)


def _models(predictions: pa.Table) -> Iterator[tuple[str, np.ndarray]]:
    for model in MODELS:
        if model in predictions.column_names:
            yield model, from_column(predictions[model])


def as_markdown(scores: pa.Table) -> str:
    """The score table for people: a row a model, a column a metric, intervals in brackets."""
    rows = scores.to_pylist()
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    cells = {(row["model"], row["metric"]): row for row in rows}
    titles = [_TITLES.get(metric, metric) for metric in metrics]
    lines = [f"| model | {' | '.join(titles)} | n |", "|---" * (len(metrics) + 2) + "|"]
    for model in dict.fromkeys(row["model"] for row in rows):
        shown = [_shown(cells[model, metric]) for metric in metrics]
        n = cells[model, metrics[0]]["n"]
        lines.append(f"| {model.replace('_', ' ')} | {' | '.join(shown)} | {n:,} |")
    return "\n".join(lines)


def _shown(row: Mapping[str, float]) -> str:
    return f"{row['value']:.4f} ({row['low']:.4f} to {row['high']:.4f})"


def months_as_markdown(slices: pa.Table) -> str:
    """The first metric by month for people: a row a month, a column a model."""
    rows = slices.to_pylist()
    models = list(dict.fromkeys(row["model"] for row in rows))
    cells = {(row["model"], row["month"]): row for row in rows}
    titles = [model.replace("_", " ") for model in models]
    lines = [f"| month | {' | '.join(titles)} |", "|---" * (len(models) + 1) + "|"]
    for month in sorted({row["month"] for row in rows}):
        found = (cells.get((model, month)) for model in models)
        lines.append(f"| {month} | {' | '.join(_shown(c) if c else '' for c in found)} |")
    return "\n".join(lines)
