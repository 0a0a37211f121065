"""Small sources as artifacts, replicated and compared: what the tests of the replica stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.artifacts import Artifact, ArtifactStore, digest, write_table
from amodels_assets.schemas.apply import Outcome
from amodels_assets.schemas.connect import engine_for
from amodels_assets.schemas.plan import PlannedTable
from amodels_assets.schemas.replica import bring_up_to_date, compare, report_table
from amodels_assets.schemas.source import Source as ReplicaSource
from amodels_assets.schemas.verify import Comparison
from amodels_assets.sgmi.schema import SCHEMAS
from tests.integration.hana_database import content as hana_content

# By ``database.table``: Hive types by column, and rows.
Source = dict[str, tuple[dict[str, str], pa.Table | None]]
# By ``database.view``: its query, its columns, and what it reads.
Views = dict[str, tuple[str, list[str], list[str]]]


def catalog_of(
    source: Source, views: Views | None = None, keys: dict[str, list[str]] | None = None
) -> dict[str, pa.Table]:
    """The catalog's tables that the replica reads."""
    tables, columns, queries, lineage = [], [], [], []
    for key, (types, _) in source.items():
        database, _, table = key.partition(".")
        tables.append(
            _row("tables", database=database, table=table, kind="table",
                 comment="it's; \"a\" comment", primary_key=(keys or {}).get(key, []))
        )  # fmt: skip
        columns += [
            _row("columns", database=database, table=table, position=i, column=name, type=kind)
            for i, (name, kind) in enumerate(types.items())
        ]
    for key, (query, names, reads) in (views or {}).items():
        database, _, view = key.partition(".")
        tables.append(_row("tables", database=database, table=view, kind="view"))
        queries.append(_row("views", database=database, table=view, query=query))
        columns += [
            _row("columns", database=database, table=view, position=i, column=name)
            for i, name in enumerate(names)
        ]
        for read in reads:
            source_database, _, source_table = read.partition(".")
            lineage.append(
                _row("table_lineage", target_database=database, target_table=view,
                     source_database=source_database, source_table=source_table)
            )  # fmt: skip
    found = {"tables": tables, "columns": columns, "views": queries, "table_lineage": lineage}
    return {name: pa.Table.from_pylist(rows, schema=SCHEMAS[name]) for name, rows in found.items()}


def _row(of: str, /, **values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(SCHEMAS[of].names), **values}


def published(
    store: ArtifactStore, catalog: dict[str, pa.Table], source: Source
) -> tuple[Artifact, Artifact]:
    """The catalog and the rows as artifacts, of versions that their content decides."""

    def write_catalog(folder: Path) -> None:
        for name, table in catalog.items():
            write_table(folder, name, table)

    def write_rows(folder: Path) -> None:
        for key, (_, rows) in source.items():
            if rows is not None:
                path = folder / f"{key}.parquet"
                path.parent.mkdir(exist_ok=True)
                write_table(folder, key, rows)

    versions = {"content": str((catalog, source))}
    return (
        store.publish("sgmi/catalog", inputs=versions, code_version="1", produce=write_catalog),
        store.publish("sgmi/rows", inputs=versions, code_version="1", produce=write_rows),
    )


def source_in_memory(
    source: Source, views: Views | None = None, keys: dict[str, list[str]] | None = None
) -> ReplicaSource:
    """The source as the replica takes it."""

    def read(planned: PlannedTable) -> Iterator[pa.RecordBatch] | None:
        rows = source[f"{planned.database}.{planned.table}"][1]
        return None if rows is None else iter(rows.to_batches(max_chunksize=3))

    versions = {key: digest(str(rows)) for key, (_, rows) in source.items() if rows is not None}
    return ReplicaSource("version", catalog_of(source, views, keys), versions, read)


def replicate(
    url: str,
    source: Source,
    views: Views | None = None,
    keys: dict[str, list[str]] | None = None,
    **options: Any,
) -> tuple[list[Outcome], list[Comparison]]:
    """Bring a database to a source, and compare them."""
    taken = source_in_memory(source, views, keys)
    outcomes = bring_up_to_date(url, taken, **options)
    return outcomes, compare(url, taken, report_table(url, outcomes))


def apply(url: str, source: Source, **options: Any) -> list[tuple[str, str]]:
    """Replicate and verify; action and first problem of each table and view."""
    outcomes, compared = replicate(url, source, **options)
    problems = {c.key: "; ".join(c.problems) for c in compared}
    return [(outcome.action, problems.get(outcome.key, "")) for outcome in outcomes]


def differences(url: str, source: Source, views: Views | None = None) -> list[str]:
    """What a comparison finds, without replicating."""
    compared = compare(url, source_in_memory(source, views), report_table(url, []))
    return [f"{'.'.join(c.key)}: {text}" for c in compared for text in c.problems]


def content(url: str) -> dict[tuple[str | None, str], list[str]]:
    """All rows of all tables and views; of the replica's own record, what tells no time."""
    engine = engine_for(url)
    if engine.dialect.name == "hana":
        return hana_content(url)
    found = {}
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        for schema in [s for s in inspector.get_schema_names() if s != "information_schema"]:
            metadata = sa.MetaData()
            metadata.reflect(connection, schema=None if schema == "main" else schema, views=True)
            for table in metadata.tables.values():
                if table.name.endswith("applied_steps"):
                    continue
                columns = [c for c in table.columns if c.name not in ("applied_at",)]
                rows = connection.execute(sa.select(*columns))
                found[(table.schema, table.name)] = sorted(map(repr, rows))
    engine.dispose()
    return found
