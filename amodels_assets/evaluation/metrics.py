"""The AUROC with bootstrap intervals, alone and as a paired difference.

Belongs here: numbers from labels and scores. Does not belong here: where those come from.

A bootstrap draws test rows with replacement. Counts of how often a row is drawn are enough for the
AUROC, so all resamples are computed at once from the rows sorted by score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amodels_assets.training.ranking import auroc

RESAMPLES = 1_000
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and what it was computed from."""

    value: float
    low: float
    high: float
    n: int
    positives: int
    seed: int
    resamples: int


def bootstrap_auroc(
    labels: np.ndarray, scores: np.ndarray, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """The AUROC and its 95 % percentile interval over resampled rows.

    Args:
        labels: 0 or 1, shape (n,).
        scores: Any numbers, shape (n,).
        seed: Seed of the resampling; equal seeds draw equal rows.
        resamples: Number of resamples.

    Raises:
        ValueError: Only one label is there, or a score is NaN.
    """
    value = auroc(labels, scores)
    draws = _resampled(labels, [scores], seed, resamples)[0]
    low, high = np.quantile(draws, [0.025, 0.975])
    # The percentile interval of a very small test set need not contain the value itself.
    return Estimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        n=len(labels),
        positives=int(labels.sum()),
        seed=seed,
        resamples=resamples,
    )


def paired_bootstrap(
    labels: np.ndarray,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    seed: int,
    resamples: int = RESAMPLES,
) -> tuple[float, float, float]:
    """AUROC of A minus AUROC of B on the same rows, with its 95 % interval.

    Both are computed on the same resamples, so what is hard for both cancels out.

    Args:
        labels: 0 or 1, shape (n,).
        scores_a: Scores of A, shape (n,).
        scores_b: Scores of B for the same rows.
        seed: Seed of the resampling.
        resamples: Number of resamples.

    Returns:
        Difference, lower and upper end.

    Raises:
        ValueError: Only one label is there, or a score is NaN.
    """
    difference = auroc(labels, scores_a) - auroc(labels, scores_b)
    first, second = _resampled(labels, [scores_a, scores_b], seed, resamples)
    low, high = np.quantile(first - second, [0.025, 0.975])
    return difference, float(low), float(high)


def _resampled(
    labels: np.ndarray, scores: list[np.ndarray], seed: int, resamples: int
) -> list[np.ndarray]:
    """The AUROC of each score on each resample; resamples with one label only are redrawn."""
    rng = np.random.default_rng(seed)
    sorted_rows = [_Sorted.by(labels, score) for score in scores]
    found: list[list[np.ndarray]] = [[] for _ in scores]
    missing = resamples
    size = max(1, _AT_ONCE // len(labels))
    even = np.full(len(labels), 1 / len(labels))
    while missing:
        counts = rng.multinomial(len(labels), even, size=min(size, missing))
        drawn = counts[:, labels == 1].sum(axis=1)
        counts = counts[(drawn > 0) & (drawn < len(labels))]
        for part, rows in zip(found, sorted_rows, strict=True):
            part.append(rows.auroc(counts))
        missing -= len(counts)
    return [np.concatenate(part) for part in found]


@dataclass(frozen=True)
class _Sorted:
    """Rows by ascending score; ``starts`` are the positions where a new score begins."""

    order: np.ndarray
    positive: np.ndarray
    starts: np.ndarray

    @classmethod
    def by(cls, labels: np.ndarray, scores: np.ndarray) -> _Sorted:
        order = np.argsort(scores, kind="stable")
        ranked = scores[order]
        starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        return cls(order, labels[order] == 1, starts)

    def auroc(self, counts: np.ndarray) -> np.ndarray:
        """For counts of shape (resamples, n) the AUROCs, shape (resamples,)."""
        counts = counts[:, self.order]
        ups = np.add.reduceat(np.where(self.positive, counts, 0), self.starts, axis=1)
        downs = np.add.reduceat(np.where(self.positive, 0, counts), self.starts, axis=1)
        below = np.cumsum(downs, axis=1) - downs / 2
        return (ups * below).sum(axis=1) / (ups.sum(axis=1) * downs.sum(axis=1))
