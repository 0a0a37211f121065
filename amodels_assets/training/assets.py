"""The training room's asset."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.training.materializing import (
    AFTER_A_CRASH,
    by_pipes,
    publish_training,
    result_of,
)
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import POOL, GpuResource
from resources.training import TrainingResource

DATASET = "datasets/facility_downgrade"
CHECKPOINT = "training/relational_transformer"
CODE_VERSION = "4"


@dg.asset(
    key=["training", "relational_transformer"],
    deps=[dg.AssetKey(["datasets", "facility_downgrade"])],
    group_name="training",
    kinds={"pytorch", "python"},
    owners=["team:machine-learning"],
    code_version=CODE_VERSION,
    pool=POOL,
    retry_policy=AFTER_A_CRASH,
)
def relational_transformer(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    training: TrainingResource,
    gpu: GpuResource,
    pipes_subprocess_client: dg.PipesSubprocessClient,
) -> dg.MaterializeResult:
    """A checkpoint of a Relational Transformer, trained to foresee downgrades.

    Trains in a process of its own, one at a time, on a GPU where there is one. A run that was
    killed goes on from its last step and ends, on the CPU, with the very same weights.
    """
    from amodels_assets.training.config import TrainingConfig

    store = ArtifactStore(artifact_store.path())
    config = TrainingConfig.for_steps(training.steps)
    try:
        dataset = store.get(DATASET)
        made, figures = publish_training(
            store,
            CHECKPOINT,
            run=by_pipes(pipes_subprocess_client, context),
            module="amodels_assets.training.run",
            extras={"dataset": str(dataset.path), "execution": gpu.settings()},
            inputs={DATASET: dataset.data_version},
            config=config.to_json(),
            code_version=CODE_VERSION,
            libraries=("torch",),
        )
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return result_of(made, figures)
