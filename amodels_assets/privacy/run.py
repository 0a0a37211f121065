"""Fine-tunes privately in a process of its own: ``python -m amodels_assets.privacy.run``."""

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
    from amodels_assets.privacy.language import tune_privately
    from amodels_assets.privacy.settings import PrivacySettings
    from amodels_assets.training.language.config import LanguageConfig

    settings = pipes.get_extra("config")
    return tune_privately(
        Path(pipes.get_extra("questions")),
        folder,
        LanguageConfig.from_json(settings["language"]),
        ModelStore(Path(pipes.get_extra("models"))).get(pipes.get_extra("base")),
        progress,
        privacy=PrivacySettings.from_json(settings["privacy"]),
        execution=execution,
    )


if __name__ == "__main__":
    sys.exit(run_piped(_train))
