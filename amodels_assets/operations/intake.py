"""What is new is taken into the record, once.

Belongs here: which runs are read and how far, and the transaction in which rows and cursor change
together. Does not belong here: what events mean (``event_log.py``, ``requests.py``).

A run's rows follow from all of its events, so they are made anew whenever the run has events after
its cursor, the storage id of the newest one that was read. Dagster's SQLite storage numbers the
events of each run by themselves, therefore the cursor is the run's. A run that ended is read a last
time a while later, for events that were still being written, and is settled then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from amodels_assets.operations.event_log import (
    OUTSIDE_OF_RUNS,
    events_after,
    newest_event,
    operations_of_run,
    operations_outside_of_runs,
    storage_name,
)
from amodels_assets.operations.operation import Operation
from amodels_assets.operations.requests import count_requests
from amodels_assets.operations.schema import OPERATIONS, RUNS
from amodels_assets.operations.store import OperationsError, move, position, writing

if TYPE_CHECKING:
    import dagster as dg

    from amodels_assets.operations.prices import Prices

# Seconds after which no event of an ended run is still being written.
SETTLES_AFTER = 60.0
# Clocks of machines that write runs differ by less.
_OVERLAP = 600.0
_RUNS_READ = "runs updated"
# Cursor of all logs: what began before is by the day only.
PRUNED_BEFORE = "pruned before"
_PAGE = 200


@dataclass(frozen=True)
class Taken:
    """What a pass took in.

    Attributes:
        runs: Read or read again.
        operations: Written, those that were written before and changed included.
    """

    runs: int
    operations: int


def take_in(
    instance: dg.DagsterInstance,
    engine: sa.Engine,
    *,
    prices: Prices,
    audit_log: Path,
    now: float,
) -> Taken:
    """Take in all that is new, and say how much.

    Args:
        instance: Dagster's. Several of them can share a record.
        engine: Of the record.
        prices: That hold now.
        audit_log: Folder of the gateway's audit log; need not exist.
        now: Seconds since 1970.

    Raises:
        OperationsError: A file of the audit log cannot be read.
    """
    log = _Log(instance, engine, storage_name(instance), now)
    runs = operations = 0
    found, changed = _runs_to_read(log)
    for run_id in found:
        written = _take_run(log, run_id, prices)
        runs += written is not None
        operations += written or 0
    if changed is not None:
        with writing(engine) as connection:
            move(connection, log.source(_RUNS_READ), changed)
    operations += _take_outside(log)
    operations += _take_requests(log, audit_log)
    return Taken(runs, operations)


@dataclass(frozen=True)
class _Log:
    """A log and the record that it is taken into.

    Attributes:
        instance: Dagster's.
        engine: Of the record.
        name: Of Dagster's storage, by which its runs and cursors are told from those of another.
        now: Seconds since 1970.
    """

    instance: dg.DagsterInstance
    engine: sa.Engine
    name: str
    now: float

    def source(self, what: str) -> str:
        """Name of a cursor."""
        return f"{self.name} {what}"


def _runs_to_read(log: _Log) -> tuple[list[str], float | None]:
    """Runs that may have something new, and when the last of them changed."""
    from dagster import RunsFilter

    with log.engine.begin() as connection:
        before = position(connection, log.source(_RUNS_READ))
        pruned = position(connection, PRUNED_BEFORE) or 0.0
        query = sa.select(RUNS.c.run_id).where(RUNS.c.log == log.name, RUNS.c.settled.is_(False))
        wanted = dict.fromkeys(connection.execute(query).scalars())
    after = None if before is None else datetime.fromtimestamp(before - _OVERLAP, UTC)
    newest, last = before, None
    while True:
        page = log.instance.get_run_records(
            RunsFilter(updated_after=after), limit=_PAGE, ascending=True, cursor=last
        )
        for record in page:
            updated = record.update_timestamp.timestamp()
            newest = updated if newest is None else max(newest, updated)
            if record.create_timestamp.timestamp() >= pruned:
                wanted[record.dagster_run.run_id] = None
        if len(page) < _PAGE:
            return list(wanted), newest
        last = page[-1].dagster_run.run_id


def _take_run(log: _Log, run_id: str, prices: Prices) -> int | None:
    """Rows written; None where nothing was new."""
    with log.engine.begin() as connection:
        row = _read_so_far(connection, run_id)
    if row is not None and row.settled:
        return None
    record = log.instance.get_run_record_by_id(run_id)
    last = newest_event(log.instance, run_id)
    if record is None or (row is not None and last < row.last_event):
        # Dagster forgot it, or is about to: what was read of it stays.
        with writing(log.engine) as connection:
            _acknowledge(connection, run_id, {"settled": True})
        return None
    status = record.dagster_run.status.value
    ended = record.end_time or record.update_timestamp.timestamp()
    settled = record.dagster_run.is_finished and ended + SETTLES_AFTER <= log.now
    same = row is not None and (row.last_event, row.status) == (last, status)
    if same and not settled:
        return None
    events = [event for page in events_after(log.instance, run_id) for event in page]
    operations = operations_of_run(record, events, prices)
    read = {
        "last_event": events[-1].storage_id if events else 0,
        "status": status,
        "log": log.name,
        "created_at": record.create_timestamp.timestamp(),
        "settled": settled,
    }
    with writing(log.engine) as connection:
        row = _read_so_far(connection, run_id)
        if row is not None and (row.settled or row.last_event > read["last_event"]):
            # Another process has read more of it meanwhile.
            return None
        connection.execute(sa.delete(OPERATIONS).where(OPERATIONS.c.run_id == run_id))
        _insert(connection, operations)
        if row is None:
            connection.execute(sa.insert(RUNS), {"run_id": run_id, **read})
        else:
            _acknowledge(connection, run_id, read)
    return len(operations)


def _read_so_far(connection: sa.Connection, run_id: str) -> sa.Row[Any] | None:
    return connection.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id)).first()


def _acknowledge(connection: sa.Connection, run_id: str, read: Mapping[str, object]) -> None:
    connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(dict(read)))


def _take_outside(log: _Log) -> int:
    """Events of no run; the cursor stops before the first that others may still come before."""
    written, settled = 0, True
    source = log.source("events outside of runs")
    with log.engine.begin() as connection:
        begin = int(position(connection, source) or 0)
    for page in events_after(log.instance, OUTSIDE_OF_RUNS, begin):
        old = list(takewhile(lambda event: event.timestamp + SETTLES_AFTER <= log.now, page))
        with writing(log.engine) as connection:
            written += _add_new(connection, operations_outside_of_runs(page, log.name))
            reached = position(connection, source) or 0
            if settled and old and old[-1].storage_id > reached:
                move(connection, source, old[-1].storage_id)
        settled = settled and len(old) == len(page)
    return written


def _add_new(connection: sa.Connection, operations: Sequence[Operation]) -> int:
    ids = [operation.operation_id for operation in operations]
    query = sa.select(OPERATIONS.c.operation_id).where(OPERATIONS.c.operation_id.in_(ids))
    known = set(connection.execute(query).scalars())
    new = [operation for operation in operations if operation.operation_id not in known]
    _insert(connection, new)
    return len(new)


def _take_requests(log: _Log, audit_log: Path) -> int:
    """Lines of the audit log; a file's position and its counts change together."""
    written = 0
    for file in sorted(audit_log.glob("*.jsonl")):
        source, more = log.source(f"audit log {file.name}"), True
        while more:
            with writing(log.engine) as connection:
                begin = int(position(connection, source) or 0)
                try:
                    found = count_requests(file, begin)
                except OSError as error:
                    raise OperationsError(f"{file} cannot be read: {error.strerror}") from error
                for operation in found.operations:
                    _add_up(connection, operation)
                if found.position > begin:
                    move(connection, source, found.position)
                written += len(found.operations)
                more = found.more
    return written


def _add_up(connection: sa.Connection, operation: Operation) -> None:
    table = OPERATIONS.c
    added = connection.execute(
        sa.update(OPERATIONS)
        .where(table.operation_id == operation.operation_id)
        .values(count=table.count + operation.count, seconds=table.seconds + operation.seconds)
    )
    if not added.rowcount:
        _insert(connection, [operation])


def _insert(connection: sa.Connection, operations: Iterable[Operation]) -> None:
    rows = [asdict(operation) for operation in operations]
    if rows:
        connection.execute(sa.insert(OPERATIONS), rows)
