"""Temperature and top-p of free answers: chosen on one half of the items, reported on the other.

Belongs here: trying settings out. Does not belong here: drawing (``generation.py``), temperature of
choices, which needs no further answers (``calibration.py``).

Greedy answers are among what is tried. Where nothing does better on the validation half they stay,
and where something does the other half says whether that was luck.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from amodels_assets.evaluation.language.benchmarks import GENERATION, Benchmark, BenchmarkError
from amodels_assets.evaluation.language.calibration import LEAST_ITEMS, halves
from amodels_assets.evaluation.language.estimates import Units, interval
from amodels_assets.evaluation.language.sets import ITEM_ID
from amodels_assets.evaluation.language.tasks import ask, make_task

TEMPERATURES = (0.3, 0.7, 1.0)
TOP_PS = (0.9, 1.0)
DRAWS = 2


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn; a temperature of 0 is greedy."""

    temperature: float = 0.0
    top_p: float = 1.0


@dataclass(frozen=True)
class Tried:
    """A setting on the validation half.

    Attributes:
        sampling: The setting.
        value: Mean over items and draws.
    """

    sampling: Sampling
    value: float


@dataclass(frozen=True)
class ChosenSampling:
    """What came of it.

    Attributes:
        benchmark: Its name.
        chosen: The best setting on the validation half; the colder one where two are equal.
        tried: Every setting.
        n_chosen_on: Items of the validation half.
        n: Items of the other half, which the following are of.
        value: With the chosen setting.
        greedy: With greedy answers.
        difference: Chosen minus greedy.
        low: Lower end of its 95 % paired bootstrap interval.
        high: Upper end.
        draws: Answers to each item for a setting that draws.
    """

    benchmark: str
    chosen: Sampling
    tried: tuple[Tried, ...]
    n_chosen_on: int
    n: int
    value: float
    greedy: float
    difference: float
    low: float
    high: float
    draws: int


def choose_sampling(
    model: Any,
    benchmark: Benchmark,
    items: Sequence[Mapping[str, Any]],
    *,
    temperatures: Sequence[float] = TEMPERATURES,
    top_ps: Sequence[float] = TOP_PS,
    draws: int = DRAWS,
) -> ChosenSampling:
    """Choose temperature and top-p on one half of the items and report on the other.

    Args:
        model: Of ``asking.load``.
        benchmark: Of free answers.
        items: Of its set.
        temperatures: To be tried beside greedy answers.
        top_ps: To be tried with each.
        draws: Answers to each item for a setting that draws.

    Raises:
        BenchmarkError: It is one of choices, or a half has too few items.
    """
    if benchmark.kind != GENERATION:
        raise BenchmarkError(
            f"{benchmark.name} has choices: their temperature stands in `scores show`"
        )
    first = halves([item[ITEM_ID] for item in items])
    if min(first.sum(), (~first).sum()) < LEAST_ITEMS:
        raise BenchmarkError(
            f"{len(items)} items are too few to choose on one half and report on the other: take "
            f"{3 * LEAST_ITEMS} or more"
        )
    ours = [item for item, chosen_on in zip(items, first, strict=True) if chosen_on]
    rest = [item for item, chosen_on in zip(items, first, strict=True) if not chosen_on]
    settings = [Sampling(), *(Sampling(t, p) for t in temperatures for p in top_ps)]
    tried = tuple(
        Tried(one, float(_values(model, benchmark, ours, one, draws).mean())) for one in settings
    )
    best = max(tried, key=lambda one: (one.value, -one.sampling.temperature, -one.sampling.top_p))
    greedy = _values(model, benchmark, rest, Sampling(), draws)
    found = _values(model, benchmark, rest, best.sampling, draws)
    places = np.arange(len(rest))
    gain = interval(Units(places, found - greedy, places), lowest=-1.0)
    return ChosenSampling(
        benchmark=benchmark.name,
        chosen=best.sampling,
        tried=tried,
        n_chosen_on=len(ours),
        n=len(rest),
        value=float(found.mean()),
        greedy=float(greedy.mean()),
        difference=gain.value,
        low=gain.low,
        high=gain.high,
        draws=draws,
    )


def _values(
    model: Any,
    benchmark: Benchmark,
    items: Sequence[Mapping[str, Any]],
    sampling: Sampling,
    draws: int,
) -> np.ndarray:
    """Correctness of each item, mean over the draws; float64 (n,)."""
    found = []
    for seed in range(draws if sampling.temperature else 1):
        settings = {**benchmark.task["generation_kwargs"]}
        if sampling.temperature:
            settings |= {
                "do_sample": True,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "seed": seed,
            }
        drawn = replace(benchmark, task={**benchmark.task, "generation_kwargs": settings})
        with tempfile.TemporaryDirectory() as folder:
            task = make_task(drawn, items, Path(folder))
            found.append(ask(model, drawn, task)["correct"].to_pylist())
    return np.mean(np.array(found, dtype=np.float64), axis=0)
