"""Time and memory of each stage, and how the time grows with the source.

Prints, for the shipped sample: seconds of each step of ``amodels run``, the peak of its memory, a
second run, and the CPU time of ``dagster definitions validate`` beside an empty code location.
With ``--growth`` the run on a source ten times the size is measured too.

Example:
    python tests/benchmarks/stages.py --growth --json stages.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EMPTY = "import dagster as dg\n\ndefs = dg.Definitions()\n"
PAIRS = 5


def environment(home: Path, **variables: str) -> dict[str, str]:
    """A process environment in which everything is made below ``home``."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AMODELS_", "DAGSTER_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"
    return {**env, "PATH": path, "AMODELS_HOME": str(home), **variables}


def run(home: Path, **variables: str) -> dict[str, Any]:
    """One ``amodels run``; its report with CPU seconds of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "amodels_assets.cli", "run", "--json"],
        cwd=ROOT,
        env=environment(home, **variables),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(done.stdout)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**report, "cpu_seconds": round(cpu, 2)}


def cpu_of_validate(folder: Path, module: str) -> float:
    """CPU seconds of ``dagster definitions validate``, of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-m", module],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"},
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def validate_ratio(folder: Path) -> dict[str, float]:
    """Median CPU seconds of validating aModels and an empty code location, in pairs."""
    (folder / "empty_location.py").write_text(EMPTY)
    ours, empty = [], []
    for _ in range(PAIRS):
        empty.append(cpu_of_validate(folder, "empty_location"))
        ours.append(cpu_of_validate(ROOT, "amodels_assets.definitions"))
    ratio = statistics.median(a / b for a, b in zip(ours, empty, strict=True))
    return {
        "amodels": statistics.median(ours),
        "empty": statistics.median(empty),
        "ratio": ratio,
    }


def by_room(seconds: dict[str, float]) -> dict[str, float]:
    """Seconds of a report's steps, added up by room."""
    found: dict[str, float] = defaultdict(float)
    for step, value in seconds.items():
        found[step.split("__")[0].split("_")[0]] += value
    return dict(found)


def show(title: str, report: dict[str, Any]) -> None:
    """Print one run."""
    print(
        f"\n{title}: {report['total_seconds']:.1f} s, {report['cpu_seconds']:.1f} CPU s, "
        f"peak memory {report['peak_memory_bytes'] / 1e6:,.0f} MB"
    )
    for step, seconds in sorted(report["seconds"].items(), key=lambda item: -item[1]):
        if seconds >= 0.05:
            print(f"  {seconds:8.2f} s  {step}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--growth", action="store_true", help="also run a source of ten times the size"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures["validate"] = validate_ratio(folder)
        print(
            "dagster definitions validate: {amodels:.2f} CPU s, empty code location {empty:.2f}, "
            "ratio {ratio:.2f}".format(**figures["validate"])
        )
        figures["first"] = run(folder / "one")
        show("First run, shipped sample", figures["first"])
        figures["second"] = run(folder / "one")
        show("Second run, nothing changed", figures["second"])
        if options.growth:
            large = folder / "large"
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "amodels_assets.cli",
                    "sample",
                    "--out",
                    str(large),
                    "--scale",
                    "10",
                ],
                cwd=ROOT,
                check=True,
                env=environment(folder / "ten"),
            )
            figures["ten"] = run(folder / "ten", AMODELS_SGMI_DIR=str(large))
            show("Source of ten times the size", figures["ten"])
            ratio = figures["ten"]["total_seconds"] / figures["first"]["total_seconds"]
            print(f"\nTen times the source takes {ratio:.1f} times as long")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
