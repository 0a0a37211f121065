"""What can be wrong with scores of language models: incomplete evidence, or a test that leaks.

Belongs here: the rules behind the checks. Does not belong here: Dagster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from amodels_assets.artifacts import Artifact
from amodels_assets.evaluation.language.benchmarks import MULTIPLE_CHOICE, Benchmark
from amodels_assets.evaluation.language.estimates import Interval, Units, chance, interval, majority
from amodels_assets.evaluation.language.results import read_results
from amodels_assets.questions.answers import is_accepted, normal_form

PERMUTATION_SEED = 1
# What a score may lack: variance without groups, and spread of a single item.
_MAY_BE_NULL = {"variance_within_groups", "blind", "stderr"}


def incomplete_scores(benchmark: Benchmark, artifact: Artifact) -> list[str]:
    """Scores that lack what makes them evidence, a sentence each."""
    sizes = {
        (run.checkpoint, run.checkpoint_version): items.num_rows
        for items, run in read_results(artifact)
    }
    problems = []
    for row in artifact.table("scores").to_pylist():
        name = f"{row['checkpoint']} {row['metric']}"
        key = (row["checkpoint"], row["checkpoint_version"])
        values = [v for k, v in row.items() if k not in _MAY_BE_NULL]
        if any(v is None or v == "" or (isinstance(v, float) and math.isnan(v)) for v in values):
            problems.append(f"{name} lacks a field")
        elif not row["low"] <= row["value"] <= row["high"]:
            problems.append(f"{name} lies outside its interval")
        elif key not in sizes or (not benchmark.best_of_group and row["n"] != sizes[key]):
            problems.append(f"{name} was not computed on the answers beside it")
        elif row["template_sha256"] != benchmark.template_hash:
            problems.append(f"{name} was asked in other words than the benchmark's: score it again")
    return problems


@dataclass(frozen=True)
class Leak:
    """What a checkpoint scores against the answers of other items.

    Attributes:
        checkpoint: Its name.
        blind: What it was given did not depend on the answers.
        shuffled: Its score against shuffled answers.
        limit: What knowing an item's kind alone scores: chance, or the best constant answer of each
            kind.
    """

    checkpoint: str
    blind: bool
    shuffled: Interval
    limit: float

    @property
    def found(self) -> bool:
        """Whether the test knows more of the answers than it should."""
        return not self.blind or self.shuffled.low > self.limit


def leaks(benchmark: Benchmark, artifact: Artifact) -> list[Leak]:
    """Score every checkpoint against answers in random order."""
    found = []
    for items, run in read_results(artifact):
        limit = max(chance(benchmark, items), constant_by_category(items))
        shuffled = shuffled_score(benchmark, items)
        found.append(Leak(run.checkpoint, run.blind is True, shuffled, limit))
    return found


def constant_by_category(items: pa.Table) -> float:
    """What the most frequent answer of each category scores; answers are shuffled within those."""
    kinds = np.array(items["category"].to_pylist(), dtype=object)
    parts = [items.filter(pa.array(kinds == kind)) for kind in sorted(set(kinds))]
    return sum(majority(part) * part.num_rows for part in parts) / items.num_rows


def shuffled_score(benchmark: Benchmark, items: pa.Table) -> Interval:
    """The score against answers of other items, of the same category where there are any."""
    targets = np.array(items["target"].to_pylist(), dtype=object)
    kinds = np.array(items["category"].to_pylist(), dtype=object)
    rng = np.random.default_rng(PERMUTATION_SEED)
    order = np.arange(len(targets))
    for kind in sorted(set(kinds)):
        places = np.flatnonzero(kinds == kind)
        order[places] = places[_no_fixed_points(rng, len(places))]
    right = [
        _right(benchmark, kind, prediction, targets[other])
        for kind, prediction, other in zip(
            kinds, items["prediction"].to_pylist(), order, strict=True
        )
    ]
    values = np.array(right, dtype=np.float64)
    return interval(Units(np.arange(len(values)), values, np.arange(len(values))))


def _no_fixed_points(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random cycle: every item gets the answer of another one."""
    order, found = rng.permutation(size), np.zeros(size, dtype=np.int64)
    found[order] = np.roll(order, 1)
    return found


def _right(benchmark: Benchmark, kind: str, prediction: str, target: str) -> bool:
    if benchmark.kind == MULTIPLE_CHOICE:
        return prediction == target
    return is_accepted(kind, prediction, [normal_form(kind, target)])
