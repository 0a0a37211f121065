"""Checks on the replica."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.quality.factory import recorded
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource

ARTIFACT = "schemas/replica"
KEY = dg.AssetKey(["schemas", "replica"])


@dg.asset_check(
    asset=KEY,
    name="replica_equals_source",
    description="Read back through the database's own catalog, every table has the source's "
    "columns, types, row count and, column by column, the same content.",
    blocking=True,
)
def replica_equals_source(
    artifact_store: ArtifactStoreResource, replica_database: DatabaseResource
) -> dg.AssetCheckResult:
    """Compare the live database with catalog and rows."""
    from amodels_assets.schemas.connect import ReplicaError
    from amodels_assets.schemas.report import compare

    store = ArtifactStore(artifact_store.path())
    try:
        report = store.get(ARTIFACT)
        compared = compare(replica_database.url, store.get("sgmi/catalog"), store.get("sgmi/rows"))
    except (ArtifactError, ReplicaError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    problems = [
        f"{c.planned.database}.{c.planned.table}: {problem}"
        for c in compared
        for problem in c.problems
    ]
    found = "; ".join(problems[:3])
    advice = "drop the tables named and materialize schemas/replica again"
    record = CheckRecord(
        check="replica_equals_source",
        data_version=report.data_version,
        passed=not problems,
        blocking=True,
        description=f"{len(problems)} differences: {found}; {advice}" if problems else "all equal",
        metadata={
            "tables": len(compared),
            "rows": sum(c.rows_source for c in compared),
            "differences": len(problems),
        },
    )
    return recorded(store, ARTIFACT, record, KEY)
