"""Trains in a process of its own, started by Dagster: ``python -m amodels_assets.training.run``.

Belongs here: the Relational Transformer's own part. Does not belong here: what all trainings tell
Dagster (``piped.py``), the loop (``loop.py``).
"""

from __future__ import annotations

import sys
from pathlib import Path

from dagster_pipes import PipesContext

from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.execution import Execution
from amodels_assets.training.piped import run_piped
from amodels_assets.training.work import Progress, TrainingResult


def _train(
    pipes: PipesContext, folder: Path, progress: Progress, execution: Execution
) -> TrainingResult:
    from amodels_assets.training.train import train

    config = TrainingConfig.from_json(pipes.get_extra("config"))
    return train(Path(pipes.get_extra("dataset")), folder, config, progress, execution)


if __name__ == "__main__":
    sys.exit(run_piped(_train))
