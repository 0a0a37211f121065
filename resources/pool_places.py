"""A place in a pool that only one step can take, whatever the database.

Belongs here: the one statement that takes a place. Does not belong here: the storages that use it
(``event_log.py`` for SQLite, ``postgresql_event_log.py`` for PostgreSQL).
"""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import ConcurrencySlotsTable
from dagster._utils.concurrency import ConcurrencySlotStatus


class PlacesTakenOnce(SqlEventLogStorage):
    """Takes a place in a pool by one statement.

    Dagster reads which place is free and takes it afterwards, under a row lock that SQLite does not
    have and that PostgreSQL gives up at once, since Dagster's connections commit by themselves: two
    runs that ask in the same moment both get it. With Dagster 1.13 that happened 23 times in 60 on
    SQLite and 9 times in 100 on PostgreSQL 18.
    """

    def _claim_concurrency_slot(
        self, concurrency_key: str, run_id: str, step_key: str
    ) -> ConcurrencySlotStatus:
        slots = ConcurrencySlotsTable.c
        free = (
            sa.select(slots.id)
            .where(
                slots.concurrency_key == concurrency_key,
                slots.step_key.is_(None),
                slots.deleted.is_(False),
            )
            .limit(1)
            # SQLite has one writer at a time and leaves this out.
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        take = (
            sa.update(ConcurrencySlotsTable)
            .values(run_id=run_id, step_key=step_key)
            .where(slots.id == free)
        )
        with self.index_connection() as connection:
            taken = cast("sa.CursorResult[Any]", connection.execute(take)).rowcount
        return ConcurrencySlotStatus.CLAIMED if taken else ConcurrencySlotStatus.BLOCKED
