"""Calibration: does a model that is sure of a choice turn out right?

Belongs here: the temperature that makes probabilities of choices fit, and how well they then do.
Does not belong here: drawing answers (``generation.py``).

The temperature is chosen on one half of the items and judged on the other: on the same half it
would look better than it is. Temperature scaling: Guo et al., arXiv 1706.04599.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amodels_assets.artifacts import digest

_TEMPERATURES = np.geomspace(0.05, 1000.0, 397)
_BINS = 10
LEAST_ITEMS = 20


@dataclass(frozen=True)
class Calibration:
    """A temperature, and what it does to items that it was not chosen on.

    Attributes:
        temperature: By which log-probabilities of choices are divided.
        n_chosen_on: Items of the validation half.
        n: Items of the other half, which the following are of.
        log_loss_before: Mean negative log-probability of the right choice.
        log_loss: The same with the temperature.
        error_before: Expected calibration error: how far confidence and correctness are apart.
        error: The same with the temperature.
        uniform_log_loss: Of one who thinks all choices equally likely.
    """

    temperature: float
    n_chosen_on: int
    n: int
    log_loss_before: float
    log_loss: float
    error_before: float
    error: float
    uniform_log_loss: float


def halves(ids: Sequence[str]) -> np.ndarray:
    """Which items are of the validation half, by their identity alone; bool (n,)."""
    return np.array([int(digest(["half", name])[:8], 16) % 2 == 0 for name in ids], dtype=bool)


def calibrate(
    ids: Sequence[str], logprobs: Sequence[Sequence[float]], targets: Sequence[int]
) -> Calibration | None:
    """Choose a temperature on one half of the items and judge it on the other.

    Args:
        ids: Of the items.
        logprobs: Of each item's choices.
        targets: Place of each item's right choice.

    Returns:
        None where a half has too few items to say anything.
    """
    first = halves(ids)
    width = max(len(values) for values in logprobs)
    scores = np.full((len(ids), width), -np.inf)
    for row, values in enumerate(logprobs):
        scores[row, : len(values)] = values
    right = np.array(targets)
    if min(first.sum(), (~first).sum()) < LEAST_ITEMS:
        return None
    losses = [_log_loss(scores[first] / t, right[first]) for t in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    rest, answers = scores[~first], right[~first]
    return Calibration(
        temperature=temperature,
        n_chosen_on=int(first.sum()),
        n=len(answers),
        log_loss_before=_log_loss(rest, answers),
        log_loss=_log_loss(rest / temperature, answers),
        error_before=_error(rest, answers),
        error=_error(rest / temperature, answers),
        uniform_log_loss=float(np.log(np.isfinite(rest).sum(axis=1)).mean()),
    )


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Softmax over the choices of each item; (n, choices)."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _log_loss(scores: np.ndarray, right: np.ndarray) -> float:
    shifted = scores - scores.max(axis=1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=1))
    return float((total - shifted[np.arange(len(right)), right]).mean())


def _error(scores: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal width of the confidence."""
    found = probabilities(scores)
    confidence, hits = found.max(axis=1), found.argmax(axis=1) == right
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, hits - confidence, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(right))
