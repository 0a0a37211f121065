"""A training in a process of its own that Dagster started.

Belongs here: what goes between the Dagster process and a training loop: settings in, progress and
figures out. Does not belong here: what is trained (``run.py``, ``language/run.py``).
"""

from __future__ import annotations

import fcntl
import os
import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from dagster_pipes import PipesContext, open_dagster_pipes

from amodels_assets.training.execution import Execution
from amodels_assets.training.progress import ProgressBar, warnings_to
from amodels_assets.training.refusals import refusals
from amodels_assets.training.work import Metrics, Progress, TrainingResult

ORPHANED = 3

# Gets what was passed, the folder of the checkpoint, whom to tell of each step, and the device.
Training = Callable[[PipesContext, Path, Progress, Execution], TrainingResult]


class Orphaned(BaseException):
    """The process that started this one is gone."""


def run_piped(train: Training) -> int:
    """Train with the settings that Dagster passed; the exit status."""
    with open_dagster_pipes() as pipes:
        folder = Path(pipes.get_extra("folder"))
        # A run whose parent was killed may still be at its last step: it lets go when it ends.
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            return _train(pipes, folder, train)
        except Orphaned:
            return ORPHANED
        finally:
            os.close(handle)


def _train(pipes: PipesContext, folder: Path, train: Training) -> int:
    execution = Execution(**pipes.get_extra("execution"))
    started = time.monotonic()
    bar = ProgressBar(pipes.log.info)
    progress = _WithParent(bar)
    try:
        with warnings_to(pipes.log.warning):
            result = train(pipes, folder, progress, execution)
    except refusals() as error:
        # A refusal is an answer, not a crash: the asset turns it into its failure.
        pipes.report_custom_message({"error": str(error)})
        return 0
    finally:
        bar.close()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pipes.report_custom_message(
        {
            "finished": result.finished,
            "steps": result.steps,
            "best_step": result.best_step,
            "resumed_from": result.resumed_from,
            "refused_checkpoints": list(result.refused_checkpoints),
            "contexts_at_once": result.micro_batch,
            **_device(execution.device),
            **result.figures,
            **{name: value for name, value in result.usage.to_json().items() if value is not None},
            "seconds": round(time.monotonic() - started, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_memory_megabytes": usage.ru_maxrss // 1024,
        }
    )
    return 0


def _device(asked: str) -> dict[str, object]:
    """What was computed on, and how busy it is."""
    from amodels_assets.training.device import choose_device, report

    with warnings.catch_warnings():
        # Said once already, when training began.
        warnings.simplefilter("ignore")
        found = report(choose_device(asked))
    return {name: value for name, value in found.to_json().items() if value not in (None, "")}


class _WithParent:
    """Progress of a process that ends when the one that started it is gone."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._parent = os.getppid()

    def __call__(self, step: int, steps: int, metrics: Metrics) -> None:
        if os.getppid() != self._parent:
            raise Orphaned
        self._bar(step, steps, metrics)
