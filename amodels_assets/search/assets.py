"""The search room's assets: an index in a file, and one in PostgreSQL where that is configured."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.search.names import FILE_INDEX, INDEXED, POSTGRESQL_INDEX
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource
from resources.sgmi_source import SgmiSourceResource

CODE_VERSION = "1"
DEPS = [dg.AssetKey(["sgmi", name]) for name in (*INDEXED, "scripts", "diagnostics")]


@dg.asset(
    key=FILE_INDEX.split("/"),
    deps=DEPS,
    group_name="search",
    kinds={"python", "sqlite"},
    owners=["team:data-platform"],
    code_version=CODE_VERSION,
)
def search_index(
    artifact_store: ArtifactStoreResource, sgmi_source: SgmiSourceResource
) -> dg.MaterializeResult:
    """Finds tables, views, columns and jobs by words in their names, comments and scripts.

    `amodels search WORDS` asks it.
    """
    from amodels_assets.artifacts import digest
    from amodels_assets.search.documents import documents
    from amodels_assets.search.sqlite_index import FILE, names_in, write_index

    store = ArtifactStore(artifact_store.path())
    with _clear_failures():
        catalog = store.get("sgmi/catalog")
        scripts = _scripts(sgmi_source)
        tables = {name: catalog.table(name) for name in INDEXED}
        made = store.publish(
            FILE_INDEX,
            inputs={
                **{f"sgmi/{name}": catalog.file_version(f"{name}.parquet") for name in INDEXED},
                "sgmi/scripts": digest(scripts),
            },
            code_version=CODE_VERSION,
            produce=lambda folder: write_index(folder / FILE, documents(tables, scripts)),
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": len(names_in(made.path / FILE)),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )


@dg.asset(
    key=POSTGRESQL_INDEX.split("/"),
    deps=DEPS,
    group_name="search",
    kinds={"python", "postgresql"},
    owners=["team:data-platform"],
    code_version=CODE_VERSION,
)
def postgresql_search_index(
    artifact_store: ArtifactStoreResource,
    sgmi_source: SgmiSourceResource,
    replica_databases: DatabaseResource,
) -> dg.MaterializeResult:
    """The same index in PostgreSQL, in a schema of its own, replaced in one transaction."""
    from amodels_assets.artifacts import digest
    from amodels_assets.schemas.connect import connected
    from amodels_assets.search.documents import documents
    from amodels_assets.search.postgresql_index import replace_index

    store = ArtifactStore(artifact_store.path())
    with _clear_failures():
        catalog = store.get("sgmi/catalog")
        scripts = _scripts(sgmi_source)
        tables = {name: catalog.table(name) for name in INDEXED}
        with connected(replica_databases.url("postgresql")) as connection:
            count = replace_index(connection, documents(tables, scripts))
    version = digest([catalog.data_version, scripts, CODE_VERSION])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version), metadata={"dagster/row_count": count}
    )


def _scripts(source: SgmiSourceResource) -> dict[str, str]:
    from amodels_assets.sgmi.diagnostics import Diagnostics
    from amodels_assets.sgmi.job_files import read_scripts

    # What cannot be read is in the catalog's diagnostics already.
    return dict(read_scripts(source.path(), Diagnostics()))


@contextmanager
def _clear_failures() -> Generator[None]:
    from amodels_assets.schemas.connect import ReplicaError

    try:
        yield
    except (ArtifactError, ReplicaError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
