"""The schemas room's asset."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, write_table
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource

CODE_VERSION = "1"


@dg.asset(
    key=["schemas", "replica"],
    deps=[
        dg.AssetKey(["sgmi", "tables"]),
        dg.AssetKey(["sgmi", "columns"]),
        dg.AssetKey(["sgmi", "rows"]),
    ],
    group_name="schemas",
    kinds={"python", "sql"},
    owners=["team:data-platform"],
    code_version=CODE_VERSION,
)
def replica(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    replica_database: DatabaseResource,
) -> dg.MaterializeResult:
    """The source's tables and rows in a database where people can query them with SQL.

    Tables that did not change are left alone; one transaction a table, so that a reader never sees
    half of one.
    """
    from collections import Counter

    from amodels_assets.schemas.connect import ReplicaError
    from amodels_assets.schemas.report import bring_up_to_date, report_table

    store = ArtifactStore(artifact_store.path())
    try:
        catalog, rows = store.get("sgmi/catalog"), store.get("sgmi/rows")
        outcomes = bring_up_to_date(replica_database.url, catalog, rows)
    except (ArtifactError, ReplicaError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    report = report_table(outcomes)
    made = store.publish(
        "schemas/replica",
        inputs={
            "sgmi/tables": catalog.file_version("tables.parquet"),
            "sgmi/columns": catalog.file_version("columns.parquet"),
            "sgmi/rows": rows.data_version,
        },
        # What the database holds is evidence of its own: another target, another report.
        config={"report": report.to_pylist()},
        code_version=CODE_VERSION,
        produce=lambda folder: write_table(folder, "report", report),
    )
    actions = Counter(outcome.action for outcome in outcomes)
    skipped = [o for o in outcomes if o.action == "skipped"]
    for outcome in skipped:
        planned = outcome.planned
        context.log.warning("%s.%s: %s", planned.database, planned.table, outcome.reason)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": len(outcomes),
            **{action: actions[action] for action in ("created", "replaced", "skipped")},
            "unchanged": made.unchanged and actions["unchanged"] + len(skipped) == len(outcomes),
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
