"""The evaluation room's asset."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, write_table
from amodels_assets.markdown import embedded_picture
from resources.artifact_store import ArtifactStoreResource

CHECKPOINT = "training/relational_transformer"
DATASET = "datasets/facility_downgrade"
ORACLE = "datasets/best_possible_scores"
SCORES = "evaluation/relational_scores"
CODE_VERSION = "2"


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

    Its scores stand beside those of simple models and, for a synthetic source, of the best possible
    one, each with its interval, on the same test rows, in all and by month.
    """
    from pathlib import Path

    from amodels_assets.datasets.dataset import DatasetError, open_dataset
    from amodels_assets.evaluation.baselines import labels_of
    from amodels_assets.evaluation.curves import calibration_picture, roc_picture
    from amodels_assets.evaluation.score_table import (
        CHECKPOINT_MODEL,
        JOINED_MODEL,
        as_markdown,
        months_as_markdown,
        predict_all,
        score_table,
        slice_table,
    )
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
            opened = open_dataset(dataset.path)
            task, labels = opened.spec.task, labels_of(opened, "test")
            cutoffs = predictions[task.cutoff_column]
            scores = score_table(predictions, labels, task.kind, versions)
            slices = slice_table(predictions, labels, cutoffs, task.kind, versions)
            write_table(folder, "predictions", predictions)
            write_table(folder, "scores", scores)
            write_table(folder, "slices", slices)
            if task.kind == "binary":
                compared = (CHECKPOINT_MODEL, JOINED_MODEL)
                calibration = calibration_picture(predictions, compared)
                (folder / "roc.png").write_bytes(roc_picture(predictions, scores))
                (folder / "calibration.png").write_bytes(calibration)

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
    pictures = {
        name: embedded_picture(path.read_bytes(), name)
        for name in ("roc", "calibration")
        if (path := made.path / f"{name}.png").is_file()
    }
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": scores.num_rows,
            "scores": dg.MetadataValue.md(as_markdown(scores)),
            "scores_by_month": dg.MetadataValue.md(months_as_markdown(made.table("slices"))),
            **{name: dg.MetadataValue.md(picture) for name, picture in pictures.items()},
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
