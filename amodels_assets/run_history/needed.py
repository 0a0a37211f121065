"""Which runs and events are still needed, however old they are.

Belongs here: the questions to Dagster's storage. Does not belong here: the removal (``prune.py``).

Read once before anything is removed: what comes later can only make less of the old needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import sqlalchemy as sa
from dagster._core.events import ASSET_EVENTS
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.tags import BACKFILL_ID_TAG, ROOT_RUN_ID_TAG

EVENTS = SqlEventLogStorageTable.c
CHECKS = AssetCheckExecutionsTable.c


@dataclass(frozen=True)
class Needed:
    """What stays whatever its age.

    Attributes:
        runs: Runs that hold something current, or that a run still there refers to.
        events: Current events, by their id in the table of all runs.
        checks: Current records of checks, by id.
    """

    runs: frozenset[str]
    events: frozenset[int]
    checks: frozenset[int]


def needed(instance: dg.DagsterInstance, storage: SqlEventLogStorage) -> Needed:
    """Everything that is current now.

    Current are the newest event of each kind of every asset and partition (materialized, observed,
    planned, failed, fresh or not), the newest record and the newest verdict of every check and
    partition, and the newest event of all, whose number is the place from which sensors go on.
    A run's first attempt is needed as long as another attempt is there, and the runs of a backfill
    as long as it is not done.
    """
    with storage.index_connection() as connection:
        events = {
            **dict(_rows(connection, _newest_events())),
            **dict(_rows(connection, _newest_event_of_all())),
        }
        checks = list(_rows(connection, _newest_checks(verdicts_only=False)))
        checks += _rows(connection, _newest_checks(verdicts_only=True))
        last_runs = [run for (run,) in _rows(connection, sa.select(AssetKeyTable.c.last_run_id))]
    runs = {*events.values(), *(run for _, run, _ in checks), *last_runs}
    for _, roots in instance.run_storage.get_run_tags([ROOT_RUN_ID_TAG]):
        runs |= roots
    runs |= set(_runs_of_backfills(instance))
    return Needed(
        runs=frozenset(run for run in runs if run),
        events=frozenset(events) | {event for _, _, event in checks if event is not None},
        checks=frozenset(check for check, _, _ in checks),
    )


def _rows(connection: sa.Connection, query: sa.Select) -> Iterator[tuple]:
    for row in connection.execute(query):
        yield tuple(row)


def _newest_events() -> sa.Select:
    newest = (
        sa.select(sa.func.max(EVENTS.id).label("id"))
        .where(
            EVENTS.asset_key.is_not(None),
            EVENTS.dagster_event_type.in_([kind.value for kind in ASSET_EVENTS]),
        )
        .group_by(EVENTS.asset_key, EVENTS.dagster_event_type, EVENTS.partition)
        .subquery()
    )
    return sa.select(EVENTS.id, EVENTS.run_id).join(newest, EVENTS.id == newest.c.id)


def _newest_event_of_all() -> sa.Select:
    newest = sa.select(sa.func.max(EVENTS.id)).scalar_subquery()
    return sa.select(EVENTS.id, EVENTS.run_id).where(EVENTS.id == newest)


def _newest_checks(*, verdicts_only: bool) -> sa.Select:
    query = sa.select(sa.func.max(CHECKS.id).label("id"))
    if verdicts_only:
        query = query.where(
            CHECKS.execution_status != AssetCheckExecutionRecordStatus.PLANNED.value
        )
    newest = query.group_by(CHECKS.asset_key, CHECKS.check_name, CHECKS.partition).subquery()
    return sa.select(CHECKS.id, CHECKS.run_id, CHECKS.evaluation_event_storage_id).join(
        newest, CHECKS.id == newest.c.id
    )


def _runs_of_backfills(instance: dg.DagsterInstance) -> Iterator[str]:
    at_work = [each for each in BulkActionStatus if each not in BULK_ACTION_TERMINAL_STATUSES]
    for status in at_work:
        for backfill in instance.run_storage.get_backfills(status=status):
            yield from instance.get_run_ids(
                dg.RunsFilter(tags={BACKFILL_ID_TAG: backfill.backfill_id})
            )
