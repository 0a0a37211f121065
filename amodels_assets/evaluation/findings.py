"""What can be wrong with scores: incomplete evidence, or a test that leaks.

Belongs here: the rules behind the checks. Does not belong here: Dagster.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from amodels_assets.evaluation.metrics import Estimate, bootstrap
from amodels_assets.evaluation.score_table import (
    CHECKPOINT_MODEL,
    JOINED_MODEL,
    OWN_COLUMNS_MODEL,
    SEED,
)

PERMUTATION_SEED = 1


def incomplete_scores(scores: pa.Table, predictions: pa.Table) -> list[str]:
    """Scores that lack what makes them evidence, a sentence each."""
    problems = []
    positives = int(np.sum(predictions["label"].to_numpy()))
    for row in scores.to_pylist():
        name = f"{row['model']} {row['metric']}"
        if any(value is None or value == "" for value in row.values()):
            problems.append(f"{name} lacks a field")
        elif not row["low"] <= row["value"] <= row["high"]:
            problems.append(f"{name} lies outside its interval")
        elif (row["n"], row["positives"]) != (predictions.num_rows, positives):
            problems.append(f"{name} was not computed on the predictions beside it")
    models = {row["model"] for row in scores.to_pylist()}
    problems += [
        f"{model} has no score"
        for model in (CHECKPOINT_MODEL, JOINED_MODEL, OWN_COLUMNS_MODEL)
        if model not in models
    ]
    return problems


def shuffled_label_score(predictions: pa.Table) -> Estimate:
    """The checkpoint's AUROC against labels in random order: chance, unless the scoring leaks."""
    labels = predictions["label"].to_numpy().astype(np.int64)
    shuffled = np.random.default_rng(PERMUTATION_SEED).permutation(labels)
    return bootstrap("auroc", shuffled, predictions[CHECKPOINT_MODEL].to_numpy(), SEED)


def value_of(scores: pa.Table, model: str) -> float:
    """The AUROC of a model; NaN where it has none."""
    rows = scores.to_pylist()
    found = [r["value"] for r in rows if (r["model"], r["metric"]) == (model, "auroc")]
    return found[0] if found else float("nan")
