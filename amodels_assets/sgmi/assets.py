"""The sgmi room's assets: the source dumps as observed, the catalog's tables, the rows."""

import warnings
from collections.abc import Iterator, Mapping

import dagster as dg

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore
from amodels_assets.settings import from_environment
from resources.artifact_store import ArtifactStoreResource
from resources.sgmi_source import SgmiSourceResource

CODE_VERSION = "3"
GROUP = "sgmi"
OWNERS = ["team:data-platform"]
CATALOG = "sgmi/catalog"
PREVIOUS = "sgmi/catalog before"
ROWS = "sgmi/rows"
LIBRARIES = ("pyarrow", "sqlglot")

TABLES: dict[str, str] = {
    "databases": "The warehouse's databases and where they lie.",
    "tables": "Every table and view with its format, location, properties, and what is wrong "
    "with its definition.",
    "columns": "Every column of every table and view, in order, with its type: what data there is.",
    "views": "Every view with its query.",
    "column_lineage": "Where each column of a view comes from and how the source matters: what a "
    "change of a column breaks.",
    "column_lineage_base": "The same, followed through views down to the base tables.",
    "table_lineage": "Which tables and views each view reads.",
    "jobs": "The Control-M jobs that load the warehouse, with their commands.",
    "job_edges": "Which job waits for which: what is late when a job is late.",
    "job_conditions": "Conditions that jobs wait for, add and delete, and which come from outside.",
    "job_schedules": "When each job runs, as a cron line where cron can say it, and what it cannot "
    "say.",
    "job_tables": "Which job reads or writes which table, with the line of the script that says "
    "so.",
    "diagnostics": "What is wrong with the dumps and exports, with file and line.",
}


def _observed(name: str, part: str, description: str) -> dg.SourceAsset:
    """A part of the source directory; its data version is the content hash of its files."""
    with warnings.catch_warnings():
        # Said once here, rather than on every load of the definitions.
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.observable_source_asset(
            key=["sgmi", name],
            group_name=GROUP,
            description=description,
            tags={"dagster/kind/file": ""},
        )
        def observe(sgmi_source: SgmiSourceResource) -> dg.DataVersion:
            from amodels_assets.sgmi.source import SourceError, source_versions

            try:
                return dg.DataVersion(source_versions(sgmi_source.path())[part])
            except SourceError as error:
                raise dg.Failure(description=str(error), allow_retries=False) from error

    return observe


hive_ddl = _observed(
    "hive_ddl", "hive_ddl", "The warehouse's own account of itself: SHOW CREATE TABLE dumps."
)
controlm = _observed("controlm", "controlm", "Exports of the Control-M jobs, XML and JSON.")
scripts = _observed("scripts", "scripts", "What the jobs run: shell, SQL and properties files.")
source_rows = _observed("source_rows", "rows", "Exported contents of tables.")


@dg.multi_asset(
    name="sgmi_catalog",
    can_subset=True,
    specs=[
        dg.AssetSpec(
            ["sgmi", table],
            description=description,
            group_name=GROUP,
            kinds={"python", "parquet"},
            owners=OWNERS,
            code_version=CODE_VERSION,
            skippable=True,
            deps=[
                dg.AssetKey(["sgmi", "hive_ddl"]),
                dg.AssetKey(["sgmi", "controlm"]),
                dg.AssetKey(["sgmi", "scripts"]),
            ],
        )
        for table, description in TABLES.items()
    ],
)
def catalog(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    sgmi_source: SgmiSourceResource,
) -> Iterator[dg.MaterializeResult]:
    """Read the source directory into the catalog."""
    from amodels_assets.sgmi.catalog import build_catalog, write_catalog
    from amodels_assets.sgmi.source import SourceError, source_versions

    store = ArtifactStore(artifact_store.path())
    source = sgmi_source.path()
    timezone = from_environment().timezone
    try:
        versions = source_versions(source)
        inputs = {f"sgmi/{part}": versions[part] for part in ("hive_ddl", "controlm", "scripts")}
        previous = _catalog_before(store, inputs)
        artifact = store.publish(
            CATALOG,
            inputs=inputs | ({PREVIOUS: previous.data_version} if previous else {}),
            code_version=CODE_VERSION,
            config={"timezone": timezone},
            libraries=LIBRARIES,
            produce=lambda folder: write_catalog(
                build_catalog(
                    source,
                    progress=context.log.info,
                    timezone=timezone,
                    previous=lambda: previous.table("columns") if previous else None,
                ),
                folder,
            ),
        )
        # They are read together in any case; a selection only says what is reported.
        selected = {key.path[-1] for key in context.selected_asset_keys}
        for table in filter(selected.__contains__, TABLES):
            yield dg.MaterializeResult(
                asset_key=["sgmi", table],
                data_version=dg.DataVersion(artifact.file_version(f"{table}.parquet")),
                metadata=_table_metadata(artifact, table),
            )
    except (SourceError, ArtifactError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


@dg.asset(
    key=["sgmi", "rows"],
    group_name=GROUP,
    kinds={"python", "parquet"},
    owners=OWNERS,
    code_version=CODE_VERSION,
    deps=[
        dg.AssetKey(["sgmi", "columns"]),
        # Not read, but a source of which something was lost must not go further.
        dg.AssetKey(["sgmi", "diagnostics"]),
        dg.AssetKey(["sgmi", "source_rows"]),
    ],
)
def rows(
    artifact_store: ArtifactStoreResource, sgmi_source: SgmiSourceResource
) -> dg.MaterializeResult:
    """Contents of the tables that were exported with rows, typed as the catalog says."""
    from amodels_assets.sgmi.rows import write_rows
    from amodels_assets.sgmi.source import SourceError, source_versions

    store = ArtifactStore(artifact_store.path())
    source = sgmi_source.path()
    try:
        columns = store.get(CATALOG).table("columns")
        artifact = store.publish(
            ROWS,
            inputs={
                "sgmi/columns": store.get(CATALOG).file_version("columns.parquet"),
                "sgmi/source_rows": source_versions(source)["rows"],
            },
            code_version=CODE_VERSION,
            libraries=LIBRARIES[:1],
            produce=lambda folder: write_rows(source, columns, folder),
        )
        faults = artifact.table("row_diagnostics")
    except (SourceError, ArtifactError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    counts = _row_counts(artifact)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(artifact.data_version),
        metadata={
            "dagster/row_count": sum(counts.values()),
            "tables": dg.MetadataValue.md(
                "\n".join(
                    [
                        "| table | rows |",
                        "|---|---|",
                        *(f"| {n} | {c} |" for n, c in counts.items()),
                    ]
                )
            ),
            "diagnostics": dg.MetadataValue.md(_summary(faults.to_pylist())),
            "path": dg.MetadataValue.path(str(artifact.path)),
            "unchanged": artifact.unchanged,
        },
    )


def _catalog_before(store: ArtifactStore, inputs: Mapping[str, str]) -> Artifact | None:
    """The newest catalog of another source than this: what the profile tells changes from.

    Of the same source it is what the current catalog was compared with, so that materializing
    twice changes nothing.
    """
    current = store.find(CATALOG)
    if current is None:
        return None
    read = dict(current.manifest.inputs)
    before = read.pop(PREVIOUS, None)
    if read != inputs:
        return current
    return next((a for a in store.versions(CATALOG) if a.data_version == before), None)


def _row_counts(artifact: Artifact) -> dict[str, int]:
    import pyarrow.parquet as pq

    names = [n for n in artifact.manifest.files if n != "row_diagnostics.parquet"]
    return {
        name.removesuffix(".parquet"): pq.read_metadata(artifact.path / name).num_rows
        for name in sorted(names)
    }


def _table_metadata(artifact: Artifact, name: str) -> dict[str, dg.MetadataValue]:
    table = artifact.table(name)
    schema = dg.TableSchema([dg.TableColumn(f.name, str(f.type)) for f in table.schema])
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(table.num_rows),
        "dagster/column_schema": dg.MetadataValue.table_schema(schema),
        "path": dg.MetadataValue.path(str(artifact.path / f"{name}.parquet")),
        "unchanged": dg.MetadataValue.bool(artifact.unchanged),
    }
    if name == "diagnostics":
        metadata["summary"] = dg.MetadataValue.md(_summary(table.to_pylist()))
    return metadata


def _summary(diagnostics: list[dict[str, object]]) -> str:
    """Faults by severity and kind, with the first place of each, as a Markdown table."""
    if not diagnostics:
        return "nothing is wrong with the input"
    order = ("error", "warning", "info")
    kinds: dict[tuple[int, str], list[dict[str, object]]] = {}
    for fault in diagnostics:
        key = (order.index(str(fault["severity"])), str(fault["code"]))
        kinds.setdefault(key, []).append(fault)
    lines = ["| severity | code | number | first |", "|---|---|---|---|"]
    for (severity, code), faults in sorted(kinds.items()):
        first = f"{faults[0]['file']}:{faults[0]['line']}"
        lines.append(f"| {order[severity]} | {code} | {len(faults)} | {first} |")
    return "\n".join(lines)
