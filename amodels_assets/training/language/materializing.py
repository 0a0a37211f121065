"""What the assets of fine-tuned language models share.

Belongs here: which base model and questions a training's process gets, and what it tells of its
checkpoint. Does not belong here: the assets. Only assets import it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.training.language.names import QUESTIONS
from amodels_assets.training.materializing import by_pipes, publish_training, result_of
from resources.gpu import GpuResource
from resources.training import TrainingResource

LIBRARIES = ("peft", "torch", "transformers")


def materialize_language_model(
    store: ArtifactStore,
    name: str,
    *,
    context: dg.AssetExecutionContext,
    client: dg.PipesSubprocessClient,
    training: TrainingResource,
    gpu: GpuResource,
    module: str,
    config: Mapping[str, Any],
    code_version: str,
    told: Iterable[str],
    libraries: Iterable[str] = LIBRARIES,
) -> dg.MaterializeResult:
    """Fine-tune the installation's base model on the newest questions, in a process of its own.

    Args:
        store: Has the questions, and gets the checkpoint.
        name: Of the checkpoint's artifact.
        context: Of the asset.
        client: Starts the process.
        training: Names the base model.
        gpu: What is computed on.
        module: That trains.
        config: Its settings.
        code_version: Of the asset.
        told: Fields of the checkpoint's manifest, or of its statement of privacy, that are shown.
        libraries: That decide what comes out.

    Raises:
        ArtifactError: There are no questions.
        ModelError: There is no base model.
        dg.Failure: The training refused, or was stopped before its end.
    """
    from amodels_assets.models.store import ModelStore

    questions = store.get(QUESTIONS)
    base = ModelStore(Path(training.models)).get(training.language_model).manifest
    made, figures = publish_training(
        store,
        name,
        run=by_pipes(client, context),
        module=module,
        extras={
            "questions": str(questions.path),
            "models": training.models,
            "base": base.name,
            "execution": gpu.settings(),
        },
        inputs={QUESTIONS: questions.data_version, f"models/{base.name}": base.version},
        config=config,
        code_version=code_version,
        libraries=libraries,
    )
    manifest = json.loads(made.verified_file("config.json").read_text(encoding="utf-8"))
    stated = {**manifest, **(manifest["privacy"] or {})}
    shown = {field: stated[field] for field in told}
    return result_of(made, {"base_model": base.name, **shown, **manifest["result"], **figures})
