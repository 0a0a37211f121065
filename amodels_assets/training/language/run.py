"""Fine-tunes in a process of its own: ``python -m amodels_assets.training.language.run``.

Belongs here: the language model's own part. Does not belong here: what all trainings tell Dagster
(``../piped.py``), the loop (``../loop.py``).
"""

from __future__ import annotations

import sys
from pathlib import Path

from dagster_pipes import PipesContext

from amodels_assets.training.execution import Execution
from amodels_assets.training.piped import run_piped
from amodels_assets.training.work import Progress, TrainingResult


def _train(
    pipes: PipesContext, folder: Path, progress: Progress, execution: Execution
) -> TrainingResult:
    from amodels_assets.models.store import ModelStore
    from amodels_assets.training.language.config import LanguageConfig
    from amodels_assets.training.language.tuning import tune

    return tune(
        Path(pipes.get_extra("questions")),
        folder,
        LanguageConfig.from_json(pipes.get_extra("config")),
        ModelStore(Path(pipes.get_extra("models"))).get(pipes.get_extra("base")),
        progress,
        execution=execution,
    )


if __name__ == "__main__":
    sys.exit(run_piped(_train))
