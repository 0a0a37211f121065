"""The Relational Transformer beside its authors' model: CPU seconds and memory, in one run.

The same contexts and widths for all: 1,024 cells, 4 blocks of width 128, 1.9 million parameters.
The peers are the authors' package where it runs (it has no backward on a CPU), and their
architecture with their dense masks through PyTorch's fused attention. Before anything is measured,
the outputs of ours, the dense peer and the package are compared on the same weights.

Each side has a process of its own. What is compared runs in turn, one pair after the other; CPU
seconds are those of all threads, medians over the pairs.

Example:
    python tests/benchmarks/relational_transformer.py --json relational_transformer.json
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
PACKAGES = ("relational-transformer==1.10.0", "einops==0.8.2", "huggingface-hub<2")
NEEDED_BY_IT = ("ml-dtypes", "orjson")
SIZES = {"num_blocks": 4, "d_model": 128, "d_text": 384, "num_heads": 8, "d_ff": 512}
CELLS = 1024
SEED = 20251006
SIDES = {
    "amodels train": ("ours", "train"),
    "dense train": ("dense", "train"),
    "amodels inference": ("ours", "inference"),
    "dense inference": ("dense", "inference"),
    "package inference": ("package", "inference"),
}
COMPARED = (
    ("amodels train", "dense train"),
    ("amodels inference", "dense inference"),
    ("amodels inference", "package inference"),
)

Json = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write all figures here too")
    parser.add_argument("--contexts", type=int, default=8, help="contexts in a batch")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--authors", type=Path, default=ROOT / "var" / "benchmark" / "authors")
    parser.add_argument("--without-package", action="store_true", help="the dense peer only")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        serve(options)
        return
    if not options.without_package:
        install(options.authors)
    figures: Json = {"contexts": options.contexts, "cells": CELLS, "threads": options.threads}
    figures["compared"] = []
    for ours, theirs in COMPARED:
        if theirs.startswith("package") and options.without_package:
            continue
        figures["compared"].append(compared(ours, theirs, options))
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def install(folder: Path) -> None:
    """The authors' package and the little that its network imports; not all that it names."""
    if not (folder / "installed").exists():
        say(f"installing {PACKAGES[0]}")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder]
        subprocess.run([*pip, "--no-deps", *PACKAGES[:2]], check=True)
        subprocess.run([*pip, "--upgrade", PACKAGES[2], *NEEDED_BY_IT], check=True)
        (folder / "installed").touch()


class Side:
    """A process that measures one side whenever it is asked to."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--side", name, "--contexts", str(options.contexts),
             "--threads", str(options.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "GOMP_SPINCOUNT": "1000",
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(options.authors)]),
            },
        )  # fmt: skip
        self.says: Json = self._answer()

    def measure(self) -> Json:
        """CPU and wall seconds of one step, and the peak of memory so far."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Json:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with exit code {self.process.wait()}")
        return json.loads(line)

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compared(ours: str, theirs: str, options: argparse.Namespace) -> Json:
    """Two sides in turn."""
    say(f"{ours} and {theirs}")
    with Side(ours, options) as one, Side(theirs, options) as other:
        difference = max(
            abs(a - b) for a, b in zip(one.says["outputs"], other.says["outputs"], strict=True)
        )
        if difference > 1e-4:
            raise SystemExit(f"{ours} and {theirs} disagree by {difference}: not the same network")
        pairs = [(one.measure(), other.measure()) for _ in range(options.pairs)]
    found: Json = {"ours": ours, "peer": theirs, "difference": difference}
    for side, name in ((0, "ours"), (1, "peer")):
        runs = [pair[side] for pair in pairs]
        for measure in ("cpu_seconds", "wall_seconds"):
            found[f"{name}_{measure}"] = statistics.median(run[measure] for run in runs)
        found[f"{name}_peak_megabytes"] = runs[-1]["peak_megabytes"]
    for name, side in (("ours", one), ("peer", other)):
        found[f"{name}_parameters"] = side.says["parameters"]
    ratios = [theirs["cpu_seconds"] / ours["cpu_seconds"] for ours, theirs in pairs]
    found["ratio"] = statistics.median(ratios)
    found["ratios"] = ratios
    return found


def table(figures: Json) -> str:
    """The figures as a Markdown table."""
    lines = [
        f"CPU seconds a context of {CELLS} cells, batches of {figures['contexts']}, "
        f"{figures['threads']} threads; peak memory of the process",
        "",
        "| aModels | peer | CPU s | peer | ratio | least | wall s | peer | MB | peer |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    count = figures["contexts"]
    for row in figures["compared"]:
        cells = [
            row["ours"],
            row["peer"],
            f"{row['ours_cpu_seconds'] / count:.3f}",
            f"{row['peer_cpu_seconds'] / count:.3f}",
            f"{row['ratio']:.2f}",
            f"{min(row['ratios']):.2f}",
            f"{row['ours_wall_seconds'] / count:.3f}",
            f"{row['peer_wall_seconds'] / count:.3f}",
            f"{row['ours_peak_megabytes']:.0f}",
            f"{row['peer_peak_megabytes']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def serve(options: argparse.Namespace) -> None:
    """One side: measure a step for each line of standard input."""
    import torch

    torch.set_num_threads(options.threads)
    network, work = SIDES[options.side]
    step, outputs, parameters = {"ours": ours, "dense": dense, "package": package}[network](
        options.contexts, work
    )
    step()
    print(json.dumps({"outputs": outputs, "parameters": parameters}), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
        assert peak is not None
        measured = {"cpu_seconds": cpu, "wall_seconds": wall}
        print(json.dumps(measured | {"peak_megabytes": int(peak.group(1)) / 1024}), flush=True)


Prepared = tuple[Callable[[], object], list[float], int]


def contexts_of(count: int) -> list[Any]:
    import numpy as np

    from tests.relational_contexts import FLIGHTS, random_context

    random = np.random.default_rng(SEED)
    return [random_context(random, FLIGHTS, CELLS, missing=0) for _ in range(count)]


def weights() -> dict[str, Any]:
    """The authors' state dict with random values."""
    import torch

    from tests.benchmarks.peers.dense_transformer import DenseTransformer
    from tests.differential.authors_batch import random_weights

    shapes = {
        name: tuple(part.shape) for name, part in DenseTransformer(**SIZES).state_dict().items()
    }
    return {name: torch.from_numpy(part) for name, part in random_weights(shapes, SEED).items()}


def authors_tensors(count: int) -> dict[str, Any]:
    import torch

    from tests.differential.authors_batch import authors_batch
    from tests.relational_contexts import FLIGHTS, vectors

    arrays = authors_batch(contexts_of(count), FLIGHTS, vectors(FLIGHTS, SIZES["d_text"]), CELLS)
    return {name: torch.from_numpy(part) for name, part in arrays.items()}


def repeated(model: Any, work: str, forward: Callable[[], Any]) -> Callable[[], object]:
    """A training step of ``forward``, which gives a loss, or inference."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def train() -> None:
        optimizer.zero_grad()
        forward().backward()
        optimizer.step()

    def infer() -> None:
        with torch.inference_mode():
            forward()

    return train if work == "train" else infer


def size(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def ours(count: int, work: str) -> Prepared:
    """The outputs are compared in the authors' order; what is measured has our own order."""
    import torch

    from amodels_assets.training.authors import converted
    from amodels_assets.training.batch import BOOLEAN, NUMERIC
    from amodels_assets.training.network import RelationalTransformer
    from amodels_assets.training.network_config import NetworkConfig
    from amodels_assets.training.tensors import to_tensors
    from tests.relational_contexts import FLIGHTS, batch_of, vectors

    batch, bound = batch_of(contexts_of(count)), vectors(FLIGHTS, SIZES["d_text"])
    theirs = converted(weights())
    theirs.bind(**bound, categories={})
    with torch.no_grad():
        says = theirs.scores(theirs(to_tensors(batch, theirs.config)), NUMERIC)
    config = NetworkConfig(text_width=SIZES["d_text"])
    model = RelationalTransformer(config)
    model.bind(**bound, categories={})

    def forward() -> Any:
        tensors = to_tensors(batch, config)
        states = model(tensors)
        if work == "inference":
            return model.scores(states, BOOLEAN)
        return model.loss(states, tensors.targets).total

    return repeated(model, work, forward), says.tolist(), size(model)


def dense(count: int, work: str) -> Prepared:
    import torch

    from tests.benchmarks.peers.dense_transformer import DenseTransformer

    batch, model = authors_tensors(count), DenseTransformer(**SIZES)
    model.load_state_dict(weights())
    with torch.no_grad():
        says = model(batch)[1]["number"][batch["is_targets"]].flatten()
    return repeated(model, work, lambda: model(batch)[0]), says.tolist(), size(model)


def package(count: int, work: str) -> Prepared:
    import torch
    from rt.model.net import RelationalTransformer

    from tests.differential.authors_model import authors_outputs

    batch = authors_tensors(count)
    model = RelationalTransformer(**SIZES, compile=False, materialize_attn_masks=True)
    model.load_state_dict(weights())
    arrays = {name: part.numpy() for name, part in batch.items()}
    with torch.inference_mode():
        says = authors_outputs(model, arrays)["number"].flatten()

    def forward() -> Any:
        return model(batch, return_embeddings=False)[0]

    return repeated(model, work, forward), says.tolist(), size(model)


if __name__ == "__main__":
    main()
