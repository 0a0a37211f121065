"""Pictures of scores."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa


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
        curve = roc_curve(labels, predictions[row["model"]].to_numpy())
        axes.plot(*curve, label=f"{row['model'].replace('_', ' ')} {row['value']:.3f}")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize="small")
    buffer = io.BytesIO()
    # Without the library's version and the date in it.
    figure.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
    return buffer.getvalue()
