"""Pictures of scores."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from amodels_assets.evaluation.metrics import CALIBRATION_BINS, calibration_bins

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def roc_curve(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates over all thresholds, from (0, 0) to (1, 1).

    Args:
        labels: 0 or 1, shape (n,), both present.
        scores: Any numbers, shape (n,); equal ones share a threshold.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], labels[order]
    ends = np.flatnonzero(np.concatenate([ranked[1:] != ranked[:-1], [True]]))
    true = np.cumsum(hits)[ends] / hits.sum()
    false = np.cumsum(1 - hits)[ends] / (1 - hits).sum()
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])


def roc_picture(predictions: pa.Table, scores: pa.Table) -> bytes:
    """ROC curves of all models as PNG, the same bytes for the same numbers."""
    from matplotlib.figure import Figure

    labels = predictions["label"].to_numpy().astype(np.int64)
    figure = Figure(figsize=(5, 4.5), layout="constrained")
    axes = figure.subplots()
    for row in scores.to_pylist():
        if row["metric"] == "auroc":
            curve = roc_curve(labels, predictions[row["model"]].to_numpy())
            axes.plot(*curve, label=f"{_title(row['model'])} {row['value']:.3f}")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize="small")
    return _png(figure)


def calibration_table(labels: np.ndarray, scores: np.ndarray) -> pa.Table:
    """What is predicted and what happens, in bins of about equal numbers of rows.

    Args:
        labels: 0 or 1, shape (n,).
        scores: Probabilities, shape (n,).

    Returns:
        A row a bin: mean ``predicted``, mean ``observed``, ``n``; bins without rows are left out.
    """
    bins = calibration_bins(scores)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    filled = counts > 0
    predicted = np.bincount(bins, scores, CALIBRATION_BINS)[filled] / counts[filled]
    observed = np.bincount(bins, labels, CALIBRATION_BINS)[filled] / counts[filled]
    return pa.table({"predicted": predicted, "observed": observed, "n": counts[filled]})


def calibration_picture(predictions: pa.Table, models: Sequence[str]) -> bytes:
    """Calibration curves as PNG: on the diagonal, what is predicted is what happens."""
    from matplotlib.figure import Figure

    labels = predictions["label"].to_numpy().astype(np.int64)
    figure = Figure(figsize=(5, 4.5), layout="constrained")
    axes = figure.subplots()
    for model in models:
        if model in predictions.column_names:
            table = calibration_table(labels, predictions[model].to_numpy())
            axes.plot(table["predicted"], table["observed"], marker="o", label=_title(model))
    axes.axline((0, 0), slope=1, color="grey", linewidth=0.8)
    axes.set_xlabel("predicted probability")
    axes.set_ylabel("share of positives")
    axes.legend(loc="upper left", fontsize="small")
    return _png(figure)


def _title(model: str) -> str:
    return model.replace("_", " ")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without the library's version and the date in it.
    figure.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
    return buffer.getvalue()
