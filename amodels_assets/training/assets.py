"""The training room's asset."""

from typing import Any

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import POOL, GpuResource
from resources.training import TrainingResource

DATASET = "datasets/facility_downgrade"
CHECKPOINT = "training/relational_transformer"
CODE_VERSION = "3"
# A crash, of a driver say: the next attempt goes on from the last step. Refusals are not repeated.
AFTER_A_CRASH = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


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
    import sys
    from pathlib import Path

    from amodels_assets.training.config import PROCESS_ENVIRONMENT, TrainingConfig
    from amodels_assets.training.curves import learning_rate_curve, loss_curve

    store = ArtifactStore(artifact_store.path())
    config = TrainingConfig.for_steps(training.steps)
    figures: dict[str, Any] = {}
    try:
        dataset = store.get(DATASET)

        def produce(folder: Path) -> None:
            extras = {
                "dataset": str(dataset.path),
                "folder": str(folder),
                "config": config.to_json(),
                "execution": gpu.settings(),
            }
            command = [sys.executable, "-m", "amodels_assets.training.run"]
            done = pipes_subprocess_client.run(
                command=command, context=context, extras=extras, env=PROCESS_ENVIRONMENT
            )
            for message in done.get_custom_messages():
                figures.update(message)
            if "error" in figures:
                raise dg.Failure(description=figures["error"], allow_retries=False)
            if not figures.pop("finished"):
                # It saved where it was: the next attempt goes on from there.
                raise dg.Failure(description=f"stopped at step {figures['steps']}")

        made = store.publish(
            CHECKPOINT,
            inputs={DATASET: dataset.data_version},
            config=config.to_json(),
            code_version=CODE_VERSION,
            libraries=("torch",),
            produce=produce,
            resumable=True,
        )
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    metrics = (made.path / "metrics.jsonl").read_text().splitlines()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            **figures,
            "loss": dg.MetadataValue.md(loss_curve(metrics)),
            "learning_rate": dg.MetadataValue.md(learning_rate_curve(metrics)),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
