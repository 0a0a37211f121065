"""Reads the replica back through the database's own catalog and compares it with the source."""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.schemas.convert import canonical, canonical_nested, sqlite_value
from amodels_assets.schemas.plan import PlannedTable
from amodels_assets.schemas.types import parse_hive_type

BATCH_ROWS = 20_000
_MODULUS = 1 << 64


@dataclass(frozen=True)
class Comparison:
    """One table of the source beside its replica.

    Attributes:
        planned: The table as it should be.
        rows_source: Rows that the source has.
        rows_target: Rows that the replica has, -1 when the table is not there.
        problems: What differs, a sentence each.
    """

    planned: PlannedTable
    rows_source: int
    rows_target: int
    problems: tuple[str, ...]


def verify(
    connection: sa.Connection,
    planned: Sequence[PlannedTable],
    read_rows: Callable[[PlannedTable], pa.Table | None],
) -> list[Comparison]:
    """Compare every planned table with what is in the database now.

    Args:
        connection: To the replica.
        planned: Every table that should be there.
        read_rows: The source's rows of a table, None when it has none.
    """
    inspector = sa.inspect(connection)
    columns: dict[tuple[str | None, str], list[tuple[str, str]]] = {}
    for schema in {table.schema for table in planned}:
        for key, found in inspector.get_multi_columns(schema=schema).items():
            columns[key] = [
                (str(c["name"]), c["type"].compile(connection.dialect).upper()) for c in found
            ]
    compared = [_compare(connection, table, columns, read_rows) for table in planned]
    connection.rollback()
    return compared


def _compare(
    connection: sa.Connection,
    planned: PlannedTable,
    columns: dict[tuple[str | None, str], list[tuple[str, str]]],
    read_rows: Callable[[PlannedTable], pa.Table | None],
) -> Comparison:
    source = read_rows(planned) if planned.rows_version else None
    expected_rows = source.num_rows if source is not None else 0
    if planned.obstacle:
        return Comparison(planned, expected_rows, -1, (planned.obstacle,))
    found = columns.get((planned.schema, planned.target_name))
    if found is None:
        return Comparison(planned, expected_rows, -1, ("the table is missing",))
    table = planned.to_sqlalchemy(connection.dialect.name)
    wanted = [(str(c.name), c.type.compile(connection.dialect).upper()) for c in table.columns]
    if found != wanted:
        first = next((w for w, f in zip(wanted, found, strict=False) if w != f), None)
        shown = f"{first[0]} {first[1]}" if first else f"{len(wanted)} columns"
        problem = f"its columns differ, first where {shown} is expected"
        return Comparison(planned, expected_rows, -1, (problem,))
    count = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    problems = []
    if count != expected_rows:
        problems.append(f"{count} rows where the source has {expected_rows}")
    elif source is not None:
        problems += _content_problems(connection, planned, table, source)
    return Comparison(planned, expected_rows, count, tuple(problems))


def _content_problems(
    connection: sa.Connection, planned: PlannedTable, table: sa.Table, source: pa.Table
) -> list[str]:
    normalisers = [_normaliser(column.hive_type) for column in planned.columns]
    names = [column.name for column in planned.columns]
    kept = sqlite_value if connection.dialect.name == "sqlite" else None
    ours = _checksums(_arrow_columns(source.select(names)), normalisers, kept)
    # JSON as text: a driver's own reading of it would lose the digits of numbers.
    selected = [
        sa.cast(column, sa.Text) if isinstance(column.type, sa.JSON) else column
        for column in table.columns
    ]
    result = connection.execution_options(yield_per=BATCH_ROWS).execute(sa.select(*selected))
    theirs = _checksums((zip(*rows, strict=True) for rows in result.partitions()), normalisers)
    return [
        f"the content of column {name} differs"
        for name, a, b in zip(names, ours, theirs, strict=True)
        if a != b
    ]


def _arrow_columns(table: pa.Table) -> Iterator[Iterable[Sequence[Any]]]:
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        yield [column.to_pylist() for column in batch.columns]


def _checksums(
    batches: Iterable[Iterable[Sequence[Any]]],
    normalisers: list[Callable[[Any], object]],
    kept: Callable[[object], object] | None = None,
) -> list[int]:
    """One number per column that does not depend on the order of the rows.

    Args:
        batches: Rows, column by column.
        normalisers: One a column.
        kept: What the target makes of a value of the source.
    """
    totals = [0] * len(normalisers)
    for columns in batches:
        for position, (column, normalise) in enumerate(zip(columns, normalisers, strict=True)):
            # Equal values are looked at once: most columns repeat few of them.
            for value, count in _counted(column):
                text = canonical(normalise(kept(value) if kept else value))
                totals[position] = (totals[position] + count * _hash(text)) % _MODULUS
    return totals


def _counted(column: Sequence[Any]) -> Iterable[tuple[Any, int]]:
    try:
        return Counter(column).items()
    except (TypeError, ValueError):
        # Lists, dictionaries and memory views cannot be counted so.
        return ((value, 1) for value in column)


def _hash(text: str | None) -> int:
    if text is None:
        return 0x9E3779B97F4A7C15
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _normaliser(hive_type: str) -> Callable[[Any], object]:
    """Undoes what a database does to a value without changing what it means."""
    normalisers: dict[str, Callable[[Any], object]] = {
        "decimal": lambda value: Decimal(str(value)),
        "char": lambda value: str(value).rstrip(" "),
        "float": lambda value: value if isinstance(value, str) else _single_precision(value),
        "boolean": bool,
        "nested": canonical_nested,
    }
    normalise = normalisers.get(parse_hive_type(hive_type).base)
    if normalise is None:
        return lambda value: value
    return lambda value: None if value is None else normalise(value)


def _single_precision(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]
