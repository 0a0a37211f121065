"""The private language model, and the ledger of all that was promised."""

from typing import Any

import dagster as dg
from pydantic import Field

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.privacy.names import CHECKPOINTS, LEDGER, PRIVATE_LANGUAGE_MODEL
from amodels_assets.training.language.materializing import (
    LIBRARIES,
    materialize_language_model,
)
from amodels_assets.training.language.names import EXTRA, QUESTIONS
from amodels_assets.training.materializing import AFTER_A_CRASH
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import POOL, GpuResource
from resources.training import TrainingResource

CODE_VERSION = "1"
LEDGER_CODE_VERSION = "1"
# Few weights and many questions in a step: the noise in the mean gradient falls with both.
USUAL_SETTINGS = {
    "adapter.rank": 2,
    "adapter.modules": "q_proj,v_proj",
    "batch_size": 16,
    "micro_batch": 1,
    "length": 384,
    "learning_rate": 0.003,
}
USUAL_STEPS = 40
USUAL_PRIVACY = {"epsilon": 8.0}


class PrivateLanguageModelConfig(dg.Config):
    """What may be set for a run.

    Attributes:
        privacy: Of ``PrivacySettings``, by name: ``epsilon``, ``delta``, ``unit``, …
        settings: Any setting of the training, as ``amodels train language --set`` takes them.
    """

    privacy: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)


@dg.asset(
    key=PRIVATE_LANGUAGE_MODEL.split("/"),
    deps=[dg.AssetKey(QUESTIONS.split("/"))],
    group_name="training",
    kinds={"pytorch", "huggingface", "python"},
    owners=["team:machine-learning"],
    tags=EXTRA,
    code_version=CODE_VERSION,
    pool=POOL,
    retry_policy=AFTER_A_CRASH,
)
def private_language_model(  # noqa: PLR0917 (Dagster gives them by name)
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    training: TrainingResource,
    gpu: GpuResource,
    pipes_subprocess_client: dg.PipesSubprocessClient,
    config: PrivateLanguageModelConfig,
) -> dg.MaterializeResult:
    """A language model that answers questions about the warehouse and gives no single one away.

    The base model of the installation, fine-tuned with differential privacy in a process of its
    own. Its manifest states the guarantee: unit, epsilon, delta, and how it was kept.
    """
    from amodels_assets.models.foreign import ModelError
    from amodels_assets.privacy.settings import PrivacySettings
    from amodels_assets.privacy.statement import PrivacyError
    from amodels_assets.training.language.config import LanguageConfig
    from amodels_assets.training.loop_config import ConfigError

    try:
        chosen = LanguageConfig.for_steps(training.steps or USUAL_STEPS).changed(
            {**USUAL_SETTINGS, **config.settings}
        )
        privacy = PrivacySettings.from_json({**USUAL_PRIVACY, **config.privacy})
        return materialize_language_model(
            ArtifactStore(artifact_store.path()),
            PRIVATE_LANGUAGE_MODEL,
            context=context,
            client=pipes_subprocess_client,
            training=training,
            gpu=gpu,
            module="amodels_assets.privacy.run",
            config={"language": chosen.to_json(), "privacy": privacy.to_json()},
            code_version=CODE_VERSION,
            told=(
                *("unit", "units", "epsilon", "delta", "noise_multiplier", "sample_rate"),
                "trained_parameters",
            ),
            libraries=("opacus", *LIBRARIES),
        )
    except (ArtifactError, ConfigError, ModelError, PrivacyError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


@dg.asset(
    key=LEDGER.split("/"),
    deps=[dg.AssetKey(name.split("/")) for name in CHECKPOINTS],
    group_name="privacy",
    kinds={"python", "json"},
    owners=["team:machine-learning"],
    tags=EXTRA,
    code_version=LEDGER_CODE_VERSION,
)
def ledger(artifact_store: ArtifactStoreResource) -> dg.MaterializeResult:
    """What all releases together promise of each source, and what the newest checkpoint adds.

    Never forgets a release: an entry stays also where its checkpoint is gone.
    """
    import json

    from amodels_assets.privacy.names import LEDGER_FILE
    from amodels_assets.privacy.publish import publish_ledger
    from amodels_assets.privacy.statement import PrivacyError

    store = ArtifactStore(artifact_store.path())
    try:
        made = publish_ledger(store, code_version=LEDGER_CODE_VERSION)
    except (ArtifactError, PrivacyError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    content = json.loads(made.verified_file(LEDGER_FILE).read_text(encoding="utf-8"))
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "releases": len(content["released"]),
            "totals": dg.MetadataValue.json(content["totals"]),
            "totals_with_candidate": dg.MetadataValue.json(content["totals_with_candidate"]),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
