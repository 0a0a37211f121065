"""The training room's asset."""

from typing import Any

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from resources.artifact_store import ArtifactStoreResource
from resources.training import TrainingResource

DATASET = "datasets/facility_downgrade"
CHECKPOINT = "training/relational_transformer"
CODE_VERSION = "1"


@dg.asset(
    key=["training", "relational_transformer"],
    deps=[dg.AssetKey(["datasets", "facility_downgrade"])],
    group_name="training",
    kinds={"pytorch", "python"},
    owners=["team:machine-learning"],
    code_version=CODE_VERSION,
)
def relational_transformer(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    training: TrainingResource,
    pipes_subprocess_client: dg.PipesSubprocessClient,
) -> dg.MaterializeResult:
    """A checkpoint of a Relational Transformer, trained to foresee downgrades.

    Trains on CPU in a process of its own. A run that was killed goes on from its last step and ends
    with the very same weights.
    """
    import sys
    from dataclasses import asdict
    from pathlib import Path

    from amodels_assets.training.config import PROCESS_ENVIRONMENT, TrainingConfig
    from amodels_assets.training.curves import loss_curve
    from amodels_assets.training.execution import execution_from_environment

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
                "execution": asdict(execution_from_environment()),
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
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
