"""Speed of the stores, beside their peers in one run.

Loads rows into a real PostgreSQL, makes the schema of a warehouse of real size there, and loads a
graph into the embedded store and over Bolt; prints Markdown tables. What is compared runs in turn,
as often as ``--pairs`` says; figures are medians, ratios the medians of the pairs' own. CPU
seconds are those of the client and of the server.

Example:
    python tests/benchmarks/stores.py --json stores.json
    python tests/benchmarks/stores.py --only load --rows 200000 --pairs 1
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from tests.benchmarks import store_graphs, store_tables  # noqa: E402
from tests.benchmarks.catalog import table  # noqa: E402
from tests.benchmarks.store_servers import postgresql  # noqa: E402

Json = dict[str, Any]
PARTS = ("load", "schema", "embedded", "bolt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the bulk load")
    parser.add_argument("--nodes", type=int, default=20_000, help="nodes of the graph")
    parser.add_argument("--relationships", type=int, default=60_000, help="its relationships")
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    options = parser.parse_args()
    parts = options.only or PARTS
    figures: Json = {"machine": {"this one": machine()}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The server runs as a user of its own, who has to get through.
        folder.chmod(0o755)
        if "load" in parts or "schema" in parts:
            with postgresql(folder / "postgresql") as server:
                figures["machine"]["this one"]["PostgreSQL"] = server.version
                if "load" in parts:
                    figures["bulk load into PostgreSQL"] = store_tables.bulk_load(
                        server, folder, options.rows, options.pairs
                    )
                if "schema" in parts:
                    figures["schema of a warehouse in PostgreSQL"] = store_tables.schema(
                        server, folder, options.pairs
                    )
        size = (options.nodes, options.relationships, options.pairs)
        if "embedded" in parts:
            figures["graph, embedded"] = store_graphs.embedded(*size)
        if "bolt" in parts:
            figures["graph, over Bolt"] = store_graphs.over_bolt(folder / "bolt", *size)
    for title, found in figures.items():
        table(title, found)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def machine() -> Json:
    """What the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_GB": round(psutil.virtual_memory().total / 1e9),
        "Python": platform.python_version(),
        **{name: version(name) for name in ("pyarrow", "kglite", "neo4j", "arcadedb-embedded")},
    }


if __name__ == "__main__":
    main()
