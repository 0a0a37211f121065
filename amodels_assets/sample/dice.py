"""Seeded choices for the warehouse: the only source of chance there.

Built on ``Generator.random`` alone, whose stream is the same in every NumPy release.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """Draws choices; two with the same seed and purpose draw the same."""

    def __init__(self, seed: int, purpose: int) -> None:
        """Start the stream of one ``purpose`` (a number) of a sample's ``seed``."""
        self._random = np.random.default_rng([seed, purpose])

    def below(self, bound: int) -> int:
        """A whole number from 0 to ``bound - 1``."""
        return int(self._random.random() * bound)

    def between(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self._random.random() < probability)

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, each as likely as the others."""
        return choices[self.below(len(choices))]

    def weighted(self, choices: Sequence[tuple[T, float]]) -> T:
        """One of them, by weight; the weights need not add up to one."""
        left = float(self._random.random()) * sum(weight for _, weight in choices)
        for choice, weight in choices:
            left -= weight
            if left < 0:
                return choice
        return choices[-1][0]

    def sample(self, choices: Sequence[T], count: int) -> list[T]:
        """``count`` different ones (or all, if there are fewer), in the order given."""
        left = list(range(len(choices)))
        taken = [left.pop(self.below(len(left))) for _ in range(min(count, len(choices)))]
        return [choices[index] for index in sorted(taken)]
