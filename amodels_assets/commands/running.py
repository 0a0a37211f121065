"""Which runs of ``amodels run`` are alive, and the places in pools that dead ones still hold.

Belongs here: a locked file per run, which the kernel unlocks however the process ends. Does not
belong here: the run itself (``materialize.py``). Runs that the daemon started are the daemon's
business (``run_monitoring`` in ``dagster.yaml``).
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg


@contextmanager
def alive(home: Path, run_id: str) -> Generator[None]:
    """Be seen as alive for as long as this process is.

    Args:
        home: Dagster's home.
        run_id: The run of this process.
    """
    path = _folder(home) / run_id
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        path.unlink()


def free_places_of_the_dead(instance: dg.DagsterInstance) -> list[str]:
    """Free what killed runs hold, so that nobody waits for them; their run ids."""
    dead = []
    for path in sorted(_folder(Path(instance.root_directory)).glob("*")):
        run = instance.get_run_by_id(path.name)
        if run is None:
            # It is about to begin.
            continue
        try:
            with path.open("r+") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            # At its end, or at work.
            continue
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        if not run.is_finished:
            instance.report_run_failed(run, "its process was killed")
        path.unlink(missing_ok=True)
        dead.append(run.run_id)
    return dead


def _folder(home: Path) -> Path:
    return home / "running"
