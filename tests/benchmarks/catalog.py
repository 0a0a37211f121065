"""Speed, memory and exactness of the catalog, beside its peers in one run.

Writes sources with ``amodels sample``, runs aModels and the peers on them in turn, and prints
Markdown tables. The peers are installed into environments of their own below ``--environments``,
never into aModels' own. What is compared runs in pairs; CPU seconds are medians.

Example:
    python tests/benchmarks/catalog.py --json catalog.json
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
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
PEERS = Path(__file__).parent / "peers"
PACKAGES = {
    "sqlglot": ["sqlglot[c]==30.30.0"],
    "simple-ddl-parser": ["simple-ddl-parser==1.13.0"],
    "datahub": ["acryl-datahub[sql-parser]==1.7.0.17"],
}
PAIRS = 5
# sqlglot's lineage takes minutes for all views; every so manieth tells as much.
SQLGLOT_EVERY = 24

Json = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write all figures here too")
    parser.add_argument("--environments", type=Path, default=ROOT / "var" / "benchmark")
    parser.add_argument("--without-peers", action="store_true", help="aModels' own figures only")
    parser.add_argument("--without-growth", action="store_true", help="no source of 100 times")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        warehouse = sample(work / "warehouse", "--profile", "warehouse")
        figures: Json = {"warehouse": whole(warehouse, work)}
        task = task_of(warehouse)
        figures["lineage"] = {"all views": run("amodels_lineage", task)}
        if not options.without_peers:
            pythons = environments(options.environments)
            figures["ddl"] = ddl(warehouse, pythons)
            figures["lineage"] |= lineage(task, pythons)
        figures["workers"] = workers(
            sample(work / "four", "--profile", "warehouse", "--scale", "4")
        )
        figures["exactness"] = exactness(work / "exactness")
        figures["stress"] = stress(work / "stress")
        if not options.without_growth:
            figures["growth"] = growth(work)
    for name, found in figures.items():
        table(name, found)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def sample(out: Path, *options: str) -> Path:
    say(f"writing a sample {' '.join(options)}")
    command = [sys.executable, "-m", "amodels_assets.cli", "sample", "--out", out, *options]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return out


# The peak of the program itself: what wait4 reports includes that of whoever started it.
WITH_PEAK = """
import atexit, re, sys
from pathlib import Path
place = sys.argv.pop(1)
def tell():
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    Path(place).write_text(peak.group(1))
atexit.register(tell)
from amodels_assets.cli import main
main()
"""


def catalog(source: Path, out: Path, *options: str) -> Json:
    """``amodels catalog`` as a user runs it: wall and CPU seconds, peak of memory."""
    with tempfile.NamedTemporaryFile() as peak:
        command = [sys.executable, "-c", WITH_PEAK, peak.name, "catalog", source, "--out", out]
        start = time.perf_counter()
        process = subprocess.Popen(
            [*map(str, command), *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return {
            "wall_seconds": time.perf_counter() - start,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_megabytes": int(Path(peak.name).read_text()) / 1024,
            "exit_code": process.returncode,
        }


def whole(source: Path, work: Path) -> Json:
    """The whole catalog of a warehouse of real size, in a new folder each time."""
    runs = [catalog(source, work / f"catalog{n}") for n in range(PAIRS)]
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    truth = json.loads((source / "ground_truth" / "truth.json").read_text())
    return {"amodels catalog": middle | truth["counts"]}


def environments(folder: Path) -> dict[str, Path]:
    """An environment for each peer; made once."""
    pythons = {}
    for name, packages in PACKAGES.items():
        home = folder / name
        python = pythons[name] = home / "bin" / "python"
        if not (home / "installed").exists():
            say(f"installing {', '.join(packages)}")
            venv.create(home, with_pip=True, clear=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", *packages], check=True, cwd=folder
            )
            (home / "installed").touch()
    return pythons


def run(script: str, task: Json, python: Path | str = sys.executable) -> Json:
    """One script of ``peers/`` on a task."""
    say(f"running {script}")
    done = subprocess.run(
        [python, PEERS / f"{script}.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)} if python == sys.executable else None,
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def ddl(source: Path, pythons: dict[str, Path]) -> Json:
    """Tables only: aModels from a dump file, the peers from statements that are split already."""
    from amodels_assets.sgmi.splitter import split

    statements = [
        statement.text
        for path in sorted((source / "hive-ddl").iterdir())
        for statement in split(path.read_text())
        if " TABLE " in statement.text[:40]
    ]
    task = {"statements": statements}
    ours, sqlglots = [], []
    for _ in range(PAIRS):
        ours.append(run("amodels_ddl", task))
        sqlglots.append(run("sqlglot_parse", task, pythons["sqlglot"]))
    found = {"aModels": middle_of(ours), "sqlglot parse": middle_of(sqlglots)}
    found["simple-ddl-parser"] = run("simple_ddl", task, pythons["simple-ddl-parser"])
    return with_ratios(found)


def lineage(task: Json, pythons: dict[str, Path]) -> Json:
    """Views: aModels and the peers on the same ones, and how many columns each gets right."""
    some = {**task, "views": task["views"][::SQLGLOT_EVERY]}
    found: Json = {}
    for name, part, script, environment in (
        (f"{len(some['views'])} views", some, "sqlglot_lineage", "sqlglot"),
        (f"{len(task['views'])} views", task, "datahub_lineage", "datahub"),
    ):
        pair = with_ratios(
            {
                f"aModels, {name}": middle_of([run("amodels_lineage", part) for _ in range(PAIRS)]),
                f"{script.replace('_', ' ')}, {name}": run(script, part, pythons[environment]),
            }
        )
        for figures in pair.values():
            figures["columns_right"] = right(figures.pop("columns"), task["truth"], part["views"])
        found |= pair
    return found


def task_of(source: Path) -> Json:
    """Schema, views and the true sources of every column, out of the ground truth."""
    truth = source / "ground_truth"
    columns = json.loads((truth / "columns.json").read_text())
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for name, found in columns.items():
        database, table = name.split(".")
        types = {column: type_ or "string" for column, type_, _ in found}
        schema.setdefault(database, {})[table] = types
    from amodels_assets.sgmi.diagnostics import Diagnostics
    from amodels_assets.sgmi.views import View
    from amodels_assets.sgmi.warehouse import read_dumps

    files = [(path, path.name) for path in sorted((source / "hive-ddl").iterdir())]
    objects = read_dumps(files, Diagnostics()).objects.values()
    views = [
        [o.database, o.name, o.definition.body] for o in objects if isinstance(o.definition, View)
    ]
    direct = json.loads((truth / "lineage.json").read_text())["column_lineage"]
    return {"schema": schema, "views": views, "truth": direct}


def right(found: Json, truth: Json, views: list[list[str]]) -> str:
    """Columns whose sources are exactly the true ones (DIRECT, CONDITIONAL and WINDOW)."""
    correct = total = 0
    for database, name, _ in views:
        for column, edges in truth[f"{database}.{name}"].items():
            wanted = {tuple(edge[:3]) for edge in edges}
            got = found.get(f"{database}.{name}", {}).get(column)
            total += 1
            correct += got is not None and {tuple(source) for source in got} == wanted
    return f"{correct} of {total}"


def workers(source: Path) -> Json:
    """One process and two, in pairs, on a warehouse of four times the real size."""
    ones, twos = [], []
    for _ in range(PAIRS):
        ones.append(built(source, 1))
        twos.append(built(source, 2))
    ratios = [
        one["wall_seconds"] / two["wall_seconds"] for one, two in zip(ones, twos, strict=True)
    ]
    return {
        "1 worker": middle_of(ones),
        "2 workers": middle_of(twos) | {"times_as_fast": statistics.median(ratios)},
    }


def built(source: Path, count: int) -> Json:
    """``build_catalog`` alone, without starting Python and without writing files."""
    code = (
        "import sys, time, json; from pathlib import Path\n"
        "from amodels_assets.sgmi.catalog import build_catalog\n"
        "start = time.perf_counter(); build_catalog(Path(sys.argv[1]), workers=int(sys.argv[2]))\n"
        "print(json.dumps({'wall_seconds': time.perf_counter() - start}))"
    )
    command = [sys.executable, "-c", code, str(source), str(count)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def exactness(folder: Path) -> Json:
    """Precision and recall of each kind of fact, on samples of several seeds, sizes and defects."""
    import pyarrow.parquet as pq

    from tests.exactness import facts

    totals: dict[str, list[int]] = {}
    for seed, options in enumerate(
        (
            ["--defects"],
            ["--defects", "--scale", "0.3"],
            ["--defects", "--scale", "5"],
            ["--defects", "--profile", "warehouse", "--scale", "0.5"],
            ["--profile", "warehouse"],
            [],
        ),
        start=21,
    ):
        source = sample(folder / str(seed), "--seed", str(seed), *options)
        catalog(source, source / "catalog")
        tables = {path.stem: pq.read_table(path) for path in (source / "catalog").glob("*.parquet")}
        for kind, (expected, actual) in facts(tables, source).items():
            total = totals.setdefault(kind, [0, 0, 0])
            for place, found in enumerate((expected, actual, expected & actual)):
                total[place] += len(found)
    return {
        kind: {
            "true": expected,
            "found": actual,
            "recall": both / expected if expected else 1.0,
            # Diagnostics may say more than what was planted.
            "precision": "" if kind == "defects" else both / actual if actual else 1.0,
        }
        for kind, (expected, actual, both) in totals.items()
    }


def growth(work: Path) -> Json:
    """The sample, and a source of 100 times its size."""
    found = {}
    for scale in ("1", "100"):
        source = sample(work / f"scale{scale}", "--scale", scale)
        runs = [catalog(source, work / f"growth{scale}_{n}") for n in range(3)]
        found[f"scale {scale}"] = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
    small, large = found.values()
    large["times_as_long"] = large["cpu_seconds"] / small["cpu_seconds"]
    return found


def stress(folder: Path) -> Json:
    """Input that brings readers down."""
    table = "use d;\nCREATE TABLE `t`(\n  `a` string,\n  `b` int)\n;\n"
    columns = ",\n".join(f"  `c{n}` string" for n in range(900))
    tables = "".join(f"CREATE TABLE `t{n}`(\n{columns})\n" for n in range(1_150))
    cases = " ".join(f"WHEN t.b = {n} THEN '{n}'" for n in range(5_000))
    deep = "select a from " + "(select a from " * 200 + "t" + ") q" * 200
    inputs = {
        "20 MB without a semicolon": f"use d;\n{tables}",
        "one line of 5 MB": f"{table}CREATE VIEW `v` AS select '{'x' * 5_000_000}' a from t;",
        "a CASE of 5,000 branches": f"{table}CREATE VIEW `v` AS select CASE {cases} END k from t;",
        "a subquery 200 deep": f"{table}CREATE VIEW `v` AS {deep};",
    }
    found = {}
    for name, text in inputs.items():
        source = folder / name.replace(" ", "_")
        (source / "hive-ddl").mkdir(parents=True)
        (source / "hive-ddl" / "dump.hql").write_text(text)
        found[name] = catalog(source, source / "catalog")
    return found


def middle_of(runs: list[Json]) -> Json:
    """The first run with the medians of what was measured."""
    measured = [key for key in runs[0] if key.endswith(("_seconds", "_megabytes"))]
    return runs[0] | {key: statistics.median(run[key] for run in runs) for key in measured}


def with_ratios(found: Json) -> Json:
    """How many times as long as the first each of the others took."""
    ours, *others = found.values()
    for other in others:
        other["times_ours"] = other["cpu_seconds"] / ours["cpu_seconds"]
    return found


def table(title: str, found: Json) -> None:
    """Print one Markdown table."""
    rows = {name: {k: v for k, v in row.items() if k != "columns"} for name, row in found.items()}
    names = list(dict.fromkeys(key for row in rows.values() for key in row))
    print(f"\n## {title}\n\n| | {' | '.join(name.replace('_', ' ') for name in names)} |")
    print(f"|{'---|' * (len(names) + 1)}")
    for name, row in rows.items():
        cells = [row.get(key, "") for key in names]
        texts = [f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells]
        print(f"| {name} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
