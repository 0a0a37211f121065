"""Reads the replica back through the database's own catalog and compares it with the source.

Belongs here: which tables, columns, rows and views differ. Does not belong here: mending it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.schemas.apply import ReadRows
from amodels_assets.schemas.checksum import NotComparableError, checksum
from amodels_assets.schemas.convert import sqlite_values
from amodels_assets.schemas.migration import Migration
from amodels_assets.schemas.plan import PlannedColumn, PlannedTable
from amodels_assets.schemas.read_back import ReplicaReader
from amodels_assets.schemas.state import TargetState
from amodels_assets.schemas.step import Key
from amodels_assets.schemas.views import PlannedView

_MODULUS = 1 << 64


@dataclass(frozen=True)
class Comparison:
    """One table or view of the source beside its replica.

    Attributes:
        key: Database and table in the source.
        rows_source: Rows that the source has; 0 for a view.
        rows_target: Rows that the replica has; -1 when they were not counted.
        problems: What differs, a sentence each.
        held_back: What is left to do and loses data, a sentence each.
    """

    key: Key
    rows_source: int
    rows_target: int
    problems: tuple[str, ...] = ()
    held_back: tuple[str, ...] = ()


def verify_tables(
    connection: sa.Connection, migrations: Sequence[Migration], read_rows: ReadRows
) -> list[Comparison]:
    """Compare every table with what is in the database now.

    Args:
        connection: To the replica.
        migrations: What would have to happen now.
        read_rows: The source's rows of a table, None when it has none.
    """
    with ReplicaReader(connection) as reader:
        compared = [_compare(reader, connection, migration, read_rows) for migration in migrations]
    connection.rollback()
    return compared


def _compare(
    reader: ReplicaReader, connection: sa.Connection, migration: Migration, read_rows: ReadRows
) -> Comparison:
    held = tuple(str(step) for step in migration.steps if step.loses_data)
    if migration.obstacle:
        return Comparison(migration.key, 0, -1, (migration.obstacle,))
    planned = migration.planned
    if planned is None:
        return Comparison(migration.key, 0, -1, held_back=held)
    problems = [str(s) for s in migration.steps if not s.loses_data or s.drift]
    if any(step.kind == "create_table" for step in migration.steps):
        return Comparison(migration.key, 0, -1, ("the table is missing",))
    if problems or any(step.kind == "remove_rows" for step in migration.steps):
        return Comparison(migration.key, 0, -1, tuple(problems), held)
    dialect = connection.dialect.name
    source = _source(planned, read_rows, dialect)
    rows_source, ours, _ = _checksums(source, planned.columns)
    rows_target, theirs, odd = _checksums(reader.batches(planned), planned.columns)
    if rows_source != rows_target:
        problems.append(f"{rows_target} rows where the source has {rows_source}")
    else:
        problems += [
            odd.get(column.name) or f"the content of column {column.name} differs"
            for column in planned.columns
            if column.name in odd or ours[column.name] != theirs[column.name]
        ]
    return Comparison(migration.key, rows_source, rows_target, tuple(problems), held)


def _source(planned: PlannedTable, read_rows: ReadRows, dialect: str) -> Iterator[pa.RecordBatch]:
    batches = read_rows(planned) if planned.rows_version else None
    names = [column.name for column in planned.columns]
    for batch in batches or ():
        rows = batch.select(names)
        # SQLite and SAP HANA have no NaN.
        yield sqlite_values(rows) if dialect in ("sqlite", "hana") else rows


def _checksums(
    batches: Iterator[pa.RecordBatch], columns: Sequence[PlannedColumn]
) -> tuple[int, dict[str, int], dict[str, str]]:
    """Rows, a number a column, and what is wrong with columns that have none."""
    rows, totals, odd = 0, dict.fromkeys((c.name for c in columns), 0), {}
    for batch in batches:
        rows += batch.num_rows
        for column, values in zip(columns, batch.columns, strict=True):
            try:
                found = checksum(values, column.hive_type)
            except NotComparableError as error:
                odd[column.name] = f"column {column.name} {error}"
            else:
                totals[column.name] = (totals[column.name] + found) % _MODULUS
    return rows, totals, odd


def verify_views(
    planned: Sequence[PlannedView], refused: Collection[Key], state: TargetState
) -> list[Comparison]:
    """Compare every view that can be made with what the database has now.

    Args:
        planned: Every view of the catalog.
        refused: Those that the target could not make.
        state: What the database has.
    """
    compared = []
    for view in planned:
        if view.obstacle or view.key in refused:
            continue
        found = state.views.get(view.place)
        problems = []
        if found is None:
            problems.append("the view is missing")
        elif tuple(found) != view.columns:
            problems.append("its columns are not those of the catalog")
        compared.append(Comparison(view.key, 0, -1, tuple(problems)))
    return compared
