"""The data set room's assets."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, write_table
from amodels_assets.settings import PROJECT_ROOT
from resources.artifact_store import ArtifactStoreResource
from resources.sgmi_source import SgmiSourceResource

DATASET = "datasets/facility_downgrade"
ORACLE = "datasets/best_possible_scores"
DECLARATION = PROJECT_ROOT / "data" / "tasks" / "facility_downgrade.yaml"
CODE_VERSION = "2"
ORACLE_CODE_VERSION = "1"


@dg.asset(
    key=["datasets", "facility_downgrade"],
    deps=[dg.AssetKey(["sgmi", "rows"])],
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:machine-learning"],
    code_version=CODE_VERSION,
)
def facility_downgrade(artifact_store: ArtifactStoreResource) -> dg.MaterializeResult:
    """A relational training set: will a client's facility be downgraded within the next quarter?

    Tables with keys and times, and predictions split in time into training, validation and test,
    so that a model is judged on quarters that it has not seen.
    """
    import json
    from pathlib import Path

    from amodels_assets.datasets.build import build_dataset
    from amodels_assets.datasets.dataset import DatasetError
    from amodels_assets.datasets.relational import SpecError, read_spec

    store = ArtifactStore(artifact_store.path())
    try:
        spec = read_spec(DECLARATION)
        rows = store.get("sgmi/rows")
        names = [table.name for table in spec.tables]
        files = {name: f"{spec.database}.{name}" for name in names}
        there = {n: f for n, f in files.items() if f"{f}.parquet" in rows.manifest.files}

        def produce(folder: Path) -> None:
            build_dataset({n: rows.table(f) for n, f in there.items()}, spec, folder)

        made = store.publish(
            DATASET,
            inputs={
                f"sgmi/rows/{file}": rows.file_version(f"{file}.parquet") for file in there.values()
            },
            config={"declaration": spec.to_json()},
            code_version=CODE_VERSION,
            produce=produce,
        )
    except (ArtifactError, SpecError, DatasetError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    summary = json.loads((made.path / "dataset.json").read_text())
    splits = summary["splits"]
    lines = [f"| {name} | {s['rows']:,} | {s['positives']:,} |" for name, s in splits.items()]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": sum(split["rows"] for split in splits.values()),
            "splits": dg.MetadataValue.md(
                "\n".join(["| split | predictions | positives |", "|---|---|---|", *lines])
            ),
            "left_out": dg.MetadataValue.json(summary["left_out"]),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )


@dg.asset(
    key=["datasets", "best_possible_scores"],
    # After the rows, so that nothing is made of a source that could not be read.
    deps=[dg.AssetKey(["sgmi", "source_rows"]), dg.AssetKey(["sgmi", "rows"])],
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:machine-learning"],
    code_version=ORACLE_CODE_VERSION,
)
def best_possible_scores(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    sgmi_source: SgmiSourceResource,
) -> dg.MaterializeResult:
    """The probabilities that a synthetic source was drawn from: no model can do better.

    Only evaluation reads them, never training. A source that is not synthetic has none.
    """
    from amodels_assets.artifacts import sha256_file
    from amodels_assets.datasets.dataset import DatasetError
    from amodels_assets.datasets.oracle import ORACLE_FILE, read_oracle

    store = ArtifactStore(artifact_store.path())
    path = sgmi_source.path() / ORACLE_FILE
    try:
        table = read_oracle(path)
        made = store.publish(
            ORACLE,
            inputs={ORACLE_FILE: sha256_file(path) if path.is_file() else ""},
            code_version=ORACLE_CODE_VERSION,
            produce=lambda folder: write_table(folder, "oracle", table),
        )
    except (ArtifactError, DatasetError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    if not table.num_rows:
        context.log.info("the source is not synthetic: the best possible score is unknown")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": table.num_rows,
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
