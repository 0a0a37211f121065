"""Arrow values as the target database keeps them, and in one canonical text for comparing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa


def for_copy(table: pa.Table) -> pa.Table:
    """Columns whose CSV text PostgreSQL's COPY reads: nested as JSON, binary as hex."""
    arrays = []
    for column in table.columns:
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            arrays.append(_mapped(column, lambda value: f"\\x{value.hex()}"))
        elif pa.types.is_nested(column.type):
            arrays.append(_mapped(column, as_json))
        elif pa.types.is_floating(column.type):
            # Shortest text that reads back as the same number, with PostgreSQL's names.
            arrays.append(_mapped(column, _float_text))
        else:
            arrays.append(column)
    return pa.table(arrays, names=table.column_names)


def for_sqlite(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows of values that SQLite keeps exactly."""
    columns = [[sqlite_value(v) for v in column.to_pylist()] for column in table.columns]
    return list(zip(*columns, strict=True))


def canonical(value: object) -> str | None:
    """One text for a value, whether it comes from Arrow or from a database.

    Booleans are 0 and 1, decimals without trailing zeros, times in ISO 8601 with a space, nested
    values in JSON with sorted keys, binary in Base64; None stays None.
    """
    text: str
    match value:
        case None:
            return None
        case bool():
            text = str(int(value))
        case Decimal():
            text = format(value.normalize() + 0, "f")
        case float():
            # Minus zero equals zero, and SQLite keeps it as that.
            text = repr(value + 0.0)
        case datetime():
            text = value.isoformat(sep=" ")
        case date():
            text = value.isoformat()
        case bytes() | memoryview():
            text = base64.b64encode(bytes(value)).decode()
        case list() | dict():
            text = as_json(value)
        case _:
            text = str(value)
    return text


def as_json(value: object) -> str:
    """JSON of a nested value; keys sorted, dates and decimals as text.

    A map comes from Arrow as a list of pairs and becomes an object.
    """
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(v, tuple) for v in value):
        return {str(key): _plain(item) for key, item in value}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return canonical(value)


def sqlite_value(value: object) -> object:
    """A value as SQLite keeps it; NaN, which SQLite does not have, is NULL."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 (only NaN differs from itself)
        return None
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    return canonical(value)


def _float_text(value: float) -> str:
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))


def _mapped(column: pa.ChunkedArray, function: Callable[[Any], str]) -> pa.Array:
    values = column.to_pylist()
    return pa.array([None if v is None else function(v) for v in values], pa.string())
