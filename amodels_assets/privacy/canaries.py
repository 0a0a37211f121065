"""Planted secrets, and how much of them a model gives away.

Belongs here: canaries as arrays of tokens, exposure and its interval. Does not belong here:
training and scoring (``memorisation.py``). Imports no torch.

A canary is a secret drawn at random from a known set, written into the training data in a fixed
format. Its exposure is the logarithm of the number of possible secrets minus that of the secret's
rank among them, by how likely the model holds each (Carlini et al., arXiv 1802.08232). A model
that knows nothing ranks it anywhere: then the mean exposure of many canaries is known exactly.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_RESAMPLES = 2000


@dataclass(frozen=True)
class Exposures:
    """Exposure of some canaries.

    Attributes:
        canaries: How many.
        candidates: Possible secrets of each.
        mean: In bits.
        low: Lower end of the mean's 95 % bootstrap interval over the canaries.
        high: Upper end.
        chance: The mean of a model that never saw them.
        at_most: The mean where every secret ranks first.
        p_value: Probability that such a model has a mean as high or higher.
        first: How many secrets rank first, so that one guess gives them away.
    """

    canaries: int
    candidates: int
    mean: float
    low: float
    high: float
    chance: float
    at_most: float
    p_value: float
    first: int

    @property
    def verdict(self) -> str:
        """In words, by the interval."""
        if self.low > self.chance:
            return "memorised"
        return "at chance" if self.high >= self.chance else "below chance"

    def to_json(self) -> dict[str, Any]:
        """As JSON-serialisable data."""
        return {**asdict(self), "verdict": self.verdict}


def exposures(ranks: np.ndarray, candidates: int, seed: int = 0) -> Exposures:
    """What the ranks of secrets come to.

    Args:
        ranks: From 1, shape (canaries,).
        candidates: Possible secrets of each.
        seed: Of the resamples, and of the ranks that chance gives.
    """
    bits = np.log2(candidates) - np.log2(ranks)
    draw = np.random.default_rng(seed)
    count = len(bits)
    means = bits[draw.integers(0, count, (_RESAMPLES, count))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    every = np.log2(candidates) - np.log2(np.arange(1, candidates + 1))
    by_chance = every[draw.integers(0, candidates, (_RESAMPLES, count))].mean(axis=1)
    return Exposures(
        canaries=count,
        candidates=candidates,
        mean=float(bits.mean()),
        low=float(low),
        high=float(high),
        chance=float(every.mean()),
        at_most=float(np.log2(candidates)),
        p_value=float((1 + (by_chance >= bits.mean()).sum()) / (1 + _RESAMPLES)),
        first=int((ranks == 1).sum()),
    )


@dataclass(frozen=True)
class Planted:
    """Sequences to train on, with canaries among them.

    A sequence tells four facts, each a name of three tokens and a number of three digits. The
    number follows from the name, which is what there is to learn. The last fact of a canary is its
    secret: a name that occurs nowhere else, and a number that follows from nothing.

    Attributes:
        train: int64, shape (sequences + canaries, length).
        validation: int64, shape (held out, length): ordinary, with other names.
        canaries: int64, shape (canaries, length): also among ``train``, once each.
        vocabulary: How many tokens there are; the first ten are the digits.
    """

    train: np.ndarray
    validation: np.ndarray
    canaries: np.ndarray
    vocabulary: int


DIGITS = 3
CANDIDATES = 10**DIGITS
_SYLLABLES = 24
_PARTS = 3
_FACTS = 4


def plant(sequences: int, canaries: int, seed: int) -> Planted:
    """Make sequences in which canaries are planted.

    Args:
        sequences: Ordinary ones to train on; a quarter as many are held out.
        canaries: Secrets, each in one sequence.
        seed: Of names and secrets.
    """
    draw = np.random.default_rng([seed, 20])
    held_out = max(1, sequences // 4)
    total = sequences + held_out + canaries
    # Names are unique, so a canary's is found nowhere else.
    numbers = draw.permutation(_SYLLABLES**_PARTS)[: total * _FACTS].reshape(total, _FACTS)
    parts = np.stack([numbers // _SYLLABLES**k % _SYLLABLES for k in range(_PARTS)], axis=2)
    digits = parts % 10
    digits[:canaries, -1] = draw.integers(0, 10, (canaries, DIGITS))
    facts = np.concatenate([parts + 10, digits], axis=2).reshape(total, -1)
    start, vocabulary = 10 + _SYLLABLES, 11 + _SYLLABLES
    rows = np.concatenate([np.full((total, 1), start), facts], axis=1)
    planted, validation, ordinary = np.split(rows, [canaries, canaries + held_out])
    train = np.concatenate([ordinary, planted])
    return Planted(draw.permutation(train), validation, planted, vocabulary)


def beginnings_of(canary: np.ndarray) -> np.ndarray:
    """A canary without its last digit, with all others that it could have had; in order.

    Returns:
        int64, shape (candidates / 10, length - 1).
    """
    numbers = np.arange(CANDIDATES // 10)
    digits = np.stack([numbers // 10**k % 10 for k in reversed(range(DIGITS - 1))], axis=1)
    return np.concatenate([np.tile(canary[:-DIGITS], (len(numbers), 1)), digits], axis=1)


def secret_of(canary: np.ndarray) -> int:
    """Place of a canary's own secret among its candidates."""
    return int("".join(str(digit) for digit in canary[-DIGITS:]))
