"""Values of a SQL database as Arrow arrays.

Belongs here: Python values of a driver, by the column's SQL type; keys as texts. Does not belong
here: statements (``replica_source.py``).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa


def values_of(values: Sequence[object], kind: sa.types.TypeEngine) -> pa.Array:
    """Values of one column.

    Numbers become float64, moments microseconds in UTC; what has no kind in a data set
    (times of day, intervals, bytes, documents) becomes binary, which readers leave out.

    Raises:
        ValueError, TypeError, OverflowError, pa.ArrowException: A value does not fit the type.
    """
    if isinstance(kind, sa.Boolean):
        return pa.array([None if v is None else bool(v) for v in values], pa.bool_())
    if isinstance(kind, (sa.Integer, sa.Numeric, sa.Float)):
        # All as floats: whole numbers may exceed 64 bits, and a model sees floats anyway.
        return pa.array([None if v is None else float(str(v)) for v in values], pa.float64())
    if isinstance(kind, sa.DateTime):
        return pa.array([_utc(v) for v in values], pa.timestamp("us"))
    if isinstance(kind, sa.Date):
        return pa.array(values, pa.date32())
    if isinstance(kind, (sa.String, sa.Enum, sa.Uuid)):
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.nulls(len(values), pa.binary())


def key_texts_of(values: Sequence[object]) -> pa.Array:
    """Keys as texts: the same key is the same text, whatever type its column has."""
    return pa.array([_key_text(value) for value in values], pa.string())


def joined_keys(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """One text for the values of several key columns; null where one of them is.

    Different values give different texts.
    """
    if len(columns) == 1:
        return columns[0]
    escaped = [
        pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), "|", "\\|")
        for column in columns
    ]
    return pc.binary_join_element_wise(*escaped, "|")


def _utc(value: object) -> object:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


def _key_text(value: object) -> str | None:
    if value is None or value != value:  # noqa: PLR0124 - what is not a number is no key
        return None
    if isinstance(value, float | Decimal):
        whole = math.isfinite(value) and value == int(value)
        return str(int(value)) if whole else str(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)
