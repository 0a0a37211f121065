"""The way from what stands in a target to what the catalog says: steps, and which lose data.

Belongs here: comparing plan, record and database. Does not belong here: carrying a step out
(``apply.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from amodels_assets.schemas.bookkeeping import Applied
from amodels_assets.schemas.plan import PlannedColumn, PlannedTable
from amodels_assets.schemas.state import Name, TargetState, shown
from amodels_assets.schemas.step import Key, Step
from amodels_assets.schemas.types import hive_type_of, target_type
from amodels_assets.schemas.widening import widens

FOREIGN = "a table or view of that name is there that was not made from this catalog"


@dataclass(frozen=True)
class Migration:
    """What has to happen to one table.

    Attributes:
        key: Database and table in the source.
        planned: As it should be; None for one that the catalog no longer has.
        applied: As the record says it is; None for a new one.
        steps: In the order in which they are carried out; none when all is as it should be.
        obstacle: Why nothing can happen; empty when it can.
    """

    key: Key
    planned: PlannedTable | None
    applied: Applied | None
    steps: tuple[Step, ...] = ()
    obstacle: str = ""

    def chosen(self, *, allow_destructive: bool) -> tuple[Step, ...]:
        """The steps that are carried out.

        Rows wait for a narrower column that they may need: a target that rounds them would keep
        something else than the source has.
        """
        if allow_destructive:
            return self.steps
        held = any(step.kind == "narrow_column" for step in self.steps)
        return tuple(
            step
            for step in self.steps
            if not step.loses_data and not (held and step.kind == "load_rows")
        )


def plan_migrations(
    planned: Sequence[PlannedTable],
    applied: Mapping[Key, Applied],
    state: TargetState,
    dialect: sa.Dialect,
    reload: Collection[Key] = (),
) -> list[Migration]:
    """Compare every table with what stands in the target.

    Args:
        planned: Every table that should be there.
        applied: The record.
        state: What the database has in the schemas of both.
        dialect: Of the target.
        reload: Tables whose rows are loaded again although their source did not change.

    Returns:
        Planned tables in their order, then those that vanished from the catalog.
    """
    wanted = {(table.database, table.table) for table in planned}
    views = state.views.keys() - {known.place for known in applied.values() if known.kind == "view"}
    migrations = []
    for table in planned:
        key = (table.database, table.table)
        known = applied.get(key)
        # A view that became a table holds nothing, and is dropped before tables are made.
        known = known if known and known.kind == "table" else None
        obstacle = table.obstacle or _foreign(table, known, state, views)
        steps = [] if obstacle else _steps(table, known, state, dialect)
        if key in reload and table.rows_version and not any(s.kind == "load_rows" for s in steps):
            steps.append(Step("load_rows"))
        migrations.append(Migration(key, table, known, tuple(steps), obstacle))
    for key, known in sorted(applied.items()):
        if key not in wanted and known.kind == "table":
            step = Step("drop_table", detail=f"{known.rows:,} rows", loses_data=True)
            migrations.append(Migration(key, None, known, (step,)))
    return migrations


def _foreign(
    table: PlannedTable, known: Applied | None, state: TargetState, views: Collection[Name]
) -> str:
    there = table.place in views or (known is None and table.place in state.tables)
    return FOREIGN if there else ""


def _steps(
    table: PlannedTable, known: Applied | None, state: TargetState, dialect: sa.Dialect
) -> list[Step]:
    actual = state.tables.get(table.place)
    if actual is None or known is None:
        rows = [Step("load_rows")] if table.rows_version else []
        return [Step("create_table", detail=f"{len(table.columns):,} columns"), *rows]
    steps = [*_column_steps(table, known, actual, dialect)]
    if known.comment != table.comment and dialect.supports_comments:
        steps.append(Step("comment"))
    if known.rows_version != table.rows_version and table.rows_version:
        steps.append(Step("load_rows"))
    elif known.rows_version != table.rows_version:
        detail = f"{known.rows:,} rows that the source no longer has"
        steps.append(Step("remove_rows", detail=detail, loses_data=True))
    return steps


def _column_steps(
    table: PlannedTable, known: Applied, actual: Mapping[str, str], dialect: sa.Dialect
) -> Iterator[Step]:
    before = {column.target_name: column for column in known.columns}
    for column in table.columns:
        type_ = _type(column, dialect)
        found = actual.get(column.target_name)
        recorded = before.get(column.target_name)
        if found is None:
            detail = column.hive_type
            yield Step("add_column", column.target_name, detail, drift=recorded is not None)
        elif found != type_:
            yield _type_step(column, recorded, found, dialect)
        elif recorded and recorded.comment != column.comment and dialect.supports_comments:
            yield Step("comment", column.target_name)
    wanted = {column.target_name for column in table.columns}
    for name, type_ in actual.items():
        if name not in wanted:
            yield Step("drop_column", name, type_, loses_data=True, drift=name not in before)


def _type_step(
    column: PlannedColumn, recorded: PlannedColumn | None, found: str, dialect: sa.Dialect
) -> Step:
    if recorded is None or _type(recorded, dialect) != found:
        known = hive_type_of(found, dialect.name) or ""
        announced = recorded is not None and recorded.hive_type == column.hive_type
        if announced and known and widens(known, column.hive_type):
            # A run that was killed has recorded what it was about to do.
            return Step("widen_column", column.target_name, f"{known} to {column.hive_type}")
        detail = f"somebody made it {found}, it should be {column.hive_type}"
        return Step("narrow_column", column.target_name, detail, loses_data=True, drift=True)
    detail = f"{recorded.hive_type} to {column.hive_type}"
    if widens(recorded.hive_type, column.hive_type):
        return Step("widen_column", column.target_name, detail)
    return Step("narrow_column", column.target_name, detail, loses_data=True)


def _type(column: PlannedColumn, dialect: sa.Dialect) -> str:
    return shown(target_type(column.hive_type, dialect.name), dialect)
