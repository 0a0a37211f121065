"""The asset of the fine-tuned language model."""

from typing import Any

import dagster as dg
from pydantic import Field

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.training.language.materializing import materialize_language_model
from amodels_assets.training.language.names import EXTRA, LANGUAGE_MODEL
from amodels_assets.training.materializing import AFTER_A_CRASH
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import POOL, GpuResource
from resources.training import TrainingResource

CODE_VERSION = "1"


class LanguageModelConfig(dg.Config):
    """What may be set for a run.

    Attributes:
        mode: ``lora`` or ``full``.
        settings: Any other setting by name, as ``amodels train language --set`` takes them.
    """

    mode: str = "lora"
    settings: dict[str, Any] = Field(default_factory=dict)


@dg.asset(
    key=["training", "language_model"],
    deps=[dg.AssetKey(["datasets", "catalog_questions"])],
    group_name="training",
    kinds={"pytorch", "huggingface", "python"},
    owners=["team:machine-learning"],
    tags=EXTRA,
    code_version=CODE_VERSION,
    pool=POOL,
    retry_policy=AFTER_A_CRASH,
)
def language_model(  # noqa: PLR0917 (Dagster gives them by name)
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    training: TrainingResource,
    gpu: GpuResource,
    pipes_subprocess_client: dg.PipesSubprocessClient,
    config: LanguageModelConfig,
) -> dg.MaterializeResult:
    """A language model that answers questions about the warehouse.

    The base model of the installation, fine-tuned on the questions with exact answers, in a process
    of its own. A run that was killed goes on from its last step.
    """
    from amodels_assets.models.foreign import ModelError
    from amodels_assets.training.language.config import LanguageConfig
    from amodels_assets.training.loop_config import ConfigError

    try:
        chosen = LanguageConfig.for_steps(training.steps, config.mode).changed(config.settings)
        return materialize_language_model(
            ArtifactStore(artifact_store.path()),
            LANGUAGE_MODEL,
            context=context,
            client=pipes_subprocess_client,
            training=training,
            gpu=gpu,
            module="amodels_assets.training.language.run",
            config=chosen.to_json(),
            code_version=CODE_VERSION,
            told=("mode", "questions", "tokens", "too_long", "trained_parameters", "precision"),
        )
    except (ArtifactError, ConfigError, ModelError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
