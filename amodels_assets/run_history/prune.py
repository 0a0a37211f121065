"""Removes the runs, events, records of checks, logs and ticks that nobody needs any more.

Belongs here: the removal, in bounded transactions that can end anywhere. Does not belong here: what
is needed (``needed.py``).

Dagster's own ``delete_run`` removes a run row first and its events afterwards, so that a kill
between the two leaves events that no run leads to, and it leaves the records of checks and what was
reported outside of runs. Events are therefore removed here, in Dagster's tables and only where
their schema is the one this was written for; a run's own row goes last, through Dagster, so that a
second attempt finds what the first one left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeAlias, TypeVar

import dagster as dg
import sqlalchemy as sa
from dagster._core.instance import RUNLESS_RUN_ID
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)

from amodels_assets.run_history.needed import CHECKS, EVENTS, Needed, needed

# Alembic's revision of the tables that are written to here, that of Dagster 1.13.
SCHEMA = "29b539ebc72a"
# Rows that one transaction removes at most, and runs that are looked at together.
ROWS, RUNS = 2_000, 50
TABLES = (SqlEventLogStorageTable, AssetEventTagsTable, AssetCheckExecutionsTable)
Item = TypeVar("Item")
Condition: TypeAlias = sa.ColumnElement[bool]
ENDED = [TickStatus.SUCCESS, TickStatus.FAILURE, TickStatus.SKIPPED]


class PruneError(ValueError):
    """The history cannot be pruned; the message is one sentence."""


@dataclass
class Pruned:
    """How much was removed, or would be.

    Attributes:
        runs: Runs with everything they wrote.
        needed_runs: Runs that are old and stay, because something current is in them.
        events: Events of those runs, and old ones that were reported outside of runs.
        checks: Records of checks, likewise.
        ticks: Ticks of schedules and sensors.
    """

    runs: int = 0
    needed_runs: int = 0
    events: int = 0
    checks: int = 0
    ticks: int = 0


def prune(
    instance: dg.DagsterInstance,
    *,
    before: datetime,
    dry_run: bool = False,
    progress: Callable[[Pruned], None] = lambda _: None,
) -> Pruned:
    """Remove what is older and not needed.

    Whole runs go or stay: the log of a run that is in part gone would mislead.

    Args:
        instance: Dagster's, on SQLite or PostgreSQL.
        before: Runs that changed last before this moment are old; with a zone.
        dry_run: Count and remove nothing.
        progress: Is told after each transaction how far it is.

    Raises:
        PruneError: The storage is another, or its schema is.
    """
    storage = _storage(instance)
    stays = needed(instance, storage)
    old = instance.get_run_ids(
        dg.RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=before.astimezone(UTC))
    )
    # From the oldest on: what a kill leaves is the newer part.
    going = [run for run in reversed(old) if run not in stays.runs]
    pruned = Pruned(needed_runs=len(old) - len(going))
    removal = _Removal(instance, storage, stays, before, pruned, progress)
    if dry_run:
        removal.count(going)
    else:
        removal.remove(going)
    return pruned


def _storage(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise PruneError(f"{type(storage).__name__} is no event log in SQLite or PostgreSQL")
    version = storage.alembic_version()
    if version is None or version[0] != version[1]:
        raise PruneError("the event log has another schema than Dagster: dagster instance migrate")
    if version[0] != SCHEMA:
        raise PruneError(
            f"the event log's schema is {version[0]}, and pruning knows {SCHEMA} only: nothing was "
            "removed"
        )
    return storage


@dataclass(frozen=True)
class _Removal:
    instance: dg.DagsterInstance
    storage: SqlEventLogStorage
    needed: Needed
    before: datetime
    pruned: Pruned
    progress: Callable[[Pruned], None]

    def remove(self, runs: Sequence[str]) -> None:
        in_pools = self.storage.get_concurrency_run_ids()
        for batch in _batches(runs, RUNS):
            self._remove_rows(*_of_runs(batch))
            for run in batch:
                if run in in_pools:
                    self.storage.free_concurrency_slots_for_run(run)
                self._remove_files(run)
                self.instance.run_storage.delete_run(run)
                self.pruned.runs += 1
            self.progress(self.pruned)
        self._remove_rows(*self._outside_of_runs())
        if isinstance(self.storage, SqliteEventLogStorage):
            self._remove_from_shard_of_no_run(self.storage)
        self._ticks(remove=True)
        self._reuse_space()

    def count(self, runs: Sequence[str]) -> None:
        self.pruned.runs = len(runs)
        for batch in _batches(runs, RUNS):
            self._count_rows(*_of_runs(batch))
        self._count_rows(*self._outside_of_runs())
        self._ticks(remove=False)

    def _outside_of_runs(self) -> tuple[list[Condition], Condition]:
        moment = self.before.astimezone(UTC).replace(tzinfo=None)
        return (
            [sa.and_(EVENTS.run_id == RUNLESS_RUN_ID, EVENTS.timestamp < moment)],
            sa.and_(CHECKS.run_id == RUNLESS_RUN_ID, CHECKS.evaluation_event_timestamp < moment),
        )

    def _remove_rows(self, events: Iterable[Condition], checks: Condition) -> None:
        event_ids, check_ids = self._ids(events, checks)
        for found in _batches(event_ids, ROWS):
            with self.storage.index_transaction() as connection:
                connection.execute(
                    sa.delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(found))
                )
                connection.execute(sa.delete(SqlEventLogStorageTable).where(EVENTS.id.in_(found)))
            self.pruned.events += len(found)
            self.progress(self.pruned)
        for found in _batches(check_ids, ROWS):
            with self.storage.index_transaction() as connection:
                connection.execute(sa.delete(AssetCheckExecutionsTable).where(CHECKS.id.in_(found)))
            self.pruned.checks += len(found)

    def _count_rows(self, events: Iterable[Condition], checks: Condition) -> None:
        event_ids, check_ids = self._ids(events, checks)
        self.pruned.events += len(event_ids)
        self.pruned.checks += len(check_ids)

    def _ids(self, events: Iterable[Condition], checks: Condition) -> tuple[list[int], list[int]]:
        """Numbers of events and of records of checks that are not needed."""
        event_ids: list[int] = []
        with self.storage.index_connection() as connection:
            for each in events:
                event_ids += connection.execute(sa.select(EVENTS.id).where(each)).scalars()
            check_ids = connection.execute(sa.select(CHECKS.id).where(checks)).scalars().all()
        return (
            [each for each in event_ids if each not in self.needed.events],
            [each for each in check_ids if each not in self.needed.checks],
        )

    def _remove_files(self, run: str) -> None:
        if not run or Path(run).name != run:
            raise PruneError(f"the run id {run!r} is no name of a file")
        self.instance.compute_log_manager.delete_logs(prefix=[run])
        if isinstance(self.storage, SqliteEventLogStorage):
            shard = Path(self.storage.path_for_shard(run))
            for path in (
                shard,
                *(shard.with_name(f"{shard.name}-{end}") for end in ("wal", "shm")),
            ):
                path.unlink(missing_ok=True)

    def _remove_from_shard_of_no_run(self, storage: SqliteEventLogStorage) -> None:
        """SQLite keeps what was reported outside of runs a second time, numbered on its own."""
        if not Path(storage.path_for_shard(RUNLESS_RUN_ID)).exists():
            return
        (old,), _ = self._outside_of_runs()
        newest = sa.select(sa.func.max(EVENTS.id)).scalar_subquery()
        with storage.run_connection(RUNLESS_RUN_ID) as connection:
            connection.execute(sa.delete(SqlEventLogStorageTable).where(old, EVENTS.id != newest))

    def _ticks(self, *, remove: bool) -> None:
        schedules = self.instance.schedule_storage
        if schedules is None:
            return
        for state in self.instance.all_instigator_state():
            whose = (state.instigator_origin_id, state.selector_id)
            newest = schedules.get_ticks(*whose, limit=1)
            if not newest:
                continue
            # The newest says from when on a schedule has to catch up.
            before = min(self.before.timestamp(), newest[0].timestamp)
            old = schedules.get_tick_summaries(*whose, before=before, statuses=ENDED)
            self.pruned.ticks += len(old)
            if remove and old:
                schedules.purge_ticks(*whose, before=before, tick_statuses=ENDED)

    def _reuse_space(self) -> None:
        """Let PostgreSQL put the next rows where the old ones were, which SQLite does by itself."""
        with self.storage.index_connection() as connection:
            if connection.dialect.name == "postgresql":
                quote = connection.dialect.identifier_preparer.quote
                for table in TABLES:
                    connection.execute(sa.text(f"VACUUM (ANALYZE) {quote(table.name)}"))


def _of_runs(runs: Sequence[str]) -> tuple[list[Condition], Condition]:
    """Events by one question a run, for which there is an index; records of checks have none."""
    return [EVENTS.run_id == run for run in runs], CHECKS.run_id.in_(runs)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    found = iter(items)
    while batch := list(islice(found, size)):
        yield batch
