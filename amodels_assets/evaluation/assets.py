"""The evaluation room's asset."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, write_table
from resources.artifact_store import ArtifactStoreResource

CHECKPOINT = "training/relational_transformer"
DATASET = "datasets/facility_downgrade"
ORACLE = "datasets/best_possible_scores"
SCORES = "evaluation/relational_scores"
CODE_VERSION = "1"


@dg.asset(
    key=["evaluation", "relational_scores"],
    deps=[
        dg.AssetKey(["training", "relational_transformer"]),
        dg.AssetKey(["datasets", "facility_downgrade"]),
        dg.AssetKey(["datasets", "best_possible_scores"]),
    ],
    group_name="evaluation",
    kinds={"python", "parquet"},
    owners=["team:machine-learning"],
    code_version=CODE_VERSION,
)
def relational_scores(artifact_store: ArtifactStoreResource) -> dg.MaterializeResult:
    """How well the checkpoint foresees downgrades in quarters that it has not seen.

    Its AUROC stands beside those of simple models and, for a synthetic source, of the best possible
    one, each with its interval, on the same test rows.
    """
    import base64
    from pathlib import Path

    from amodels_assets.datasets.dataset import DatasetError
    from amodels_assets.evaluation.curves import roc_picture
    from amodels_assets.evaluation.score_table import as_markdown, predict_all, score_table
    from amodels_assets.evaluation.scoring import ScoringError

    store = ArtifactStore(artifact_store.path())
    try:
        checkpoint, dataset, oracle = (store.get(n) for n in (CHECKPOINT, DATASET, ORACLE))
        versions = {
            "checkpoint_version": checkpoint.data_version,
            "dataset_version": dataset.data_version,
        }

        def produce(folder: Path) -> None:
            predictions = predict_all(checkpoint.path, dataset.path, oracle.table("oracle"))
            scores = score_table(predictions, versions)
            write_table(folder, "predictions", predictions)
            write_table(folder, "scores", scores)
            (folder / "roc.png").write_bytes(roc_picture(predictions, scores))

        made = store.publish(
            SCORES,
            inputs={a.manifest.artifact: a.data_version for a in (checkpoint, dataset, oracle)},
            code_version=CODE_VERSION,
            libraries=("lightgbm", "torch"),
            produce=produce,
        )
        scores = made.table("scores")
    except (ArtifactError, DatasetError, ScoringError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    picture = base64.b64encode((made.path / "roc.png").read_bytes()).decode()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": scores.num_rows,
            "scores": dg.MetadataValue.md(as_markdown(scores)),
            "roc": dg.MetadataValue.md(f"![ROC curves](data:image/png;base64,{picture})"),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
