"""Our sampler beside the authors' compiled one: contexts a CPU second, in one run.

The database is that of the flights of 2013, or any data set given by ``--dataset``; the peer gets
the same tables in the layout it reads. Both sample breadth first with the same width up to the same
number of cells, newest rows first, without random walks. Ours gives everything a batch holds, the
lists of who looks at whom included, with texts as numbers. The peer gives its arrays, from which
its model makes masks later, with a text's and a column name's vector for each cell: it is measured
with vectors of the usual width and with vectors of a single number.

Each side has a process of its own. Batches are sampled in turn; CPU seconds are medians.

Example:
    python tests/benchmarks/sampler.py --json sampler.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
PEER = Path(__file__).parent / "peers" / "authors_sampler.py"
CELLS = 1024
WIDTHS = (8, 32, 256)
TEXT_WIDTHS = (384, 1)
# Far enough for every context to be full.
HOPS = 8
SEED = 20251006

Json = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write all figures here too")
    parser.add_argument("--dataset", type=Path, help="folder of a data set; the flights otherwise")
    parser.add_argument("--contexts", type=int, default=64, help="contexts in a batch")
    parser.add_argument("--batches", type=int, default=11)
    parser.add_argument("--authors", type=Path, default=ROOT / "var" / "benchmark" / "authors")
    parser.add_argument("--without-peer", action="store_true", help="aModels' own figures only")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.dataset)
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        figures = measured(options, work)
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Side:
    """A process that samples a batch whenever it is asked to."""

    def __init__(self, command: list[str], path: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self.says = self._answer()

    def sample(self, width: int, contexts: int) -> Json:
        """CPU seconds of a batch, and cells of a context."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{width} {contexts}\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> Json:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)


def measured(options: argparse.Namespace, work: Path) -> Json:
    """All sides in turn, at every width."""
    from amodels_assets.datasets.flights import build_flights

    dataset = options.dataset
    if dataset is None:
        say("building the flights")
        dataset = build_flights(work / "flights")
    ours = [str(Path(__file__)), "--serve", "--dataset", str(dataset)]
    sides = {"amodels": Side(ours, str(ROOT))}
    if not options.without_peer:
        sides |= peers(options.authors, dataset, work)
    rows = []
    for width in WIDTHS:
        say(f"width {width}")
        for side in sides.values():
            side.sample(width, options.contexts)
        batches = [
            {name: side.sample(width, options.contexts) for name, side in sides.items()}
            for _ in range(options.batches)
        ]
        rows.append({"width": width, **summary(batches, options.contexts)})
    for side in sides.values():
        side.close()
    prepared = {name: side.says["prepared_cpu_seconds"] for name, side in sides.items()}
    return {
        "contexts": options.contexts,
        "cells": CELLS,
        "prepared_cpu_seconds": prepared,
        "rows": rows,
    }


def peers(authors: Path, dataset: Path, work: Path) -> dict[str, Side]:
    """The authors' sampler, with each width of vectors."""
    from tests.benchmarks.peers.relbench_folder import write_relbench
    from tests.benchmarks.relational_transformer import install

    install(authors)
    source, task = write_relbench(dataset, work / "relbench")
    found = {}
    for text_width in TEXT_WIDTHS:
        say(f"the peer reads the database, vectors of width {text_width}")
        out = work / f"preprocessed-{text_width}"
        command = [str(PEER), str(source), str(out), task, str(CELLS), str(text_width)]
        found[f"authors, vectors of {text_width}"] = Side(command, str(authors))
    return found


def summary(batches: list[dict[str, Json]], contexts: int) -> Json:
    """Medians of each side, and of the ratios of ours to the others."""
    found: Json = {"sides": {}, "ratios": {}}
    for name in batches[0]:
        found["sides"][name] = {
            "contexts_a_cpu_second": contexts
            / statistics.median(batch[name]["cpu_seconds"] for batch in batches),
            "cells": statistics.mean(batch[name]["cells"] for batch in batches),
        }
        if name != "amodels":
            found["ratios"][name] = statistics.median(
                batch[name]["cpu_seconds"] / batch["amodels"]["cpu_seconds"] for batch in batches
            )
    return found


def table(figures: Json) -> str:
    """The figures as a Markdown table."""
    sides = list(figures["rows"][0]["sides"])
    ratios = list(figures["rows"][0]["ratios"])
    prepared = ", ".join(f"{n} {s:.1f}" for n, s in figures["prepared_cpu_seconds"].items())
    heads = ["width", *sides, *(f"ratio to {name}" for name in ratios), "cells"]
    lines = [
        f"Contexts of {figures['cells']} cells a CPU second, batches of {figures['contexts']}. "
        f"CPU seconds to read the database: {prepared}.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---:|' * len(heads)}",
    ]
    for row in figures["rows"]:
        cells = [
            str(row["width"]),
            *(f"{row['sides'][name]['contexts_a_cpu_second']:,.0f}" for name in sides),
            *(f"{row['ratios'][name]:.1f}" for name in ratios),
            " and ".join(dict.fromkeys(f"{row['sides'][n]['cells']:,.0f}" for n in sides)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def serve(folder: Path) -> None:
    """Our side: a batch for each line of standard input."""
    started = time.process_time()
    import numpy as np

    from amodels_assets.datasets.dataset import open_dataset
    from amodels_assets.training.cells import build_cells
    from amodels_assets.training.context_sampler import SamplerConfig
    from amodels_assets.training.feeds import Feed
    from amodels_assets.training.row_graph import build_row_graph

    dataset = open_dataset(folder)
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    graph = build_row_graph(dataset, grandchildren=False)
    print(json.dumps({"prepared_cpu_seconds": time.process_time() - started}), flush=True)
    rng = np.random.default_rng(SEED)
    for line in sys.stdin:
        width, contexts = map(int, line.split())
        feed = Feed.of_split(dataset, store, graph, "train", SamplerConfig(CELLS, width, HOPS))
        rows = rng.integers(0, len(feed), contexts)
        started = time.process_time()
        batch = feed.batch(rows)
        spent = time.process_time() - started
        print(json.dumps({"cpu_seconds": spent, "cells": batch.tokens / contexts}), flush=True)


if __name__ == "__main__":
    main()
