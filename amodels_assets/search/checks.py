"""Checks on the search index."""

from collections.abc import Callable

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.quality.factory import recorded
from amodels_assets.search.names import FILE_INDEX, POSTGRESQL_INDEX
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource

NAME = "index_has_the_catalog"
DESCRIPTION = "Every table, view, column and job of the catalog is in the index, nothing else."


@dg.asset_check(
    asset=dg.AssetKey(FILE_INDEX.split("/")), name=NAME, description=DESCRIPTION, blocking=True
)
def index_has_the_catalog(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare what the file holds with the catalog."""
    from amodels_assets.search.sqlite_index import FILE, names_in

    store = ArtifactStore(artifact_store.path())
    try:
        artifact = store.get(FILE_INDEX)
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    problem = _problem(store, lambda: names_in(artifact.path / FILE))
    record = CheckRecord(
        check=NAME,
        data_version=artifact.data_version,
        passed=not problem,
        blocking=True,
        description=problem or "all there",
        metadata={},
    )
    return recorded(store, FILE_INDEX, record, dg.AssetKey(FILE_INDEX.split("/")))


@dg.asset_check(
    asset=dg.AssetKey(POSTGRESQL_INDEX.split("/")),
    name=NAME,
    description=DESCRIPTION,
    blocking=True,
)
def postgresql_index_has_the_catalog(
    artifact_store: ArtifactStoreResource, replica_databases: DatabaseResource
) -> dg.AssetCheckResult:
    """Compare what PostgreSQL holds with the catalog."""
    from amodels_assets.schemas.connect import ReplicaError, connected
    from amodels_assets.search.postgresql_index import names_in

    store = ArtifactStore(artifact_store.path())
    try:
        with connected(replica_databases.url("postgresql")) as connection:
            problem = _problem(store, lambda: names_in(connection))
    except (ArtifactError, ReplicaError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return dg.AssetCheckResult(passed=not problem, description=problem or "all there")


def _problem(store: ArtifactStore, names: Callable[[], set[tuple[str, str]]]) -> str:
    from amodels_assets.search.documents import documents
    from amodels_assets.search.names import INDEXED

    catalog = store.get("sgmi/catalog")
    tables = {name: catalog.table(name) for name in INDEXED}
    wanted, found = {(d.kind, d.name) for d in documents(tables, {})}, names()
    missing, odd = sorted(wanted - found), sorted(found - wanted)
    if not missing and not odd:
        return ""
    first = " ".join((missing or odd)[0])
    return f"{len(missing)} are missing and {len(odd)} too many, {first} is the first"
