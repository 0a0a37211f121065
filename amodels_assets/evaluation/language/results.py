"""Scores of a benchmark as one artifact: of every checkpoint that was asked about the same set.

Belongs here: which results are kept, which have to be made, and the files. Does not belong here:
asking (``asking.py``).

A checkpoint that was asked about the very same items in the very same words is not asked again, and
its results stay when another one is scored: so they stand side by side.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from amodels_assets.artifacts import Artifact, ArtifactStore, write_table
from amodels_assets.evaluation.language.benchmarks import MULTIPLE_CHOICE, Benchmark
from amodels_assets.evaluation.language.calibration import calibrate
from amodels_assets.evaluation.language.checkpoints import Checkpoint
from amodels_assets.evaluation.language.estimates import (
    PARTS_SCHEMA,
    RESAMPLES,
    SCORES_SCHEMA,
    SEED,
    Run,
    part_rows,
    score_rows,
)
from amodels_assets.evaluation.language.names import scores_of
from amodels_assets.evaluation.language.sets import EvaluationSet

CODE_VERSION = "1"
LIBRARIES = ("lm-eval", "torch", "transformers")
Results = list[tuple[pa.Table, Run]]
Ask = Callable[[Sequence[Checkpoint]], Results]
_KEYS = ("checkpoint", "checkpoint_version")


def publish_scores(
    store: ArtifactStore,
    benchmark: Benchmark,
    found: EvaluationSet,
    checkpoints: Sequence[Checkpoint],
    *,
    number: int | None,
    ask: Ask,
) -> Artifact:
    """Score checkpoints on a benchmark, beside those that were scored on the same items before.

    Args:
        store: Where scores are kept.
        benchmark: What is asked.
        found: Its set.
        checkpoints: To be scored.
        number: Items of the set; None for all.
        ask: Asks some of the checkpoints.

    Raises:
        ArtifactError: The store cannot be used.
    """
    wanted = {c.version: c.label for c in checkpoints}
    kept = _kept(store, benchmark, found, number)
    labels = wanted | {run.checkpoint_version: _label(run) for _, run in kept}

    def produce(folder: Path) -> None:
        known = {run.checkpoint_version for _, run in kept}
        made = ask([c for c in checkpoints if c.version not in known])
        write_results(folder, benchmark, [*kept, *made])

    return store.publish(
        scores_of(benchmark.name),
        inputs={
            "set": found.version,
            **{f"checkpoint/{label}": version for version, label in labels.items()},
        },
        code_version=CODE_VERSION,
        config={
            "template_sha256": benchmark.template_hash,
            "items": number,
            "seed": SEED,
            "resamples": RESAMPLES,
        },
        libraries=LIBRARIES,
        produce=produce,
    )


def write_results(folder: Path, benchmark: Benchmark, results: Results) -> None:
    """Write the tables of results: scores, parts, items, calibration, and the template."""
    results = sorted(results, key=lambda pair: (pair[1].checkpoint, pair[1].checkpoint_version))
    scores = [row for items, run in results for row in score_rows(benchmark, items, run)]
    parts = [row for items, run in results for row in part_rows(benchmark, items, run)]
    write_table(folder, "scores", pa.Table.from_pylist(scores, SCORES_SCHEMA))
    write_table(folder, "items", pa.concat_tables([_named(*pair) for pair in results]))
    if parts:
        write_table(folder, "parts", pa.Table.from_pylist(parts, PARTS_SCHEMA))
    calibrations = [row for pair in results for row in _calibrations(benchmark, *pair)]
    if calibrations:
        write_table(folder, "calibration", pa.Table.from_pylist(calibrations))
    write_table(folder, "runs", pa.Table.from_pylist([asdict(run) for _, run in results]))
    (folder / "template.json").write_text(_template(benchmark), encoding="utf-8")


def read_results(artifact: Artifact) -> Results:
    """Per-item tables with how they were asked, verified against their hashes.

    Raises:
        ArtifactError: A file is missing or damaged.
    """
    items = artifact.table("items")
    runs = [Run(**row) for row in artifact.table("runs").to_pylist()]
    versions = items["checkpoint_version"].to_pylist()
    names = items["checkpoint"].to_pylist()
    rows = list(zip(names, versions, strict=True))
    return [
        (
            items.filter(
                pa.array([row == (run.checkpoint, run.checkpoint_version) for row in rows])
            ).drop_columns(list(_KEYS)),
            run,
        )
        for run in runs
    ]


def _kept(
    store: ArtifactStore, benchmark: Benchmark, found: EvaluationSet, number: int | None
) -> Results:
    current = store.find(scores_of(benchmark.name))
    if current is None or current.manifest.code_version != CODE_VERSION:
        return []
    config = current.manifest.config
    same = config["template_sha256"] == benchmark.template_hash and config["items"] == number
    if not same or current.manifest.inputs["set"] != found.version:
        return []
    return read_results(current)


def _label(run: Run) -> str:
    return f"{run.checkpoint}@{run.checkpoint_version[:12]}"


def _named(items: pa.Table, run: Run) -> pa.Table:
    for place, value in enumerate((run.checkpoint, run.checkpoint_version)):
        column = pa.array([value] * items.num_rows, pa.string())
        items = items.add_column(place, _KEYS[place], column)
    return items


def _calibrations(benchmark: Benchmark, items: pa.Table, run: Run) -> list[dict[str, Any]]:
    if benchmark.kind != MULTIPLE_CHOICE:
        return []
    found = calibrate(
        items["item_id"].to_pylist(),
        items["logprobs"].to_pylist(),
        [int(target) for target in items["target"].to_pylist()],
    )
    if found is None:
        return []
    return [
        {
            "checkpoint": run.checkpoint,
            "checkpoint_version": run.checkpoint_version,
            **asdict(found),
        }
    ]


def _template(benchmark: Benchmark) -> str:
    return json.dumps(benchmark.template, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
