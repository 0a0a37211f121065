"""Late flights of 2013: trees in three steps and the Relational Transformer, on the same test rows.

The data set is that of ``flights_late_arrival.yaml``: a model may know what was known at the
scheduled departure. LightGBM sees the flight's own columns, then weather, plane, airports and
airline, then six hand-made rates of past delays as well. The Relational Transformer sees rows and
keys and no feature made for it; two processes train it, one a core.

A training that was stopped goes on from its last step when the same folder is given.

Example:
    python tests/benchmarks/flights.py --work var/benchmark/flights --docs docs
    python tests/benchmarks/flights.py --steps 200 --json flights.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from amodels_assets.datasets.dataset import open_dataset  # noqa: E402
from amodels_assets.evaluation.metrics import bootstrap, paired_bootstrap  # noqa: E402

SEED = 0
STEPS = ("own columns", "weather, plane, airports", "hand-made rates")
TREES = {step: f"LightGBM, {step}" for step in STEPS}
OURS = "Relational Transformer"
BINARY = {"objective": "binary", "metric": "binary_logloss"}
# One process a core, one thread each: two threads that share small matrices mostly wait.
SETTINGS = {
    "threads": "1",
    "batch_size": "128",
    "learning_rate": "0.004",
    "weight_decay": "0.05",
    "warmup": "100",
    "average": "0.995",
    "hidden_rows": "0.05",
    "evaluate_every": "10000",
    "checkpoint_every": "200",
    "patience": "3",
    "model.width": "48",
    "model.blocks": "3",
    "model.heads": "4",
    "model.hidden": "96",
    "sampler.max_cells": "288",
    "sampler.width": "1",
    "sampler.hops": "3",
    "sampler.grandchildren": "10",
}
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--work", type=Path, default=ROOT / "var" / "benchmark" / "flights")
    parser.add_argument("--steps", type=int, default=1_700, help="optimizer steps at most")
    parser.add_argument("--docs", type=Path, help="folder whose flights.md gets table and curves")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    dataset = options.work / "dataset"
    if not (dataset / "dataset.json").is_file():
        stage("data set", _build, dataset)
    scores = {TREES[step]: stage(TREES[step], _trees, dataset, step) for step in STEPS}
    print(f"{OURS}: training, at most {options.steps} steps", flush=True)
    begun = time.monotonic()
    scores[OURS] = transformer(dataset, options.work, options.steps)
    print(f"{OURS}: {time.monotonic() - begun:.0f} s", flush=True)
    labels = open_dataset(dataset).tasks["test"]["label"].to_numpy().astype(np.int64)
    figures = judged(labels, scores)
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.docs:
        write_page(options.docs, figures, labels, scores)


def stage(title: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a process of its own and say how long it took."""
    begun = time.monotonic()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(function, *arguments).result()
    print(f"{title}: {time.monotonic() - begun:.0f} s", flush=True)
    return found


def _build(folder: Path) -> None:
    from amodels_assets.datasets.flights import build_flights

    build_flights(folder)


def _trees(folder: Path, step: str) -> np.ndarray:
    """Probabilities of the test rows."""
    from amodels_assets.evaluation.baselines import fit_trees, labels_of
    from amodels_assets.evaluation.features import make_features
    from tests.benchmarks.flight_rates import late_rates

    dataset = open_dataset(folder)
    reach = "own" if step == STEPS[0] else "parents"
    features = {split: make_features(dataset, split, reach) for split in dataset.tasks}
    if step == STEPS[2]:
        for split, known in features.items():
            names, rates = late_rates(dataset, split)
            values = np.column_stack([known.values, rates])
            features[split] = replace(known, names=[*known.names, *names], values=values)
    labels = {split: labels_of(dataset, split) for split in ("train", "validation")}
    asked = features.pop("test")
    return fit_trees(features, labels, asked, BINARY, SEED)


def transformer(dataset: Path, work: Path, steps: int) -> np.ndarray:
    """Train, or go on, and give the probabilities of the test rows."""
    checkpoint, out = work / "checkpoint", work / "predictions"
    environment = {**os.environ, "GOMP_SPINCOUNT": "1000", "AMODELS_DEVICE": "cpu"}
    cores = str(min(2, len(os.sched_getaffinity(0))))
    if not (checkpoint / "config.json").is_file():
        settings = [word for k, v in SETTINGS.items() for word in ("--set", f"{k}={v}")]
        # The launcher's own process group is on the loopback interface, on a free port.
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", cores]
        command = ["-m", "amodels_assets.cli", "train", "finetune", str(dataset), str(checkpoint)]
        subprocess.run(
            [sys.executable, *launcher, *command, "--steps", str(steps), *settings],
            env=environment,
            cwd=ROOT,
            check=True,
        )
    command = ["train", "evaluate", str(checkpoint), str(dataset), "--out", str(out), "--json"]
    subprocess.run(
        [sys.executable, "-m", "amodels_assets.cli", *command],
        env=environment,
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return pq.read_table(out / "scores.parquet")["score"].to_numpy()


def judged(labels: np.ndarray, scores: dict[str, np.ndarray]) -> dict[str, Any]:
    """Every score with its interval, the differences to ours, and ours on shuffled labels."""
    shuffled = np.random.default_rng(SEED + 1).permutation(labels)
    return {
        "models": {
            model: {
                metric: asdict(bootstrap(metric, labels, values, SEED))
                for metric in ("auroc", "average_precision", "calibration_error")
            }
            for model, values in scores.items()
        },
        "ours minus theirs": {
            model: paired_bootstrap(labels, scores[OURS], values, SEED)
            for model, values in scores.items()
            if model != OURS
        },
        "shuffled labels": asdict(bootstrap("auroc", shuffled, scores[OURS], SEED)),
    }


def table(figures: dict[str, Any]) -> str:
    """The figures for people, as Markdown."""
    lines = ["| model | AUROC | average precision | calibration error | ours minus theirs |"]
    lines.append("|---|---|---|---|---|")
    for model, found in figures["models"].items():
        cells = [
            f"{estimate['value']:.4f} ({estimate['low']:.4f} to {estimate['high']:.4f})"
            for estimate in found.values()
        ]
        gain = figures["ours minus theirs"].get(model)
        cells.append("" if gain is None else f"{gain[0]:+.4f} ({gain[1]:+.4f} to {gain[2]:+.4f})")
        lines.append(f"| {model} | {' | '.join(cells)} |")
    chance, first = figures["shuffled labels"], next(iter(figures["models"].values()))["auroc"]
    lines.append(
        f"\nTest rows: {first['n']:,}, {first['positives']:,} of them late; 95 % intervals of "
        f"{first['resamples']:,} resamples, seed {first['seed']}. Against labels in random order "
        f"the Relational Transformer has {chance['value']:.4f} ({chance['low']:.4f} to "
        f"{chance['high']:.4f})."
    )
    return "\n".join(lines)


def write_page(
    docs: Path, figures: dict[str, Any], labels: np.ndarray, scores: dict[str, np.ndarray]
) -> None:
    """Put the table between the marks of ``flights.md``, and the curves beside it."""
    import pyarrow as pa

    from amodels_assets.evaluation.curves import calibration_picture, roc_picture

    predictions = pa.table({"label": labels, **scores})
    rows = [
        {"model": model, "metric": "auroc", "value": found["auroc"]["value"]}
        for model, found in figures["models"].items()
    ]
    (docs / "images" / "flights-roc.png").write_bytes(
        roc_picture(predictions, pa.Table.from_pylist(rows))
    )
    (docs / "images" / "flights-calibration.png").write_bytes(
        calibration_picture(predictions, [OURS, TREES[STEPS[2]]])
    )
    page = docs / "flights.md"
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{table(figures)}\n{END}{after}")


if __name__ == "__main__":
    main()
