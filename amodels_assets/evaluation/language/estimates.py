"""What answers come to: a score with everything that is needed to judge it.

Belongs here: numbers from the per-item table of one checkpoint. Does not belong here: two
checkpoints (``comparison.py``), and where answers come from.

Items that belong together, such as instances of one template, are not independent. Standard error
and interval are then over groups: a resample draws groups, not items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from amodels_assets.evaluation.language.benchmarks import MULTIPLE_CHOICE, Benchmark

RESAMPLES = 1_000
SEED = 0
SCORES_SCHEMA = pa.schema(
    [
        ("benchmark", pa.string()),
        ("checkpoint", pa.string()),
        ("checkpoint_version", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("stderr", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.int64()),
        ("groups", pa.int64()),
        ("set_size", pa.int64()),
        ("chance", pa.float64()),
        ("majority", pa.float64()),
        # Mean variance of correctness within a group; null without groups.
        ("variance_within_groups", pa.float64()),
        ("shots", pa.int64()),
        ("template_sha256", pa.string()),
        ("dataset_version", pa.string()),
        ("backend", pa.string()),
        ("seconds", pa.float64()),
        ("tokens", pa.int64()),
        ("computed_tokens", pa.int64()),
        ("truncated", pa.int64()),
        ("blind", pa.bool_()),
        ("seed", pa.int64()),
        ("resamples", pa.int64()),
    ]
)
PARTS_SCHEMA = pa.schema(
    [
        ("checkpoint", pa.string()),
        ("checkpoint_version", pa.string()),
        ("part", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("variance", pa.float64()),
        ("n", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Units:
    """What is counted, and what is drawn in a resample.

    Attributes:
        ids: Of each unit; shape (n,).
        values: Correctness, 0 to 1; shape (n,).
        groups: Number of each unit's group, int64 (n,); each unit its own where there are none.
    """

    ids: np.ndarray
    values: np.ndarray
    groups: np.ndarray

    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Sum of values and number of units in each group."""
        return np.bincount(self.groups, self.values), np.bincount(self.groups)


@dataclass(frozen=True)
class Interval:
    """A mean with its standard error and 95 % percentile interval."""

    value: float
    stderr: float
    low: float
    high: float
    n: int
    groups: int


@dataclass(frozen=True)
class Run:
    """How a checkpoint was asked.

    Attributes:
        checkpoint: Its name.
        checkpoint_version: SHA-256 of what it is.
        dataset_version: SHA-256 of the set.
        set_size: Items of the whole set.
        backend: ``local`` or an endpoint's kind.
        seconds: Of asking, without loading.
        tokens: Of all prompts and answers.
        computed_tokens: That went through the model.
        truncated: Prompts that did not fit.
        blind: What the model was given stays the same when answers are exchanged between items;
            None where the benchmark does not say which fields hold them.
    """

    checkpoint: str
    checkpoint_version: str
    dataset_version: str
    set_size: int
    backend: str
    seconds: float
    tokens: int
    computed_tokens: int
    truncated: int
    blind: bool | None = None


def units(benchmark: Benchmark, items: pa.Table, column: str = "correct") -> Units:
    """What is counted of a per-item table.

    Args:
        benchmark: Of the items.
        items: Rows of one checkpoint.
        column: With a number for each item.
    """
    ids = np.array(items["item_id"].to_pylist(), dtype=object)
    values = np.array(items[column].to_pylist(), dtype=np.float64)
    if not benchmark.group:
        return Units(ids, values, np.arange(len(ids)))
    names = np.array(items["group"].to_pylist(), dtype=object)
    known, places = np.unique(names, return_inverse=True)
    if not benchmark.best_of_group:
        return Units(ids, values, places)
    best = np.zeros(len(known))
    np.maximum.at(best, places, values)
    return Units(known, best, np.arange(len(known)))


def resampled(found: Units, seed: int = SEED, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each group is drawn; int64 (resamples, groups)."""
    count = int(found.groups.max()) + 1
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples)


def interval(
    found: Units, seed: int = SEED, resamples: int = RESAMPLES, *, lowest: float = 0.0
) -> Interval:
    """Mean of the units' values with its standard error and bootstrap interval.

    Args:
        found: What is counted.
        seed: Of the resampling.
        resamples: How many.
        lowest: Value that a unit may have at least; at most it is 1.

    Raises:
        ValueError: There is nothing to count.
    """
    if not len(found.values):
        raise ValueError("no items: there is no score")
    totals, sizes = found.sums()
    n, groups = len(found.values), len(totals)
    value = float(found.values.mean())
    # Of a mean over clusters of different size; for groups of one it is that of a sample's mean.
    spread = float(((totals - value * sizes) ** 2).sum())
    stderr = float(np.sqrt(spread * groups / (groups - 1)) / n) if groups > 1 else float("nan")
    if found.values.min() == found.values.max():
        # Resamples of equal values are all equal, which says nothing of what was not drawn.
        reach = unseen(groups)
        return Interval(
            value, stderr, max(value - reach, lowest), min(value + reach, 1.0), n, groups
        )
    counts = resampled(found, seed, resamples)
    draws = counts @ totals / (counts @ sizes)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(value, stderr, min(float(low), value), max(float(high), value), n, groups)


def unseen(number: int) -> float:
    """The largest share of something that may well be in none of so many draws (Clopper-Pearson).

    Example:
        >>> round(unseen(30), 3)
        0.116
    """
    return 1 - 0.025 ** (1 / number)


def chance(benchmark: Benchmark, items: pa.Table) -> float:
    """What guessing among the choices scores; 0 for free answers."""
    if benchmark.kind != MULTIPLE_CHOICE:
        return 0.0
    return float(np.mean([1 / len(logprobs) for logprobs in items["logprobs"].to_pylist()]))


def majority(items: pa.Table) -> float:
    """What the best constant answer scores, chosen with the answers in view."""
    targets = Counter(items["target"].to_pylist())
    return max(targets.values()) / items.num_rows


def score_rows(benchmark: Benchmark, items: pa.Table, run: Run) -> list[dict[str, Any]]:
    """One row a metric, as :data:`SCORES_SCHEMA` has it."""
    rows = []
    within = _variance_within(benchmark, items)
    for metric in benchmark.metrics:
        column = "acc_norm" if metric == "acc_norm" else "correct"
        found = interval(units(benchmark, items, column))
        rows.append(
            {
                **asdict(found),
                **asdict(run),
                "benchmark": benchmark.name,
                "metric": metric,
                "chance": chance(benchmark, items),
                "majority": majority(items),
                "variance_within_groups": within,
                "shots": benchmark.shots,
                "template_sha256": benchmark.template_hash,
                "seed": SEED,
                "resamples": RESAMPLES,
            }
        )
    return rows


def part_rows(benchmark: Benchmark, items: pa.Table, run: Run) -> list[dict[str, Any]]:
    """Scores of each category, or of each group where items are grouped."""
    column = "category" if benchmark.category else "group" if benchmark.group else ""
    if not column:
        return []
    names = np.array(items[column].to_pylist(), dtype=object)
    rows = []
    for name in sorted(set(names)):
        part = items.filter(pa.array(names == name))
        values = np.array(part["correct"].to_pylist())
        found = interval(Units(names[names == name], values, np.arange(len(values))))
        rows.append(
            {
                "checkpoint": run.checkpoint,
                "checkpoint_version": run.checkpoint_version,
                "part": name,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "variance": float(values.var(ddof=1)) if len(values) > 1 else None,
                "n": len(values),
            }
        )
    return rows


def _variance_within(benchmark: Benchmark, items: pa.Table) -> float | None:
    if not benchmark.group or benchmark.best_of_group:
        return None
    found = units(benchmark, items)
    several = [
        found.values[found.groups == group].var(ddof=1)
        for group, size in enumerate(found.sums()[1])
        if size > 1
    ]
    return float(np.mean(several)) if several else None


def primary(scores: Mapping[str, Any], benchmark: Benchmark) -> bool:
    """Whether a row of scores is of the metric that a benchmark is ranked by."""
    return scores["metric"] == benchmark.metrics[0]
