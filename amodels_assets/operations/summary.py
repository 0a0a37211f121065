"""What the record adds up to.

Belongs here: queries, with plain rows as answers. Does not belong here: how they are shown
(``page.py``, the command line).

Details that were pruned are counted by the day that they began on; a window that begins within
such a day has all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from amodels_assets.operations.operation import FAILURES
from amodels_assets.operations.schema import BY_DAY, OPERATIONS

FIGURES = ("seconds", "cpu_seconds", "gpu_seconds", "energy_joules", "cost")
Row = dict[str, Any]


def day_of(moment: float) -> str:
    """The day of a moment, in UTC.

    Args:
        moment: Seconds since 1970.
    """
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def summary(connection: sa.Connection, since: float) -> list[Row]:
    """How much of each kind, room and status there was, and what it took.

    Args:
        connection: To the record.
        since: Seconds since 1970; what began before is left out.

    Returns:
        Rows with ``kind``, ``room``, ``status``, ``count`` and ``FIGURES``. Figures are None where
        none of the row's operations has one.
    """
    return _grouped(connection, ("kind", "room", "status"), since)


def failures(connection: sa.Connection, since: float) -> list[Row]:
    """What went wrong, most often first: kind, name, status, error class, how often, and last when.

    Args:
        connection: To the record.
        since: As for :func:`summary`.
    """
    groups = ("kind", "name", "status", "error_class")
    rows = _grouped(connection, groups, since, statuses=sorted(FAILURES))
    table = OPERATIONS.c
    query = (
        sa.select(*(table[name] for name in groups), sa.func.max(table.started_at).label("last"))
        .where(table.status.in_(sorted(FAILURES)), table.started_at >= since)
        .group_by(*(table[name] for name in groups))
    )
    last = {tuple(row[:-1]): row[-1] for row in connection.execute(query)}
    keys = ("kind", "name", "status", "error_class", "count")
    found = [
        {**{key: row[key] for key in keys}, "last": last.get(tuple(row[g] for g in groups))}
        for row in rows
    ]
    return sorted(found, key=lambda row: (-row["count"], row["kind"], row["name"]))


def costs(connection: sa.Connection, since: float) -> list[Row]:
    """What steps used, dearest first: room, step, how often, and figures.

    Args:
        connection: To the record.
        since: As for :func:`summary`.
    """
    rows = _grouped(connection, ("room", "name"), since, kind="step")
    return sorted(
        rows, key=lambda row: (-(row["cost"] or 0), -(row["cpu_seconds"] or 0), row["name"])
    )


def by_day(connection: sa.Connection, since: float) -> list[Row]:
    """Steps by day, room and status, with figures; oldest day first.

    Args:
        connection: To the record.
        since: As for :func:`summary`.
    """
    rows = _grouped(connection, ("day", "room", "status"), since, kind="step")
    return sorted(rows, key=lambda row: (row["day"], row["room"], row["status"]))


def _grouped(
    connection: sa.Connection,
    groups: Sequence[str],
    since: float,
    *,
    kind: str | None = None,
    statuses: Sequence[str] | None = None,
) -> list[Row]:
    details, days = OPERATIONS.c, BY_DAY.c
    of_details = _sums(_keys(connection, groups), [details.started_at >= since], OPERATIONS)
    of_days = _sums([days[name] for name in groups], [days.day >= day_of(since)], BY_DAY)
    found: dict[tuple[Any, ...], Row] = {}
    for query, table in ((of_details, details), (of_days, days)):
        limited = query if kind is None else query.where(table.kind == kind)
        if statuses is not None:
            limited = limited.where(table.status.in_(statuses))
        for row in connection.execute(limited).mappings():
            key = tuple(row[name] for name in groups)
            known = found.setdefault(key, dict(zip(groups, key, strict=True)))
            for name in ("count", *FIGURES):
                known[name] = added(known.get(name), row[name])
    return [found[key] for key in sorted(found)]


def added(one: float | None, other: float | None) -> float | None:
    """The sum of what is known."""
    known = [value for value in (one, other) if value is not None]
    return sum(known) if known else None


def _keys(connection: sa.Connection, groups: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    day = day_column(connection)
    return [day if name == "day" else OPERATIONS.c[name] for name in groups]


def day_column(connection: sa.Connection) -> sa.ColumnElement[str]:
    """The day that an operation began on, in UTC, as ``day_of`` writes it."""
    began = OPERATIONS.c.started_at
    if connection.dialect.name == "postgresql":
        moment = sa.func.timezone("UTC", sa.func.to_timestamp(began))
        return sa.func.to_char(moment, "YYYY-MM-DD").label("day")
    return sa.func.date(began, "unixepoch").label("day")


def _sums(
    keys: Sequence[sa.ColumnElement[Any]], where: Sequence[sa.ColumnElement[bool]], table: sa.Table
) -> sa.Select[Any]:
    sums = [sa.func.sum(table.c[name]).label(name) for name in FIGURES]
    # PostgreSQL adds whole numbers up to decimals.
    count = sa.cast(sa.func.sum(table.c.count), sa.BigInteger).label("count")
    # Grouped by position: a function with a bound value would not be seen as the same one.
    positions = [sa.literal_column(str(number + 1)) for number in range(len(keys))]
    return sa.select(*keys, count, *sums).where(*where).group_by(*positions)
