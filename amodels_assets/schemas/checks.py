"""Checks on the replicas."""

from collections.abc import Iterable

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.quality.factory import recorded
from amodels_assets.schemas.targets import Target
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource

EQUAL = "replica_equals_source"
COMPLETE = "replica_has_nothing_held_back"


def replica_checks(targets: Iterable[Target]) -> list[dg.AssetChecksDefinition]:
    """The checks of each target's replica."""
    return [_checks(target) for target in targets]


def _checks(target: Target) -> dg.AssetChecksDefinition:
    key = dg.AssetKey(target.artifact.split("/"))

    @dg.multi_asset_check(
        name=f"schemas_{target.name}_checks",
        specs=[
            dg.AssetCheckSpec(
                EQUAL,
                asset=key,
                description="Read back through the database's own catalog, every table has the "
                "source's columns, types, row count and, column by column, the same content; "
                "every view that the target can run has the catalog's columns.",
                blocking=True,
            ),
            dg.AssetCheckSpec(
                COMPLETE,
                asset=key,
                description="No step waits for permission because it loses data.",
            ),
        ],
    )
    def checks(
        artifact_store: ArtifactStoreResource, replica_databases: DatabaseResource
    ) -> Iterable[dg.AssetCheckResult]:
        from amodels_assets.schemas.connect import ReplicaError
        from amodels_assets.schemas.replica import compare
        from amodels_assets.schemas.source import source_of

        store = ArtifactStore(artifact_store.path())
        try:
            report = store.get(target.artifact)
            compared = compare(
                replica_databases.url(target.name),
                source_of(store.get("sgmi/catalog"), store.get("sgmi/rows")),
                report.table("report"),
            )
        except (ArtifactError, ReplicaError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        problems, held = (
            [f"{'.'.join(c.key)}: {text}" for c in compared for text in getattr(c, part)]
            for part in ("problems", "held_back")
        )
        figures = {
            "tables and views": len(compared),
            "rows": sum(c.rows_source for c in compared),
        }
        equal = CheckRecord(
            check=EQUAL,
            data_version=report.data_version,
            passed=not problems,
            blocking=True,
            description=_description(
                problems,
                "differences",
                f"see `amodels schemas plan`; where somebody changed rows, say `amodels schemas "
                f"apply --target {target.name} --reload DATABASE.TABLE`",
            ),
            metadata={**figures, "differences": len(problems)},
        )
        complete = CheckRecord(
            check=COMPLETE,
            data_version=report.data_version,
            passed=not held,
            blocking=False,
            description=_description(
                held, "steps lose data and wait", "allow them with --allow-destructive"
            ),
            metadata={"held back": len(held)},
        )
        yield recorded(store, target.artifact, equal, key)
        yield recorded(store, target.artifact, complete, key)

    return checks


def _description(found: list[str], what: str, advice: str) -> str:
    if not found:
        return "all equal" if what == "differences" else "nothing"
    return f"{len(found)} {what}: {'; '.join(found[:3])}; {advice}"
