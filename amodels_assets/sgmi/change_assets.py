"""The asset that tells other systems what changed in the catalog, where there is Redis."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore
from resources.artifact_store import ArtifactStoreResource
from resources.event_stream import EventStreamResource
from resources.redis_client import RedisUnavailableError

STREAM = "amodels:catalog-changes"
CATALOG = "sgmi/catalog"


@dg.asset(
    key=["sgmi", "change_events"],
    deps=[
        dg.AssetKey(["sgmi", name])
        for name in ("tables", "columns", "views", "jobs", "job_schedules", "diagnostics")
    ],
    group_name="sgmi",
    kinds={"python", "redis"},
    owners=["team:data-platform"],
    code_version="1",
)
def change_events(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    event_streams: EventStreamResource,
) -> dg.MaterializeResult:
    """What changed in the catalog, as a stream that other systems read.

    Each catalog's changes are added once, whoever materializes it and however often: the stream
    remembers up to which catalog it tells.
    """
    store = ArtifactStore(artifact_store.path())
    try:
        catalog = store.get(CATALOG)
        with event_streams.stream(STREAM) as stream:
            mark = stream.mark()
            events = [] if mark == catalog.data_version else changes_since(store, mark, catalog)
            added = mark != catalog.data_version and stream.add(
                events, before=mark, after=catalog.data_version
            )
    except (ArtifactError, RedisUnavailableError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    context.log.info("%d events", len(events) if added else 0)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(catalog.data_version),
        metadata={"dagster/row_count": len(events) if added else 0, "unchanged": not added},
    )


def changes_since(store: ArtifactStore, version: str, catalog: Artifact) -> list[dict[str, Any]]:
    """Events that lead from one catalog to another.

    Args:
        store: Holds earlier catalogs.
        version: Data version of the earlier one; empty for none.
        catalog: The later one.
    """
    from amodels_assets.sgmi.changes import CATALOG_TABLES, catalog_changes

    def tables(artifact: Artifact) -> Mapping[str, Any]:
        return {name: artifact.table(name) for name in CATALOG_TABLES}

    versions = {"catalog": catalog.data_version, "catalog_before": version}
    before = next((a for a in store.versions(CATALOG) if a.data_version == version), None)
    events = catalog_changes(tables(before) if before else {}, tables(catalog))
    told = [{**event, **versions} for event in events]
    if version and before is None:
        # Nobody can say what changed: readers have to take everything anew.
        told.insert(0, {"object": "catalog", "name": CATALOG, "change": "replaced", **versions})
    return told
