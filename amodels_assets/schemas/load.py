"""Rows into a table, batch by batch, in the caller's transaction.

Belongs here: bulk loading, and replacing rows by key. Does not belong here: making the table
(``apply.py``) and what a value becomes (``convert.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.schemas.connect import execute_as_it_is, quoted_name_of
from amodels_assets.schemas.convert import for_sqlite
from amodels_assets.schemas.copy import copy_into

BATCH_ROWS = 20_000
# Each column is a term of one comparison, and SQLite's expressions have a greatest depth.
_MOST_COLUMNS_BY_KEY = 500
_STAGE = "amodels_stage"


def replace_rows(
    connection: sa.Connection,
    table: sa.Table,
    batches: Iterator[pa.RecordBatch],
    key: Sequence[str] = (),
    *,
    empty: bool = False,
) -> int:
    """Make these the table's rows, and give their number.

    With a key that is unique among them, rows that did not change are not touched. Otherwise all
    are replaced.

    Args:
        connection: In a transaction.
        table: Target, with the columns that the batches have, in their order.
        batches: Rows.
        key: Column names in the target; empty where no key is known.
        empty: Whether the table is known to have no rows.
    """
    names = {str(column.name) for column in table.columns}
    known = key and names.issuperset(key) and len(names) <= _MOST_COLUMNS_BY_KEY
    if empty or not known or not _comparable(connection, table):
        if not empty:
            clear(connection, table)
        return _fill(connection, table, batches)
    stage = _create_stage(connection, table)
    count = _fill(connection, stage, batches)
    if _is_unique(connection, stage, key, count):
        _merge(connection, table, stage, key)
    else:
        clear(connection, table)
        _insert_from(connection, table, stage, sa.true())
    if connection.dialect.name != "hana":
        connection.execute(sa.schema.DropTable(stage))
    return count


def _comparable(connection: sa.Connection, table: sa.Table) -> bool:
    """Whether the target can compare all columns: SAP HANA does not compare large objects."""
    large = sa.LargeBinary | sa.UnicodeText
    return connection.dialect.name != "hana" or not any(
        isinstance(column.type, large) for column in table.columns
    )


def _create_stage(connection: sa.Connection, table: sa.Table) -> sa.Table:
    """A temporary table with the same columns.

    Making and dropping one commits in SAP HANA, so both come before rows change there: the last
    one stays until the connection ends.
    """
    hana = connection.dialect.name == "hana"
    stage = sa.Table(
        f"#{_STAGE}" if hana else _STAGE,
        sa.MetaData(),
        *(sa.Column(c.name, c.type) for c in table.columns),
        prefixes=["LOCAL TEMPORARY COLUMN" if hana else "TEMPORARY"],
    )
    if hana and connection.info.pop(_STAGE, False):
        connection.execute(sa.schema.DropTable(stage))
    connection.execute(sa.schema.CreateTable(stage))
    if hana:
        connection.info[_STAGE] = True
    return stage


def _fill(connection: sa.Connection, table: sa.Table, batches: Iterator[pa.RecordBatch]) -> int:
    if connection.dialect.name == "postgresql":
        return copy_into(connection, table, batches)
    count = 0
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            rows = pa.table(batch.slice(start, BATCH_ROWS))
            if connection.dialect.name == "hana":
                from amodels_assets.schemas.hana import load_hana

                load_hana(connection, table, rows)
            else:
                _insert(connection, table, rows)
        count += batch.num_rows
    return count


def _insert(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    preparer = connection.dialect.identifier_preparer
    target = preparer.format_table(table)
    names = ", ".join(preparer.format_column(column) for column in table.columns)
    places = ", ".join("?" * rows.num_columns)
    statement = f"INSERT INTO {target} ({names}) VALUES ({places})"  # noqa: S608 (quoted names)
    connection.exec_driver_sql(statement, for_sqlite(rows))


def clear(connection: sa.Connection, table: sa.Table) -> None:
    """Remove all rows, in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        # Deleting would leave every old row in the file until it is vacuumed.
        target = quoted_name_of(connection, table.schema, table.name)
        execute_as_it_is(connection, f"TRUNCATE {target}")
    else:
        connection.execute(sa.delete(table))


def _is_unique(connection: sa.Connection, stage: sa.Table, key: Sequence[str], count: int) -> bool:
    columns = [stage.c[name] for name in key]
    complete = sa.and_(*(column.is_not(None) for column in columns))
    distinct = sa.select(*columns).where(complete).distinct().subquery()
    return connection.execute(sa.select(sa.func.count()).select_from(distinct)).scalar() == count


def _merge(connection: sa.Connection, table: sa.Table, stage: sa.Table, key: Sequence[str]) -> None:
    same_key = sa.and_(*(table.c[name] == stage.c[name] for name in key))
    same = sa.and_(
        same_key,
        *(
            table.c[c.name].is_not_distinct_from(stage.c[c.name])
            for c in stage.columns
            if c.name not in key
        ),
    )
    kept = sa.select(sa.literal_column("1")).select_from(stage).where(same)
    connection.execute(sa.delete(table).where(~kept.correlate(table).exists()))
    there = sa.select(sa.literal_column("1")).select_from(table).where(same_key)
    _insert_from(connection, table, stage, ~there.correlate(stage).exists())


def _insert_from(
    connection: sa.Connection,
    table: sa.Table,
    stage: sa.Table,
    condition: sa.ColumnElement[bool],
) -> None:
    names = [column.name for column in stage.columns]
    connection.execute(sa.insert(table).from_select(names, sa.select(stage).where(condition)))
