"""Asks models in a process of its own: ``python -m amodels_assets.evaluation.language.run``.

Belongs here: what goes between the Dagster process and the asking: what to ask in, tables and
figures out. Does not belong here: the asking (``asking.py``, ``profile.py``).
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dagster_pipes import PipesContext, open_dagster_pipes

from amodels_assets.artifacts import write_atomically
from amodels_assets.evaluation.language.asking import Sources, ask_all
from amodels_assets.evaluation.language.checkpoints import Checkpoint
from amodels_assets.evaluation.language.estimates import Run

RUNS = "runs.json"


def main() -> int:
    """Ask what Dagster passed; the exit status."""
    with open_dagster_pipes() as pipes:
        try:
            _work(pipes)
        # A refusal is an answer, not a crash: the asset turns it into its failure. Sentences of
        # all rooms are errors of these two kinds.
        except (ValueError, RuntimeError) as error:
            pipes.report_custom_message({"error": str(error)})
        return 0


def _work(pipes: PipesContext) -> None:
    folder = Path(pipes.get_extra("folder"))
    sources = Sources(**pipes.get_extra("sources"))
    checkpoints = [Checkpoint(**raw) for raw in pipes.get_extra("checkpoints")]

    def say(text: str) -> None:
        """Into Dagster's log, and to who waits for the run."""
        pipes.log.info(text)
        sys.stderr.write(f"  {text}\n")

    if pipes.get_extra("work") == "profile":
        from amodels_assets.evaluation.language.profile import profile_all

        rows = profile_all(checkpoints, sources, say)
        write_atomically(folder / RUNS, json.dumps(rows).encode())
        return
    results = ask_all(
        pipes.get_extra("benchmark"),
        checkpoints,
        sources,
        pipes.get_extra("number"),
        say,
    )
    write_asked(folder, results)


def write_asked(folder: Path, results: list[tuple[Any, Run]]) -> None:
    """Write what a process was answered, for the one that started it."""
    import pyarrow.parquet as pq

    for number, (items, _) in enumerate(results):
        pq.write_table(items, folder / f"{number}.parquet")
    runs = [asdict(run) for _, run in results]
    write_atomically(folder / RUNS, json.dumps(runs).encode())


def read_asked(folder: Path) -> list[tuple[Any, Run]]:
    """What :func:`write_asked` wrote."""
    import pyarrow.parquet as pq

    runs = [Run(**raw) for raw in json.loads((folder / RUNS).read_bytes())]
    return [
        (pq.read_table(folder / f"{number}.parquet", memory_map=False), run)
        for number, run in enumerate(runs)
    ]


if __name__ == "__main__":
    sys.exit(main())
