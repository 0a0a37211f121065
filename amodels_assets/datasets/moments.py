"""Moments as whole seconds since 1970: what a data set compares.

Belongs here: turning dates and times into seconds without ever making a fact known earlier than it
was. Does not belong here: what a moment means.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

UNKNOWN_TIME = np.iinfo(np.int64).max
ALWAYS_KNOWN = np.iinfo(np.int64).min
# The years 1 to 9999: what a calendar date can say.
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def seconds(column: pa.ChunkedArray | pa.Array, *, up: bool = True) -> np.ndarray:
    """Dates or times as int64 seconds since 1970, ``UNKNOWN_TIME`` where null.

    Times with a zone are taken as UTC, those without as they stand.

    Args:
        column: Dates or times, any unit.
        up: Fractions are rounded up, so that a row never seems to be known earlier; for a cut-off
            they are rounded down, for the same reason.

    Raises:
        TypeError: The column holds neither dates nor times.
    """
    kind = column.type
    if pa.types.is_date32(kind):
        numbers, parts, factor = column.cast(pa.int32()).cast(pa.int64()), 1, 86_400
    elif pa.types.is_date64(kind):
        numbers, parts, factor = column.cast(pa.int64()), 1_000, 1
    elif pa.types.is_timestamp(kind):
        numbers, parts, factor = column.cast(pa.int64()), _PER_SECOND[kind.unit], 1
    else:
        raise TypeError(f"a column of type {kind} holds no times")
    values = pc.fill_null(numbers, 0).to_numpy().astype(np.int64, copy=False)
    whole = values * factor if parts == 1 else values // parts
    if up and parts > 1:
        whole = whole + (values % parts > 0)
    if not column.null_count:
        return whole
    return np.where(pc.is_null(column).to_numpy(zero_copy_only=False), UNKNOWN_TIME, whole)


def seconds_of(moment: datetime) -> int:
    """A moment without a zone in seconds since 1970."""
    since = moment - datetime(1970, 1, 1)
    return since.days * 86_400 + since.seconds


def as_text(second: int) -> str:
    """Seconds since 1970 as a date, with the time of day where it is not midnight."""
    text = str(np.datetime64(int(second), "s"))
    return text.removesuffix("T00:00:00")
