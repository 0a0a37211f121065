"""All scores that there are, side by side.

Belongs here: reading the newest scores of every benchmark, finding a checkpoint among them,
comparing two. Does not belong here: pages and pictures (``leaderboard.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.evaluation.language.benchmarks import Benchmark, BenchmarkError
from amodels_assets.evaluation.language.comparison import Comparison, compare, holm
from amodels_assets.evaluation.language.estimates import primary
from amodels_assets.evaluation.language.names import scores_of
from amodels_assets.evaluation.language.results import Results, read_results

Name = tuple[str, str]


@dataclass(frozen=True)
class Board:
    """The newest scores of every benchmark.

    Attributes:
        benchmarks: Those that were scored, by name.
        artifacts: Their artifacts.
        missing: Benchmarks without scores.
    """

    benchmarks: dict[str, Benchmark]
    artifacts: dict[str, Artifact]
    missing: tuple[Benchmark, ...]

    def scores(self) -> list[dict[str, Any]]:
        """Every score of every checkpoint."""
        return [row for a in self.artifacts.values() for row in a.table("scores").to_pylist()]

    def primary(self) -> list[dict[str, Any]]:
        """One score a checkpoint and benchmark: that of the metric it is ranked by."""
        return [row for row in self.scores() if primary(row, self.benchmarks[row["benchmark"]])]

    def checkpoints(self) -> list[Name]:
        """Names with versions, sorted."""
        return sorted({(row["checkpoint"], row["checkpoint_version"]) for row in self.scores()})

    def find(self, asked: str) -> Name:
        """The checkpoint that is meant: a name, or ``name@version`` where several have the name.

        Raises:
            BenchmarkError: There is none, or more than one.
        """
        name, _, version = asked.partition("@")
        known = self.checkpoints()
        found = [one for one in known if one[0] == name and one[1].startswith(version)]
        if len(found) == 1:
            return found[0]
        labels = ", ".join(f"{n}@{v[:12]}" for n, v in known) or "none yet"
        what = "several have" if found else "none has"
        raise BenchmarkError(f"of the checkpoints that were scored {what} {asked!r}: {labels}")

    def results(self, benchmark: str) -> Results:
        """Per-item tables of a benchmark."""
        return read_results(self.artifacts[benchmark])


def read_board(store: ArtifactStore, known: Mapping[str, Benchmark]) -> Board:
    """Read the newest scores of every benchmark.

    Args:
        store: Where they are.
        known: Benchmarks by name.
    """
    artifacts = {name: store.find(scores_of(name)) for name in known}
    found = {name: artifact for name, artifact in artifacts.items() if artifact is not None}
    return Board(
        benchmarks={name: known[name] for name in found},
        artifacts=found,
        missing=tuple(known[name] for name in known if name not in found),
    )


@dataclass(frozen=True)
class Compared:
    """A comparison on one benchmark, beside others.

    Attributes:
        comparison: The test.
        adjusted_p: Its p for being one of several (Holm).
    """

    comparison: Comparison
    adjusted_p: float


def compare_on(board: Board, a: Name, b: Name) -> list[Compared]:
    """Compare two checkpoints on every benchmark that both were scored on.

    Raises:
        BenchmarkError: There is no such benchmark.
    """
    found = {}
    for name, benchmark in board.benchmarks.items():
        by_name = {
            (run.checkpoint, run.checkpoint_version): items for items, run in board.results(name)
        }
        if a in by_name and b in by_name:
            found[name] = compare(benchmark, by_name[a], by_name[b])
    if not found:
        raise BenchmarkError(f"{a[0]} and {b[0]} were scored on no benchmark together")
    adjusted = holm({name: comparison.p for name, comparison in found.items()})
    return [Compared(comparison, adjusted[name]) for name, comparison in found.items()]
