"""Scores that are made up: answers as a test wants them, published as the real ones are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from amodels_assets.artifacts import Artifact, ArtifactStore, digest
from amodels_assets.evaluation.language.benchmarks import MULTIPLE_CHOICE, shipped
from amodels_assets.evaluation.language.checkpoints import BASE, Checkpoint
from amodels_assets.evaluation.language.estimates import Run
from amodels_assets.evaluation.language.results import publish_scores
from amodels_assets.evaluation.language.sets import EvaluationSet
from amodels_assets.evaluation.language.tasks import ITEMS_SCHEMA

SHIPPED = shipped()
KINDS = ("column_type", "upstream")


def checkpoint(name: str, version: str = "1") -> Checkpoint:
    return Checkpoint(name, digest([name, version]), BASE, name)


def answers(benchmark: str, correct: Sequence[bool], seed: int = 0) -> pa.Table:
    """Items of a benchmark of which some were answered rightly."""
    rng = np.random.default_rng(seed)
    several = SHIPPED[benchmark].kind == MULTIPLE_CHOICE
    rows = []
    for place, right in enumerate(correct):
        target = str(place % 4) if several else f"type_{place}"
        wrong = str((place + 1 + rng.integers(0, 3)) % 4) if several else "nothing"
        prediction = target if right else wrong
        logprobs = [-1.0 if str(c) == prediction else -2.0 - rng.random() for c in range(4)]
        rows.append(
            {
                "item_id": f"i{place}",
                "group": "",
                "category": KINDS[place % 2] if benchmark.startswith("catalog") else "",
                "prompt_sha256": "p",
                "prediction": prediction,
                "target": target,
                "correct": float(right),
                "acc_norm": float(right) if "acc_norm" in SHIPPED[benchmark].metrics else None,
                "logprobs": logprobs if several else None,
            }
        )
    return pa.Table.from_pylist(rows, ITEMS_SCHEMA)


def publish(
    store: ArtifactStore,
    benchmark: str,
    results: Mapping[Checkpoint, Sequence[bool]],
    *,
    blind: bool | None = True,
) -> Artifact:
    """Publish results of checkpoints on a benchmark."""
    size = len(next(iter(results.values())))
    version = digest(["set", benchmark, size])
    found = EvaluationSet([{"item_id": f"i{place}"} for place in range(size)], version)

    def ask(wanted: Sequence[Checkpoint]) -> list[tuple[pa.Table, Run]]:
        run = Run("", "", version, size, "local", 2.5, 100, 60, 0, blind)
        return [
            (
                answers(benchmark, results[one]),
                replace(run, checkpoint=one.name, checkpoint_version=one.version),
            )
            for one in wanted
        ]

    return publish_scores(store, SHIPPED[benchmark], found, list(results), number=None, ask=ask)


def share(size: int, right: float, seed: int = 0) -> list[bool]:
    """So many right ones, at random places."""
    places = np.random.default_rng(seed).permutation(size)
    return [bool(place < right * size) for place in places]
