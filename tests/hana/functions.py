"""SAP HANA's functions that a replica's views may use, and what SQLite needs to know of them.

Belongs here: names and numbers of arguments by SAP's SQL reference, and stand-ins in Python for
those that SQLite lacks. Does not belong here: grammar (``query.py``).
"""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

# Fewest and most arguments, and whether it may take DISTINCT or a star.
FUNCTIONS: dict[str, tuple[int, int, bool]] = {
    "ABS": (1, 1, False), "ADD_DAYS": (2, 2, False), "AVG": (1, 1, True), "CEIL": (1, 1, False),
    "COALESCE": (2, 500, False), "COUNT": (1, 1, True), "DAYOFMONTH": (1, 1, False),
    "DAYS_BETWEEN": (2, 2, False), "DENSE_RANK": (0, 0, False), "FIRST_VALUE": (1, 1, False),
    "FLOOR": (1, 1, False), "IFNULL": (2, 2, False), "LAG": (1, 3, False),
    "LAST_VALUE": (1, 1, False), "LEAD": (1, 3, False), "LENGTH": (1, 1, False),
    "LOWER": (1, 1, False), "LTRIM": (1, 2, False), "MAX": (1, 1, True), "MIN": (1, 1, True),
    "MOD": (2, 2, False), "MONTH": (1, 1, False), "NULLIF": (2, 2, False), "RANK": (0, 0, False),
    "REPLACE": (3, 3, False), "ROUND": (1, 3, False), "ROW_NUMBER": (0, 0, False),
    "RTRIM": (1, 2, False), "SUBSTRING": (2, 3, False), "SUM": (1, 1, True),
    "TO_NVARCHAR": (1, 2, False), "TRIM": (1, 1, False), "UPPER": (1, 1, False),
    "YEAR": (1, 1, False),
}  # fmt: skip
# SAP HANA SQL Reference, "Date/Time Formats": those that a view of the replica may use.
_FORMATS = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH24": "%H", "MI": "%M", "SS": "%S"}


class ConversionError(Exception):
    """A value that is none of the type."""


def install(database: sqlite3.Connection) -> None:
    """Give SQLite the functions that it lacks, and casts as SAP HANA makes them."""
    for name, arguments, function in (
        ("ADD_DAYS", 2, _add_days),
        ("DAYS_BETWEEN", 2, _days_between),
        ("YEAR", 1, lambda x: _part(x, "year")),
        ("MONTH", 1, lambda x: _part(x, "month")),
        ("DAYOFMONTH", 1, lambda x: _part(x, "day")),
        ("MOD", 2, lambda a, b: None if a is None or b is None else _mod(a, b)),
        ("TO_NVARCHAR", -1, _to_nvarchar),
        ("HANA_CAST", 4, cast),
    ):
        database.create_function(name, arguments, function, deterministic=True)


def cast(value: Any, type_: str, length: int, scale: int) -> Any:
    """A value in another type, as the engine keeps it.

    Raises:
        ConversionError: It is none.
    """
    if value is None:
        return None
    try:
        return _cast(value, type_, length, scale)
    except (ValueError, InvalidOperation, TypeError) as error:
        raise ConversionError(f"cannot convert to {type_}: {value!r}") from error


def _cast(value: Any, type_: str, length: int, scale: int) -> Any:
    if type_ in ("SMALLINT", "INTEGER", "BIGINT"):
        bits = {"SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}[type_]
        number = int(Decimal(str(value)).to_integral_value(ROUND_HALF_UP))
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise ValueError(value)
        return number
    if type_ in ("REAL", "DOUBLE"):
        return float(value)
    if type_ == "DECIMAL":
        number = Decimal(str(value)).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
        if number.adjusted() >= length - scale and number:
            raise ValueError(value)
        return format(number, "f")
    if type_ == "DATE":
        return datetime.fromisoformat(str(value)).date().isoformat()
    if type_ == "TIMESTAMP":
        return datetime.fromisoformat(str(value)).isoformat(sep=" ")
    if type_ == "BOOLEAN":
        return {"true": 1, "1": 1, "false": 0, "0": 0}[str(value).lower()]
    if isinstance(value, bytes) != (type_ == "BLOB"):
        raise ValueError(value)
    if type_ == "NVARCHAR" and len(str(value)) > length:
        raise ValueError(value)
    return value if isinstance(value, bytes) else str(value)


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(str(value))


def _add_days(day: Any, number: Any) -> str | None:
    if day is None or number is None:
        return None
    return (date.fromisoformat(str(day)[:10]) + timedelta(days=int(number))).isoformat()


def _days_between(first: Any, second: Any) -> int | None:
    if first is None or second is None:
        return None
    return (_moment(second).date() - _moment(first).date()).days


def _part(value: Any, name: str) -> int | None:
    return None if value is None else getattr(_moment(value), name)


def _mod(a: Any, b: Any) -> Any:
    # The sign is that of the first, as in SAP HANA.
    remainder = Decimal(str(a)) % Decimal(str(b))
    return int(remainder) if remainder == int(remainder) else float(remainder)


def _to_nvarchar(value: Any, format_: str | None = None) -> str | None:
    if value is None or format_ is None:
        return None if value is None else str(value)
    for hana, python in _FORMATS.items():
        format_ = format_.replace(hana, python)
    return _moment(value).strftime(format_)
