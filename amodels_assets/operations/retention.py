"""What is older than the policy says is kept by the day only.

Belongs here: summing up and deleting, a day at a time. Does not belong here: the policy, and
the retention of Dagster's own event log.
"""

from __future__ import annotations

import sqlalchemy as sa

from amodels_assets.operations.intake import PRUNED_BEFORE
from amodels_assets.operations.schema import BY_DAY, OPERATIONS, RUNS
from amodels_assets.operations.store import move, position, writing
from amodels_assets.operations.summary import FIGURES, added, day_column

_DAY = 86400.0
_KEYS = ("kind", "room", "name", "status", "error_class")


def prune(engine: sa.Engine, older_than: float, now: float) -> int:
    """Keep of old operations how many there were a day and what they took.

    Those of runs that are not settled stay, as they may still change.

    Args:
        engine: Of the record.
        older_than: Seconds; whole days in UTC are pruned.
        now: Seconds since 1970.

    Returns:
        How many rows were summed up.
    """
    cutoff = (now - older_than) // _DAY * _DAY
    pruned = 0
    while count := _prune_oldest_day(engine, cutoff):
        pruned += count
    with writing(engine) as connection:
        # Of runs that began before nothing has to be known: they are not read again.
        connection.execute(
            sa.delete(RUNS).where(RUNS.c.settled.is_(True), RUNS.c.created_at < cutoff)
        )
        move(connection, PRUNED_BEFORE, max(cutoff, position(connection, PRUNED_BEFORE) or 0.0))
    return pruned


def _prune_oldest_day(engine: sa.Engine, cutoff: float) -> int:
    """Rows that were summed up; a day at a time, so that nobody else waits long."""
    began = OPERATIONS.c.started_at
    with writing(engine) as connection:
        open_runs = sa.select(RUNS.c.run_id).where(RUNS.c.settled.is_(False))
        old = (began < cutoff) & OPERATIONS.c.run_id.not_in(open_runs)
        oldest = connection.execute(sa.select(sa.func.min(began)).where(old)).scalar()
        if oldest is None:
            return 0
        of_day = old & (began < (oldest // _DAY + 1) * _DAY)
        _sum_up(connection, of_day)
        return connection.execute(sa.delete(OPERATIONS).where(of_day)).rowcount


def _sum_up(connection: sa.Connection, old: sa.ColumnElement[bool]) -> None:
    day = day_column(connection)
    sums = [sa.func.sum(OPERATIONS.c[name]).label(name) for name in FIGURES]
    keys = [OPERATIONS.c[name] for name in _KEYS]
    count = sa.cast(sa.func.sum(OPERATIONS.c.count), sa.BigInteger).label("count")
    positions = [sa.literal_column(str(number + 1)) for number in range(len(keys) + 1)]
    query = sa.select(day, *keys, count, *sums).where(old).group_by(*positions)
    for row in connection.execute(query).mappings().all():
        of_day = sa.and_(*(BY_DAY.c[name] == row[name] for name in ("day", *_KEYS)))
        known = connection.execute(sa.select(BY_DAY).where(of_day)).mappings().first()
        values = dict(row)
        if known is not None:
            values |= {name: added(known[name], row[name]) for name in ("count", *FIGURES)}
            connection.execute(sa.delete(BY_DAY).where(of_day))
        connection.execute(sa.insert(BY_DAY), values)
