"""Our sampler beside the authors' compiled one: contexts a CPU second, in one run.

The database is that of the flights of 2013, or any data set given by ``--dataset``; the peer gets
the same tables in the layout it reads, and prepares them itself. Both sample the same predictions
breadth first, newest rows first, without random walks, up to the same number of cells. The width is
that of each: children of a row by one foreign key in ours, by all of them in the peer's.

Ours gives everything a batch holds: the features of values, the lists of who looks at whom, and
texts as numbers. The peer gives its arrays, from which its model makes masks later, with a text's
and a column name's vector for each cell: it is measured with vectors of the usual width and with
vectors of a single number.

Each side is a process of its own with one thread, which keeps the memory it has freed. They sample
in turn, batch by batch; CPU seconds are those of all threads, medians over the batches. What numba
takes to compile is measured in a process before these.

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
OURS = "amodels"
# One thread. Freed memory stays with the process: fetching it from the system again for every batch
# would take a third of the peer's time.
ENVIRONMENT = {
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "RAYON", "NUMBA", "OPENBLAS")},
    "POLARS_MAX_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
    "MALLOC_MMAP_THRESHOLD_": "2000000000",
}

Json = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write all figures here too")
    parser.add_argument("--dataset", type=Path, help="folder of a data set; the flights otherwise")
    parser.add_argument("--contexts", type=int, default=32, help="contexts in a batch")
    parser.add_argument("--batches", type=int, default=21)
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
    print(tables(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Side:
    """A process that samples a batch whenever it is asked to."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ENVIRONMENT, **environment},
        )

    def ask(self, *words: object) -> Json:
        """Send a line and read the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{' '.join(map(str, words))}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> Json:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measured(options: argparse.Namespace, work: Path) -> Json:
    """All sides in turn, at every width."""
    from amodels_assets.datasets.flights import build_flights

    dataset = options.dataset
    if dataset is None:
        say("building the flights")
        dataset = build_flights(work / "flights")
    ours, opened = own_side(dataset, work, options.contexts)
    figures: Json = {"contexts": options.contexts, "cells": CELLS, "prepared": {OURS: opened}}
    theirs: dict[str, Side] = {}
    if not options.without_peer:
        theirs, prepared = peers(options.authors, dataset, work)
        figures["prepared"]["authors"] = prepared
    figures["rows"] = []
    for width in WIDTHS:
        say(f"width {width}")
        turns = [
            turn(ours, theirs, width, number, options.contexts)
            for number in range(options.batches + 1)
        ]
        # The first is to get warm.
        figures["rows"].append({"width": width, **summary(turns[1:], options.contexts)})
    for side in (ours, *theirs.values()):
        side.close()
    return figures


def own_side(dataset: Path, work: Path, contexts: int) -> tuple[Side, Json]:
    """Ours, and what it took to open the database and to compile the kernels once."""
    command = [str(Path(__file__)), "--serve", "--dataset", str(dataset)]
    environment = {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(work / "compiled")}
    batch = [f"{WIDTHS[0]}", *range(contexts)]
    say("compiling, and opening the database")
    once = Side(command, **environment)
    once.answer()
    compiling = once.ask(*batch)["cpu_seconds"]
    once.close()
    side = Side(command, **environment)
    opened = side.answer()
    loading = side.ask(*batch)["cpu_seconds"]
    return side, opened | {"compiling_cpu_seconds": compiling, "loading_cpu_seconds": loading}


def peers(authors: Path, dataset: Path, work: Path) -> tuple[dict[str, Side], Json]:
    """The authors' sampler with each width of vectors, and what its preparation took."""
    from tests.benchmarks.peers.relbench_folder import write_relbench
    from tests.benchmarks.relational_transformer import install

    install(authors)
    source, task = write_relbench(dataset, work / "relbench")
    say("the peer prepares the database")
    common = ["--out", str(work / "prepared")]
    widths = [f"--text-width={width}" for width in TEXT_WIDTHS]
    command = [str(PEER), "prepare", *common, "--source", str(source), *widths]
    once = Side(command, PYTHONPATH=str(authors))
    prepared = once.answer()
    once.close()
    common += ["--task", task, "--cells", str(CELLS)]
    return {
        f"authors, vectors of {width}": Side(
            [str(PEER), "serve", *common, f"--text-width={width}"], PYTHONPATH=str(authors)
        )
        for width in TEXT_WIDTHS
    }, prepared


def turn(ours: Side, theirs: dict[str, Side], width: int, number: int, contexts: int) -> Json:
    """One batch of the same predictions by every side. The peer chooses which."""
    found = {name: side.ask(width, number, contexts) for name, side in theirs.items()}
    if found:
        chosen = next(iter(found.values()))["predictions"]
    else:
        import numpy as np

        chosen = np.random.default_rng((SEED, number)).integers(0, 1 << 40, contexts).tolist()
    found[OURS] = ours.ask(width, *chosen)
    for name, batch in found.items():
        if batch["cutoffs"] != found[OURS]["cutoffs"]:
            raise SystemExit(f"{name} and {OURS} sampled other predictions: nothing to compare")
    return found


def summary(turns: list[Json], contexts: int) -> Json:
    """Medians of each side, and ratios of the others to ours, turn by turn."""
    found: Json = {"sides": {}, "ratios": {}}
    for name in (OURS, *(name for name in turns[0] if name != OURS)):
        batches = [turn[name] for turn in turns]
        spent = [batch["cpu_seconds"] for batch in batches]
        found["sides"][name] = {
            "contexts_a_cpu_second": contexts / statistics.median(spent),
            **{key: statistics.mean(batch[key] for batch in batches) for key in ("cells", "rows")},
            **{key: batches[-1][key] for key in ("peak_megabytes", "file_megabytes")},
        }
        if name != OURS:
            ratios = [turn[name]["cpu_seconds"] / turn[OURS]["cpu_seconds"] for turn in turns]
            found["ratios"][name] = {"median": statistics.median(ratios), "least": min(ratios)}
    return found


def tables(figures: Json) -> str:
    """The figures as Markdown tables."""
    lines = [
        f"Contexts of {figures['cells']} cells a CPU second, batches of {figures['contexts']}, "
        "one thread",
        "",
        "| width | side | contexts a CPU second | ratio | least | cells | rows |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for row in figures["rows"]:
        for name, side in row["sides"].items():
            ratio = row["ratios"].get(name)
            cells = [
                str(row["width"]),
                name,
                f"{side['contexts_a_cpu_second']:,.0f}",
                f"{ratio['median']:.1f}" if ratio else "",
                f"{ratio['least']:.1f}" if ratio else "",
                f"{side['cells']:,.0f}",
                f"{side['rows']:,.0f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| side | peak of memory, MB | of it pages of files |", "|---|---:|---:|"]
    for name, side in figures["rows"][-1]["sides"].items():
        peak, file = side["peak_megabytes"], side["file_megabytes"]
        lines.append(f"| {name} | {peak:,.0f} | {file:,.0f} |")
    opened = figures["prepared"][OURS]
    lines += [
        "",
        f"{OURS} opens the database in {opened['prepared_cpu_seconds']:.1f} CPU seconds, compiles "
        f"its kernels once in {opened['compiling_cpu_seconds']:.1f} and loads them in "
        f"{opened['loading_cpu_seconds']:.1f}.",
    ]
    if "authors" in figures["prepared"]:
        prepared = figures["prepared"]["authors"]
        lines.append(
            f"The peer prepares the database once in {prepared['prepared_cpu_seconds']:.1f} CPU "
            f"seconds with {prepared['peak_megabytes']:,.0f} MB, without the vectors of texts."
        )
    return "\n".join(lines)


def serve(folder: Path) -> None:
    """Our side: a batch for each line of standard input, a width and predictions."""
    started = time.process_time()
    import numpy as np

    from amodels_assets.datasets.dataset import open_dataset
    from amodels_assets.training.cells import build_cells
    from amodels_assets.training.context_sampler import SamplerConfig
    from amodels_assets.training.feeds import Feed
    from amodels_assets.training.row_graph import build_row_graph
    from tests.benchmarks.peers.processes import answer_lines, memory

    dataset = open_dataset(folder)
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    graph = build_row_graph(dataset, grandchildren=False)
    spent = time.process_time() - started
    print(json.dumps({"prepared_cpu_seconds": spent}), flush=True)
    feeds: dict[int, Feed] = {}

    def answer(line: str) -> Json:
        width, *chosen = map(int, line.split())
        if width not in feeds:
            config = SamplerConfig(CELLS, width, HOPS)
            feeds[width] = Feed.of_split(dataset, store, graph, "train", config)
        feed = feeds[width]
        predictions = np.array(chosen) % len(feed)
        started = time.process_time()
        batch = feed.batch(predictions)
        spent = time.process_time() - started
        rows = np.unique(np.column_stack([batch.contexts, batch.rows]), axis=0)
        return {
            "cpu_seconds": spent,
            "cells": batch.tokens / len(chosen),
            "rows": len(rows) / len(chosen),
            "cutoffs": feed.cutoffs[predictions].tolist(),
            **memory(),
        }

    answer_lines(answer)


if __name__ == "__main__":
    main()
