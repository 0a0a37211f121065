"""The schemas room's assets: one replica for each configured target."""

from collections.abc import Iterable

import dagster as dg
from pydantic import Field

from amodels_assets.artifacts import ArtifactError, ArtifactStore, write_table
from amodels_assets.schemas.targets import Target
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource
from resources.locks import LockError, LockResource
from resources.redis_client import RedisUnavailableError

CODE_VERSION = "2"


class ReplicaConfig(dg.Config):
    """What a run may do.

    Attributes:
        allow_destructive: Also carry out steps that lose data: columns and tables that the catalog
            no longer has, types that hold less.
        reload: Tables, as ``database.table``, whose rows are loaded again although their source
            did not change.
    """

    allow_destructive: bool = False
    reload: list[str] = Field(default_factory=list)


def replica_assets(targets: Iterable[Target]) -> list[dg.AssetsDefinition]:
    """An asset for each target: they fail and succeed without each other."""
    return [_replica(target) for target in targets]


def _replica(target: Target) -> dg.AssetsDefinition:
    @dg.asset(
        key=target.artifact.split("/"),
        deps=[
            dg.AssetKey(["sgmi", name])
            for name in ("tables", "columns", "views", "table_lineage", "rows")
        ],
        group_name="schemas",
        kinds={"python", "sql", target.name},
        owners=["team:data-platform"],
        code_version=CODE_VERSION,
        description=f"The source's tables, views and rows in {target.title}, where people can "
        "query them with SQL.\n\nChanges of the source arrive as a migration: what loses data "
        "waits for permission. Each table changes in one transaction, so that a reader never "
        "sees half of one.",
    )
    def replica(
        context: dg.AssetExecutionContext,
        config: ReplicaConfig,
        artifact_store: ArtifactStoreResource,
        replica_databases: DatabaseResource,
        locks: LockResource,
    ) -> dg.MaterializeResult:
        from amodels_assets.schemas.connect import ReplicaError
        from amodels_assets.schemas.replica import bring_up_to_date, counts, report_table
        from amodels_assets.schemas.source import source_of

        store = ArtifactStore(artifact_store.path())
        url = replica_databases.url(target.name)
        reload = [
            (database, table) for database, _, table in (k.partition(".") for k in config.reload)
        ]
        try:
            catalog, rows = store.get("sgmi/catalog"), store.get("sgmi/rows")
            with locks.hold(target.artifact) as still_held:
                outcomes = bring_up_to_date(
                    url,
                    source_of(catalog, rows),
                    allow_destructive=config.allow_destructive,
                    reload=reload,
                    before_commit=still_held,
                    progress=context.log.info,
                )
                report = report_table(url, outcomes)
        except (ArtifactError, ReplicaError, LockError, RedisUnavailableError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        made = store.publish(
            target.artifact,
            inputs={
                **{
                    f"sgmi/{name}": catalog.file_version(f"{name}.parquet")
                    for name in ("tables", "columns", "views", "table_lineage")
                },
                "sgmi/rows": rows.data_version,
            },
            # What the database holds is evidence of its own: another target, another report.
            config={"report": report.to_pylist()},
            code_version=CODE_VERSION,
            produce=lambda folder: write_table(folder, "report", report),
        )
        for outcome in outcomes:
            name = ".".join(outcome.key)
            if outcome.action == "skipped":
                context.log.warning("%s: %s", name, outcome.reason)
            for step in outcome.held_back:
                context.log.warning("%s: held back because it loses data: %s", name, step)
        changed = any(outcome.steps for outcome in outcomes)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(made.data_version),
            metadata={
                "dagster/row_count": sum(row["rows"] or 0 for row in report.to_pylist()),
                **counts(outcomes),
                "held back": sum(len(outcome.held_back) for outcome in outcomes),
                "unchanged": made.unchanged and not changed,
                "path": dg.MetadataValue.path(str(made.path)),
            },
        )

    return replica
