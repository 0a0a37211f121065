"""Every metric is what a known library computes, on all rows and on resampled ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as known

from amodels_assets.evaluation.curves import calibration_table
from amodels_assets.evaluation.metrics import METRICS, METRICS_OF_TASK, bootstrap, score

N = 80
RNG = np.random.default_rng(3)
LABELS = (RNG.random(N) < 0.4).astype(np.int64)
# Rounded, so that some are equal.
PROBABILITIES = np.round(np.clip(0.3 + 0.3 * LABELS + RNG.normal(0, 0.2, N), 0.01, 0.99), 1)
CLASSES = RNG.integers(0, 3, N)
CLASS_PROBABILITIES = RNG.dirichlet(np.ones(3), N)
NUMBERS = RNG.normal(1e6, 3.0, N)
GUESSES = NUMBERS + RNG.normal(0, 2.0, N)

Known = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
BINARY: dict[str, Known] = {
    "auroc": lambda y, p, w: known.roc_auc_score(y, p, sample_weight=w),
    "average_precision": lambda y, p, w: known.average_precision_score(y, p, sample_weight=w),
    "accuracy": lambda y, p, w: known.accuracy_score(y, p >= 0.5, sample_weight=w),
    "log_loss": lambda y, p, w: known.log_loss(y, p, sample_weight=w),
}
REGRESSION: dict[str, Known] = {
    "r2": lambda y, p, w: known.r2_score(y, p, sample_weight=w),
    "mae": lambda y, p, w: known.mean_absolute_error(y, p, sample_weight=w),
    "nmae": lambda y, p, w: (
        known.mean_absolute_error(y, p, sample_weight=w)
        / known.mean_absolute_error(y, np.full(N, np.median(y)), sample_weight=w)
    ),
}
CASES = [
    *((name, LABELS, PROBABILITIES, function) for name, function in BINARY.items()),
    *((name, NUMBERS, GUESSES, function) for name, function in REGRESSION.items()),
    (
        "accuracy",
        CLASSES,
        CLASS_PROBABILITIES,
        lambda y, p, w: known.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
    ),
    (
        "log_loss",
        CLASSES,
        CLASS_PROBABILITIES,
        lambda y, p, w: known.log_loss(y, p, sample_weight=w),
    ),
]


@pytest.mark.parametrize(("name", "labels", "predictions", "function"), CASES)
def test_a_metric_is_what_a_known_library_computes(
    name: str, labels: np.ndarray, predictions: np.ndarray, function: Known
) -> None:
    assert score(name, labels, predictions) == pytest.approx(
        function(labels, predictions, np.ones(N)), rel=1e-9
    )
    counts = np.random.default_rng(0).multinomial(N, np.full(N, 1 / N), size=5)
    found = METRICS[name](labels, predictions)(counts)
    expected = [function(labels, predictions, row) for row in counts]
    assert found == pytest.approx(expected, rel=1e-7)


def test_every_metric_of_a_task_is_defined_and_tested() -> None:
    listed = {name for names in METRICS_OF_TASK.values() for name in names}
    assert listed == set(METRICS)
    assert listed - {"calibration_error"} == {name for name, *_ in CASES}


def test_calibration_error_by_hand() -> None:
    scores = np.repeat([0.2, 0.8], 50)
    labels = np.concatenate([np.arange(50) < 20, np.arange(50) < 40]).astype(np.int64)
    # Half of the rows say 0.2 where 0.4 happens, the others are right.
    assert score("calibration_error", labels, scores) == pytest.approx(0.1)
    table = calibration_table(labels, scores)
    assert table["predicted"].to_pylist() == pytest.approx([0.2, 0.8])
    assert table["observed"].to_pylist() == pytest.approx([0.4, 0.8])
    assert table["n"].to_pylist() == [50, 50]


def test_intervals_hold_their_value_and_say_what_they_come_from() -> None:
    estimate = bootstrap("mae", NUMBERS, GUESSES, seed=4, resamples=50)
    assert estimate.low < estimate.value < estimate.high
    assert (estimate.n, estimate.positives, estimate.seed, estimate.resamples) == (N, 0, 4, 50)
    assert bootstrap("accuracy", LABELS, PROBABILITIES, seed=4).positives == LABELS.sum()
    assert bootstrap("mae", NUMBERS, GUESSES, seed=4, resamples=50) == estimate
    assert bootstrap("mae", NUMBERS, GUESSES, seed=5, resamples=50) != estimate


@pytest.mark.parametrize("name", ["average_precision", "r2", "nmae"])
def test_equal_labels_have_no_score(name: str) -> None:
    with pytest.raises(ValueError, match="not defined"):
        score(name, np.ones(4, dtype=np.int64), np.array([0.1, 0.2, 0.3, 0.4]))
