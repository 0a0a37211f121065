"""The replica as a whole: plan it, bring it to the catalog, compare it, tell about it.

Belongs here: what a user asks for, on a URL and two artifacts. Does not belong here: Dagster
(``assets.py``) and printing (``commands``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.schemas.apply import Outcome, apply_tables
from amodels_assets.schemas.apply_views import (
    create_views,
    disturbed,
    drop_views,
    plan_view_steps,
)
from amodels_assets.schemas.bookkeeping import Applied, Bookkeeping
from amodels_assets.schemas.connect import connected
from amodels_assets.schemas.migration import Migration, plan_migrations
from amodels_assets.schemas.plan import PlannedTable, plan_tables
from amodels_assets.schemas.source import Source
from amodels_assets.schemas.state import TargetState, read_state
from amodels_assets.schemas.step import Key, Step
from amodels_assets.schemas.verify import Comparison, verify_tables, verify_views
from amodels_assets.schemas.views import PlannedView, plan_views

REPORT_SCHEMA = pa.schema(
    [
        ("database", pa.string()),
        ("table", pa.string()),
        ("kind", pa.string()),
        ("target_schema", pa.string()),
        ("target_name", pa.string()),
        ("columns", pa.int32()),
        ("rows", pa.int64()),
        ("rows_version", pa.string()),
        ("reason", pa.string()),
        ("held_back", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class Plan:
    """What a target has, should have, and needs.

    Attributes:
        tables: As they should be.
        views: As they should be, each behind those that it reads.
        applied: The record.
        state: What the database has.
        migrations: Of every table.
        view_steps: Of every view that is not as it should be.
    """

    tables: list[PlannedTable]
    views: list[PlannedView]
    applied: dict[Key, Applied]
    state: TargetState
    migrations: list[Migration]
    view_steps: dict[Key, Step]


def make_plan(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    source: Source,
    reload: Collection[Key] = (),
) -> Plan:
    """Compare catalog and database; writes nothing."""
    dialect = connection.dialect
    found, columns = source.tables, source.tables["columns"]
    tables = plan_tables(found["tables"], columns, source.row_versions, dialect.name)
    views = plan_views(found["views"], columns, found["table_lineage"], tables, dialect.name)
    applied = bookkeeping.read() if bookkeeping.exists() else {}
    known = [a.schema for a in applied.values()]
    state = read_state(connection, [p.schema for p in (*tables, *views)] + known)
    migrations = plan_migrations(tables, applied, state, dialect, reload)
    return Plan(tables, views, applied, state, migrations, plan_view_steps(views, applied, state))


def plan_replica(url: str, source: Source) -> Plan:
    """What the next run would do.

    Raises:
        ReplicaError: The database cannot be used.
    """
    with connected(url) as connection:
        return make_plan(connection, Bookkeeping(connection), source)


def bring_up_to_date(
    url: str,
    source: Source,
    *,
    allow_destructive: bool = False,
    reload: Collection[Key] = (),
    before_commit: Callable[[], None] = lambda: None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Create and change what the catalog asks for.

    Args:
        url: Of the target.
        source: What is replicated.
        allow_destructive: Also steps that lose data.
        reload: Tables whose rows are loaded again although their source did not change.
        before_commit: Called before each commit; raises when this run may not write any more.
        progress: Told about every table that changes.

    Raises:
        ReplicaError: The database cannot be used.
    """
    with connected(url) as connection:
        bookkeeping = Bookkeeping(connection, source.version)
        bookkeeping.create()
        plan = make_plan(connection, bookkeeping, source, reload)
        first = disturbed(
            plan.applied, plan.view_steps, plan.migrations, allow_destructive=allow_destructive
        )
        falling = {key: plan.applied[key] for key in first}
        drop_views(connection, bookkeeping, falling, plan.state, before_commit)
        tables = apply_tables(
            connection,
            bookkeeping,
            plan.migrations,
            source.read_rows,
            allow_destructive=allow_destructive,
            before_commit=before_commit,
            progress=progress,
        )
        standing = {
            view.key
            for view in plan.views
            if view.key not in plan.view_steps
            and view.key not in first
            and view.key in plan.applied
            and view.place in plan.state.views
        }
        state = plan.state
        if any(step.kind != "drop_view" for step in plan.view_steps.values()) or first:
            state = read_state(connection, [view.schema for view in plan.views])
        views = create_views(
            connection, bookkeeping, plan.views, standing, state, before_commit=before_commit
        )
        return [*tables, *views]


def compare(url: str, source: Source, report: pa.Table) -> list[Comparison]:
    """Read the replica back and compare it with the source.

    Args:
        url: Of the target.
        source: What is replicated.
        report: What :func:`report_table` made; says which views the target refuses.

    Raises:
        ReplicaError: The database cannot be used.
    """
    refused = {
        (row["database"], row["table"])
        for row in report.to_pylist()
        if row["kind"] == "view" and row["reason"]
    }
    with connected(url) as connection:
        plan = make_plan(connection, Bookkeeping(connection), source)
        compared = verify_tables(connection, plan.migrations, source.read_rows)
        return [*compared, *verify_views(plan.views, refused, plan.state)]


def report_table(url: str, outcomes: Sequence[Outcome]) -> pa.Table:
    """The replica's tables and views, without what was done this time.

    Equal replicas have equal reports.
    """
    with connected(url) as connection:
        applied = Bookkeeping(connection).read()
    rows = []
    for outcome in outcomes:
        known = applied.get(outcome.key)
        if outcome.action == "dropped":
            continue
        rows.append(
            {
                "database": outcome.key[0],
                "table": outcome.key[1],
                "kind": outcome.kind,
                "target_schema": known.schema if known else None,
                "target_name": known.target_name if known else None,
                "columns": len(known.columns) if known else None,
                "rows": known.rows if known else None,
                "rows_version": known.rows_version if known else None,
                "reason": outcome.reason,
                "held_back": [str(step) for step in outcome.held_back],
            }
        )
    return pa.Table.from_pylist(rows, schema=REPORT_SCHEMA)


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many tables and views had each action."""
    found = Counter(f"{o.kind}s {o.action.replace('_', ' ')}" for o in outcomes)
    return dict(sorted(found.items()))
