"""Metrics with bootstrap intervals, alone and as a paired difference.

Belongs here: numbers from labels and predictions. Does not belong here: where those come from.

A bootstrap draws test rows with replacement. How often each row was drawn is enough for every
metric here: each is a function of labels, predictions and counts, for many resamples at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from amodels_assets.training.ranking import auroc

RESAMPLES = 1_000
CALIBRATION_BINS = 10
_AT_ONCE = 2_000_000
_LEAST_PROBABILITY = 1e-7
_YES_OR_NO = frozenset({"auroc", "average_precision", "calibration_error"})
_NEED_SPREAD = frozenset({"average_precision", "r2", "nmae"})
# Of labels and predictions a function that gives, for counts (resamples, n), values (resamples,).
Resampled = Callable[[np.ndarray], np.ndarray]
Metric = Callable[[np.ndarray, np.ndarray], Resampled]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and what it was computed from.

    ``positives`` is 0 where labels are no yes or no.
    """

    value: float
    low: float
    high: float
    n: int
    positives: int
    seed: int
    resamples: int


def bootstrap(
    metric: str,
    labels: np.ndarray,
    predictions: np.ndarray,
    seed: int,
    resamples: int = RESAMPLES,
) -> Estimate:
    """A metric and its 95 % percentile interval over resampled rows.

    Args:
        metric: One of :data:`METRICS`.
        labels: 0 or 1; a class number; a number. Shape (n,).
        predictions: Probabilities (n,), of classes (n, classes), or numbers (n,).
        seed: Seed of the resampling; equal seeds draw equal rows.
        resamples: Number of resamples.

    Raises:
        ValueError: The metric is not defined for these labels, or a prediction is NaN.
    """
    value = score(metric, labels, predictions)
    draws = _draw(metric, labels, [predictions], seed, resamples)[0]
    low, high = np.quantile(draws, [0.025, 0.975])
    # The percentile interval of a very small test set need not contain the value itself.
    return Estimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        n=len(labels),
        positives=int(labels.sum()) if _is_binary(metric, predictions) else 0,
        seed=seed,
        resamples=resamples,
    )


def paired_bootstrap(
    labels: np.ndarray,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    seed: int,
    *,
    resamples: int = RESAMPLES,
    metric: str = "auroc",
) -> tuple[float, float, float]:
    """Metric of A minus metric of B on the same rows, with its 95 % interval.

    Both are computed on the same resamples, so what is hard for both cancels out.

    Returns:
        Difference, lower and upper end.

    Raises:
        ValueError: The metric is not defined for these labels, or a score is NaN.
    """
    difference = score(metric, labels, scores_a) - score(metric, labels, scores_b)
    first, second = _draw(metric, labels, [scores_a, scores_b], seed, resamples)
    low, high = np.quantile(first - second, [0.025, 0.975])
    return difference, float(low), float(high)


def score(metric: str, labels: np.ndarray, predictions: np.ndarray) -> float:
    """The metric on all rows.

    Raises:
        ValueError: The metric is not defined for these labels, or a prediction is NaN.
    """
    if np.isnan(predictions).any():
        raise ValueError("a score is not a number")
    if metric == "auroc":
        return auroc(labels, predictions)
    if not len(labels) or (metric in _NEED_SPREAD and len(np.unique(labels)) < 2):
        raise ValueError(f"{metric} is not defined for these labels")
    ones = np.ones((1, len(labels)), dtype=np.int64)
    return float(METRICS[metric](labels, predictions)(ones)[0])


def _draw(
    metric: str, labels: np.ndarray, predictions: list[np.ndarray], seed: int, resamples: int
) -> list[np.ndarray]:
    """The metric on each resample; resamples on which it is not defined are drawn again."""
    rng = np.random.default_rng(seed)
    measured = [METRICS[metric](labels, p) for p in predictions]
    found: list[list[np.ndarray]] = [[] for _ in predictions]
    missing = resamples
    size = max(1, _AT_ONCE // len(labels))
    even = np.full(len(labels), 1 / len(labels))
    while missing:
        counts = rng.multinomial(len(labels), even, size=min(size, missing))
        if _is_binary(metric, predictions[0]):
            drawn = counts[:, labels == 1].sum(axis=1)
            counts = counts[(drawn > 0) & (drawn < len(labels))]
        elif metric in _NEED_SPREAD:
            # Equal labels have no variance that could be explained.
            counts = counts[[len(np.unique(labels[row > 0])) > 1 for row in counts]]
        for part, values in zip(found, measured, strict=True):
            part.append(values(counts))
        missing -= len(counts)
    return [np.concatenate(part) for part in found]


def _is_binary(metric: str, predictions: np.ndarray) -> bool:
    return metric in _YES_OR_NO or (metric in ("accuracy", "log_loss") and predictions.ndim == 1)


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

    def split(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positives and negatives at each distinct score, each (resamples, scores)."""
        counts = counts[:, self.order]
        ups = np.add.reduceat(np.where(self.positive, counts, 0), self.starts, axis=1)
        downs = np.add.reduceat(np.where(self.positive, 0, counts), self.starts, axis=1)
        return ups, downs


def _auroc(labels: np.ndarray, scores: np.ndarray) -> Resampled:
    rows = _Sorted.by(labels, scores)

    def resampled(counts: np.ndarray) -> np.ndarray:
        ups, downs = rows.split(counts)
        below = np.cumsum(downs, axis=1) - downs / 2
        return (ups * below).sum(axis=1) / (ups.sum(axis=1) * downs.sum(axis=1))

    return resampled


def _average_precision(labels: np.ndarray, scores: np.ndarray) -> Resampled:
    """Precision at each distinct score, weighted by the recall gained there."""
    rows = _Sorted.by(labels, scores)

    def resampled(counts: np.ndarray) -> np.ndarray:
        ups, downs = (part[:, ::-1] for part in rows.split(counts))
        hits, all_ = np.cumsum(ups, axis=1), np.cumsum(ups + downs, axis=1)
        precision = np.divide(hits, all_, out=np.zeros(hits.shape), where=all_ > 0)
        return (ups * precision).sum(axis=1) / ups.sum(axis=1)

    return resampled


def _mean_of(values: np.ndarray) -> Resampled:
    return lambda counts: counts @ values / counts.sum(axis=1)


def _accuracy(labels: np.ndarray, scores: np.ndarray) -> Resampled:
    chosen = scores.argmax(axis=1) if scores.ndim == 2 else scores >= 0.5
    return _mean_of((chosen == labels).astype(np.float64))


def _log_loss(labels: np.ndarray, scores: np.ndarray) -> Resampled:
    if scores.ndim == 2:
        true = scores[np.arange(len(labels)), labels]
    else:
        true = np.where(labels == 1, scores, 1.0 - scores)
    return _mean_of(-np.log(np.maximum(true, _LEAST_PROBABILITY)))


def calibration_bins(scores: np.ndarray) -> np.ndarray:
    """Bin of each probability: ten bins of about equal numbers of rows; int64 (n,)."""
    edges = np.quantile(scores, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1])
    return np.searchsorted(edges, scores, side="right")


def _calibration_error(labels: np.ndarray, scores: np.ndarray) -> Resampled:
    """Expected calibration error: mean distance of what is predicted and what happens, by bin."""
    bins = calibration_bins(scores)
    gaps = np.zeros((len(labels), CALIBRATION_BINS))
    gaps[np.arange(len(labels)), bins] = labels - scores
    return lambda counts: np.abs(counts @ gaps).sum(axis=1) / counts.sum(axis=1)


def _mean_absolute_error(labels: np.ndarray, values: np.ndarray) -> Resampled:
    return _mean_of(np.abs(labels - values))


def _normalised_error(labels: np.ndarray, values: np.ndarray) -> Resampled:
    """Mean absolute error over that of the best constant: 1 is as good as knowing nothing."""
    ours, constant = np.abs(labels - values), np.abs(labels - np.median(labels))
    return lambda counts: counts @ ours / (counts @ constant)


def _explained_variance(labels: np.ndarray, values: np.ndarray) -> Resampled:
    """R²: one minus the squared error over that of the mean."""
    # Centred first: the difference of two large sums of squares would lose the digits.
    centred, squares = labels - labels.mean(), (labels - values) ** 2

    def resampled(counts: np.ndarray) -> np.ndarray:
        n = counts.sum(axis=1)
        total = counts @ centred**2 - (counts @ centred) ** 2 / n
        return 1.0 - (counts @ squares) / total

    return resampled


METRICS: dict[str, Metric] = {
    "auroc": _auroc,
    "average_precision": _average_precision,
    "accuracy": _accuracy,
    "log_loss": _log_loss,
    "calibration_error": _calibration_error,
    "r2": _explained_variance,
    "mae": _mean_absolute_error,
    "nmae": _normalised_error,
}
# By the kind of the task; the first is the one that models are ranked by.
METRICS_OF_TASK: dict[str, tuple[str, ...]] = {
    "binary": ("auroc", "average_precision", "accuracy", "log_loss", "calibration_error"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("mae", "nmae", "r2"),
}
