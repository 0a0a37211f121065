"""The area under the ROC curve from ranks, used while training and when judging."""

from __future__ import annotations

import numpy as np


def auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Chance that a random positive is scored above a random negative, ties counting half.

    Args:
        labels: 0 or 1, shape (n,).
        scores: Any numbers, shape (n,).

    Raises:
        ValueError: Only one class is there, or a score is NaN.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        raise ValueError("the AUROC needs both labels")
    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[inverse[labels == 1]].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))
