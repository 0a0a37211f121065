"""Source rows as the declaration wants them: typed, keyed, sorted.

Belongs here: casting columns by kind, refusing what cannot be cast, keys as texts. Does not belong
here: splits (``split.py``) and statistics (``statistics.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.moments import EARLIEST, LATEST, UNKNOWN_TIME, seconds
from amodels_assets.datasets.relational import RelationalSpec, TableSpec


def typed_table(rows: Mapping[str, pa.Table], spec: RelationalSpec, table: TableSpec) -> pa.Table:
    """The rows of one table, sorted by primary key, with the declared columns only.

    Numbers become float64 and what is not finite null; keys, categories and texts become strings;
    times lose their zone, in UTC.

    Raises:
        DatasetError: The table or a column is missing, a value cannot be what is declared, or the
            primary key is none.
    """
    source = rows.get(table.name)
    if source is None:
        raise DatasetError(f"there are no rows of {table.name}: add its file to the source's rows")
    names = spec.stored_columns(table)
    missing = [name for name in names if name not in source.column_names]
    if missing:
        raise DatasetError(
            f"the rows of {table.name} lack the column {missing[0]}: add it or take it from the "
            "declaration"
        )
    repeated = [name for name in names if source.column_names.count(name) > 1]
    if repeated:
        raise DatasetError(f"the rows of {table.name} have {repeated[0]} twice: rename one of them")
    split = spec.task.split_column if table.name == spec.task.table else None
    arrays = [_cast(source[name], table, name, text=name == split) for name in names]
    typed = pa.table(arrays, names=names)
    key = typed[table.primary_key]
    if key.null_count:
        raise DatasetError(
            f"{table.name}.{table.primary_key} is null in {key.null_count} rows: a primary key "
            "must be given in every row"
        )
    if pc.count_distinct(key).as_py() != typed.num_rows:
        raise DatasetError(
            f"{table.name}.{table.primary_key} is no primary key: values repeat, name another "
            "column or add one that numbers the rows"
        )
    return typed.sort_by(table.primary_key).combine_chunks()


def dangling_keys(spec: RelationalSpec, tables: Mapping[str, pa.Table]) -> dict[str, int]:
    """Foreign keys that point to no row, by ``table.column``; such a row has no parent there."""
    found = {}
    for table in spec.tables:
        for column, parent in table.foreign_keys.items():
            keys = tables[parent][spec.table(parent).primary_key]
            known = pc.is_in(tables[table.name][column], value_set=keys)
            null = tables[table.name][column].null_count
            unknown = len(known) - int(pc.sum(known).as_py() or 0)
            found[f"{table.name}.{column}"] = unknown - null
    return found


def key_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Keys or categories as texts: a whole number is written the same, whatever its type.

    A reader that met nulls may hold whole numbers as floats or decimals; ``5.0`` and ``5`` are the
    same key.
    """
    kind = column.type
    if pa.types.is_decimal(kind) and kind.scale > 0:
        try:
            return column.cast(pa.decimal256(76, 0)).cast(pa.string())
        except pa.ArrowInvalid:
            # Some have digits behind the point.
            return column.cast(pa.string())
    if pa.types.is_floating(kind):
        values = column.cast(pa.float64())
        real = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
        limit = float(2**53)
        odd = pc.or_(pc.not_equal(pc.floor(real), real), pc.greater(pc.abs(real), limit))
        if not pc.any(odd).as_py():
            return real.cast(pa.int64()).cast(pa.string())
        return real.cast(pa.string())
    return column.cast(pa.string())


def _cast(column: pa.ChunkedArray, table: TableSpec, name: str, *, text: bool) -> pa.ChunkedArray:
    keys = {table.primary_key, *table.foreign_keys}
    kind = "key" if name in keys else table.columns.get(name, "text" if text else "datetime")
    try:
        if kind in ("key", "categorical"):
            return key_texts(column)
        if kind == "numeric":
            return _numbers(column)
        if kind == "boolean":
            return column.cast(pa.bool_())
        if kind == "datetime":
            return _times(column, f"{table.name}.{name}")
        return column.cast(pa.string())
    except pa.ArrowException as error:
        raise DatasetError(
            f"{table.name}.{name} has the type {column.type} and cannot be read as {kind}: "
            "declare another kind or correct the values"
        ) from error


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # Decimals hold more digits than a float: rounding is meant here.
    values = column.cast(pa.float64(), safe=False)
    finite = pc.fill_null(pc.is_finite(values), False)
    return pc.if_else(finite, values, pa.scalar(None, pa.float64()))


def _times(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind):
        times = column.cast(pa.timestamp(kind.unit))
    elif pa.types.is_date(kind):
        times = column
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        times = column.cast(pa.timestamp("us"))
    else:
        # A number could count seconds or days, from whatever year.
        raise DatasetError(
            f"{name} has the type {kind} and cannot be read as datetime: make it a date or "
            "timestamp before"
        )
    moments = seconds(times)
    wrong = (moments != UNKNOWN_TIME) & ((moments < EARLIEST) | (moments > LATEST))
    if wrong.any():
        raise DatasetError(
            f"{name} holds a time outside of the years 1 to 9999 in row "
            f"{int(np.flatnonzero(wrong)[0]) + 1}: correct it or make it null"
        )
    return times
