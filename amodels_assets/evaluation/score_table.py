"""Scores of a checkpoint and of what it is compared with, on the same test rows.

Belongs here: which models are scored, and the tables that come of it. Does not belong here: the
metric (``metrics.py``) and pictures (``curves.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.evaluation.baselines import (
    best_possible_scores,
    majority_scores,
)
from amodels_assets.evaluation.metrics import bootstrap_auroc
from amodels_assets.evaluation.scoring import score_checkpoint, score_own_columns

SEED = 0
CHECKPOINT_MODEL = "relational_transformer"
OWN_COLUMNS_MODEL = "lightgbm_own_columns"
ORACLE_MODEL = "best_possible"
MAJORITY_MODEL = "majority"
SCORES_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.int64()),
        ("positives", pa.int64()),
        ("seed", pa.int64()),
        ("resamples", pa.int64()),
        ("checkpoint_version", pa.string()),
        ("dataset_version", pa.string()),
    ]
)


def predict_all(
    checkpoint_folder: Path, dataset_folder: Path, oracle: pa.Table, split: str = "test"
) -> pa.Table:
    """Predictions of the checkpoint and of every baseline for one split.

    Returns:
        Entity, cut-off, ``label`` and one column of scores a model; ``best_possible`` only where
        the oracle knows every row.

    Raises:
        ScoringError: The checkpoint cannot be used.
        DatasetError: The data set cannot be read.
    """
    dataset = open_dataset(dataset_folder)
    keys = [dataset.spec.task.entity_column, dataset.spec.task.cutoff_column]
    scored = score_checkpoint(checkpoint_folder, dataset_folder, split)
    predictions = scored.rename_columns([*keys, "label", CHECKPOINT_MODEL])
    columns: dict[str, np.ndarray | None] = {
        OWN_COLUMNS_MODEL: score_own_columns(dataset_folder, split, SEED)["score"].to_numpy(),
        MAJORITY_MODEL: majority_scores(dataset, split),
        ORACLE_MODEL: best_possible_scores(dataset, split, oracle),
    }
    for name, values in columns.items():
        if values is not None:
            predictions = predictions.append_column(name, pa.array(values))
    return predictions.combine_chunks()


def score_table(predictions: pa.Table, versions: Mapping[str, str]) -> pa.Table:
    """The AUROC of every model with its interval and what it was computed from.

    Args:
        predictions: Of :func:`predict_all`.
        versions: ``checkpoint_version`` and ``dataset_version``.
    """
    labels = predictions["label"].to_numpy().astype(np.int64)
    models = (CHECKPOINT_MODEL, OWN_COLUMNS_MODEL, MAJORITY_MODEL, ORACLE_MODEL)
    rows = [
        {
            "model": model,
            "metric": "auroc",
            **asdict(bootstrap_auroc(labels, predictions[model].to_numpy(), SEED)),
            **versions,
        }
        for model in models
        if model in predictions.column_names
    ]
    return pa.Table.from_pylist(rows, schema=SCORES_SCHEMA)


def as_markdown(scores: pa.Table) -> str:
    """The score table for people."""
    lines = ["| model | AUROC | 95 % interval | n | positives |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['model'].replace('_', ' ')} | {row['value']:.4f} | {row['low']:.4f} to "
        f"{row['high']:.4f} | {row['n']:,} | {row['positives']:,} |"
        for row in scores.to_pylist()
    ]
    return "\n".join(lines)
