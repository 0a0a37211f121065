"""Two checkpoints on the same items: is one better, or is it chance?

Belongs here: paired tests. Does not belong here: what follows from them (``release``).

What is hard for both cancels out, so a paired test sees differences that two intervals side by side
do not show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb

import numpy as np
import pyarrow as pa

from amodels_assets.evaluation.language.benchmarks import Benchmark, BenchmarkError
from amodels_assets.evaluation.language.estimates import (
    RESAMPLES,
    SEED,
    Units,
    resampled,
    units,
    unseen,
)

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """B minus A on the items that both answered.

    Attributes:
        benchmark: Its name.
        difference: Mean of B minus mean of A.
        low: Lower end of the 95 % paired bootstrap interval.
        high: Upper end.
        p: Two-sided; how likely so large a difference is where neither is better.
        test: ``McNemar, exact``, or ``paired bootstrap`` where items are grouped.
        gained: Units that B has right and A wrong; with grouped items, groups where B is ahead.
        lost: The other way round.
        n: Units that were compared.
        left_out: Units that only one of them answered.
    """

    benchmark: str
    difference: float
    low: float
    high: float
    p: float
    test: str
    gained: int
    lost: int
    n: int
    left_out: int

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance, at the 5 % level."""
        return self.p < LEVEL


def compare(benchmark: Benchmark, a: pa.Table, b: pa.Table) -> Comparison:
    """Compare two per-item tables of one benchmark.

    Raises:
        BenchmarkError: They have no item in common, or were asked in other words.
    """
    prompts = dict(zip(a["item_id"].to_pylist(), a["target"].to_pylist(), strict=True))
    for name, target in zip(b["item_id"].to_pylist(), b["target"].to_pylist(), strict=True):
        if prompts.get(name, target) != target:
            raise BenchmarkError(
                f"{benchmark.name}: item {name} has another right answer in each: score both again"
            )
    ours, theirs = units(benchmark, a), units(benchmark, b)
    _, first, second = np.intersect1d(
        ours.ids.astype(str), theirs.ids.astype(str), return_indices=True
    )
    if not len(first):
        raise BenchmarkError(f"{benchmark.name}: the two have no item in common: score both again")
    gains = theirs.values[second] - ours.values[first]
    _, groups = np.unique(ours.groups[first], return_inverse=True)
    found = Units(ours.ids[first], gains, groups)
    totals, sizes = found.sums()
    counts = resampled(found, SEED, RESAMPLES)
    draws = counts @ totals / (counts @ sizes)
    low, high = np.quantile(draws, [0.025, 0.975])
    difference = float(gains.mean())
    if gains.min() == gains.max():
        reach = unseen(len(totals))
        low, high = max(difference - reach, -1.0), min(difference + reach, 1.0)
    gained, lost = int((totals > 0).sum()), int((totals < 0).sum())
    single = len(totals) == len(gains)
    return Comparison(
        benchmark=benchmark.name,
        difference=difference,
        low=min(float(low), difference),
        high=max(float(high), difference),
        p=mcnemar(gained, lost) if single else _two_sided(draws),
        test="McNemar, exact" if single else "paired bootstrap",
        gained=gained,
        lost=lost,
        n=len(gains),
        left_out=len(ours.ids) + len(theirs.ids) - 2 * len(first),
    )


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p of McNemar's test: discordant items fall to either side like a coin.

    Example:
        >>> mcnemar(6, 0)
        0.03125
    """
    both = gained + lost
    tail = sum(comb(both, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / 2**both)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values adjusted for being several (Holm 1979): compare them with the level as they are.

    Example:
        >>> holm({"a": 0.01, "b": 0.04})
        {'a': 0.02, 'b': 0.04}
    """
    adjusted, highest = {}, 0.0
    ranked = sorted(p_values.items(), key=lambda pair: pair[1])
    for place, (name, p) in enumerate(ranked):
        highest = max(highest, min(1.0, (len(ranked) - place) * p))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def _two_sided(draws: np.ndarray) -> float:
    # The smallest p that so many resamples can show is one in their number.
    below = (1 + (draws <= 0).sum()) / (1 + len(draws))
    above = (1 + (draws >= 0).sum()) / (1 + len(draws))
    return float(min(1.0, 2 * min(below, above)))
