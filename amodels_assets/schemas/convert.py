"""Arrow values as the target database keeps them, and in one canonical text for comparing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# Further digits are not spelled out: eleven characters can ask for a gigabyte of zeros.
_MOST_DIGITS = 100_000


def for_copy(table: pa.Table, json_columns: Collection[int] = ()) -> pa.Table:
    """Columns whose CSV text PostgreSQL's COPY reads: nested as JSON, binary as hex.

    Args:
        table: Rows.
        json_columns: Positions of columns that are JSON in the target. Text in them that is not
            JSON becomes a JSON string, so that nothing is lost.
    """
    arrays = []
    for position, column in enumerate(table.columns):
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            arrays.append(_mapped(column, lambda value: f"\\x{value.hex()}"))
        elif pa.types.is_nested(column.type):
            arrays.append(_mapped(column, as_json))
        elif position in json_columns:
            arrays.append(_mapped(column, _as_json_text))
        else:
            arrays.append(column)
    return pa.table(arrays, names=table.column_names)


def for_sqlite(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows of values that SQLite keeps exactly."""
    columns = [[sqlite_value(v) for v in column.to_pylist()] for column in table.columns]
    return list(zip(*columns, strict=True))


def sqlite_values(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows as SQLite gives them back: it has no NaN and keeps NULL instead."""
    arrays = [
        pc.if_else(pc.is_nan(column), None, column) if pa.types.is_floating(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


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
            text = _decimal_text(value)
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


def canonical_nested(value: object) -> str | None:
    """One text for a nested value: from Arrow, or as JSON text.

    Numbers are compared by their decimal digits (``1.0``, ``1`` and ``1e0`` are the same), keys in
    any order; text that is not JSON stands for itself.
    """
    plain = _parsed(value) if isinstance(value, str) else _plain(value)
    if plain is None:
        return None
    return json.dumps(_numbers_as_text(plain), sort_keys=True, ensure_ascii=False)


def _parsed(text: str) -> object:
    try:
        return json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_such_number
        )
    except (ValueError, ArithmeticError, RecursionError):
        return text


def _no_such_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _as_json_text(text: str) -> str:
    parsed = _parsed(text)
    return json.dumps(text, ensure_ascii=False) if parsed == text else text


def _numbers_as_text(value: object) -> object:
    if isinstance(value, list):
        return [_numbers_as_text(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _numbers_as_text(item) for key, item in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    return {"number": _decimal_text(Decimal(repr(value) if isinstance(value, float) else value))}


def _decimal_text(value: Decimal) -> str:
    """All digits, without an exponent and trailing zeros (``normalize`` would round to 28)."""
    if abs(value.adjusted()) > _MOST_DIGITS:
        return str(value)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _plain(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(v, tuple) for v in value):
        return {str(key): _plain(item) for key, item in value}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not isfinite(value):
        return _float_text(value)
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
