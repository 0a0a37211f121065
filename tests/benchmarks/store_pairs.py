"""Runs what is compared in turn and takes the medians."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]


def in_pairs(pairs: int, ways: Mapping[str, Callable[[], Json]]) -> dict[str, Json]:
    """Measure every way, one after the other, several times.

    Args:
        pairs: How often.
        ways: The product's own first. Each gives ``wall_seconds`` and how many of what it did in
            that time, under the one key that has no unit: ``rows``, ``tables``, ``relationships``.

    Returns:
        Medians by way. ``times_its_rate`` is the product's rate divided by that of this way, the
        median over the pairs.
    """
    runs: dict[str, list[Json]] = {name: [] for name in ways}
    for number in range(pairs):
        for name, way in ways.items():
            print(f"{name}, {number + 1} of {pairs}", file=sys.stderr, flush=True)
            runs[name].append(_completed(way()))
    ours = next(iter(runs.values()))
    found: dict[str, Json] = {}
    for name, theirs in runs.items():
        found[name] = {key: _median([run[key] for run in theirs]) for key in theirs[0]}
        if theirs is not ours:
            ratios = [a["a_second"] / b["a_second"] for a, b in zip(ours, theirs, strict=True)]
            found[name]["times_its_rate"] = statistics.median(ratios)
    return found


def _completed(run: Json) -> Json:
    count = next(v for k, v in run.items() if not k.endswith(("_seconds", "_megabytes")))
    return {
        **run,
        "cpu_seconds": sum(v for k, v in run.items() if k.endswith("_cpu_seconds")),
        "a_second": round(count / run["wall_seconds"]),
    }


def _median(values: list[Any]) -> Any:
    return statistics.median(values)
