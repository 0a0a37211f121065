"""Makes and drops the replica's views, one transaction a view.

Views hold nothing: what changes is dropped and made again. Those that stand on a table whose
columns change are dropped before and made again behind it.
Belongs here: views in the target. Does not belong here: their SQL (``views.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import sqlalchemy as sa

from amodels_assets.schemas.apply import Outcome, create_schema, define, in_transaction
from amodels_assets.schemas.bookkeeping import Applied, Bookkeeping
from amodels_assets.schemas.connect import execute_as_it_is, quoted_name_of
from amodels_assets.schemas.migration import FOREIGN, Migration
from amodels_assets.schemas.plan import PlannedColumn
from amodels_assets.schemas.state import TargetState
from amodels_assets.schemas.step import Key, Step
from amodels_assets.schemas.views import PlannedView

# Steps after which a view that stands on the table has to be made again, or before which it has
# to go.
_DISTURBING = frozenset(
    {"create_table", "add_column", "widen_column", "narrow_column", "drop_column", "drop_table"}
)


def plan_view_steps(
    planned: Sequence[PlannedView], applied: Mapping[Key, Applied], state: TargetState
) -> dict[Key, Step]:
    """What has to happen to each view that is not as it should be."""
    steps = {}
    for view in planned:
        known = applied.get(view.key)
        there = known is not None and known.kind == "view" and known.place in state.views
        if view.obstacle:
            if there:
                steps[view.key] = Step("drop_view", detail=view.obstacle)
        elif not there:
            refused = known and known.refusal and known.definition == view.definition
            if not refused:
                steps[view.key] = Step("create_view")
        elif known and known.definition != view.definition:
            steps[view.key] = Step("replace_view")
    wanted = {view.key for view in planned}
    for key, known in applied.items():
        if known.kind == "view" and key not in wanted and not known.refusal:
            steps[key] = Step("drop_view", detail="the catalog no longer has it")
    return steps


def disturbed(
    applied: Mapping[Key, Applied],
    view_steps: Mapping[Key, Step],
    migrations: Sequence[Migration],
    *,
    allow_destructive: bool,
) -> list[Key]:
    """Views on record that have to go first, each before those that it reads."""
    moved = {
        migration.key
        for migration in migrations
        for step in migration.chosen(allow_destructive=allow_destructive)
        if step.kind in _DISTURBING
    }
    gone = {key for key, step in view_steps.items() if step.kind != "create_view"}
    views = {k: known for k, known in applied.items() if known.kind == "view" and not known.refusal}
    changed = True
    while changed:
        more = {
            key
            for key, known in views.items()
            if key not in gone and not (moved | gone).isdisjoint(known.reads)
        }
        gone |= more
        changed = bool(more)
    return _readers_first({key: views[key] for key in gone if key in views})


def _readers_first(views: Mapping[Key, Applied]) -> list[Key]:
    found: dict[Key, None] = {}

    def visit(key: Key, above: frozenset[Key]) -> None:
        if key in found or key in above:
            return
        for reader, known in sorted(views.items()):
            if key in known.reads:
                visit(reader, above | {key})
        found[key] = None

    for key in sorted(views):
        visit(key, frozenset())
    return list(found)


def drop_views(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    views: Mapping[Key, Applied],
    state: TargetState,
    before_commit: Callable[[], None],
) -> None:
    """Drop views of ours; one that somebody built upon stays, and says so when it is made again.

    Args:
        connection: With no transaction open.
        bookkeeping: The target's record.
        views: As they are on record, each before those that it reads.
        state: What the database has: a killed run may have dropped them already.
        before_commit: Called before each commit.
    """
    for key, known in views.items():
        drop = f"DROP VIEW {quoted_name_of(connection, *known.place)}"
        statements = [drop] if known.place in state.views else []
        in_transaction(
            connection,
            before_commit,
            lambda key=key, statements=statements: _drop(
                connection, bookkeeping, key, statements, before_commit
            ),
        )


def _drop(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    key: Key,
    statements: Sequence[str],
    before_commit: Callable[[], None],
) -> None:
    logged = bookkeeping.log(key, Step("drop_view"))

    def definitions() -> None:
        for statement in statements:
            execute_as_it_is(connection, statement)

    define(connection, before_commit, definitions, lambda: bookkeeping.unlog([logged]))
    # Behind it, so that the view is on record until it is gone.
    bookkeeping.forget(key)


def create_views(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    planned: Sequence[PlannedView],
    standing: Collection[Key],
    state: TargetState,
    *,
    before_commit: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Make the views that are not standing.

    Args:
        connection: With no transaction open.
        bookkeeping: The target's record.
        planned: Every view that should be there, each behind those that it reads.
        standing: Views that are as they should be.
        state: What the database has now.
        before_commit: Called before each commit.

    Returns:
        One outcome a view, in the plan's order.
    """
    outcomes: dict[Key, Outcome] = {}
    refused: set[Key] = set()
    for view in planned:
        reason = view.obstacle
        if not reason and not refused.isdisjoint(view.reads):
            reason = f"it reads {'.'.join(sorted(refused & set(view.reads))[0])}, which is refused"
        if not reason and view.key not in standing:
            if view.place in state.views or view.place in state.tables:
                reason = FOREIGN
            else:
                reason = in_transaction(
                    connection,
                    before_commit,
                    lambda view=view: _create(connection, bookkeeping, view, before_commit),
                )
        if reason:
            refused.add(view.key)
            if not view.obstacle and reason != FOREIGN:
                refusal = _on_record(view, reason)
                in_transaction(
                    connection,
                    before_commit,
                    lambda view=view, refusal=refusal: bookkeeping.write(view.key, refusal),
                )
            outcomes[view.key] = Outcome(view.key, "view", "skipped", reason=reason)
        elif view.key in standing:
            outcomes[view.key] = Outcome(view.key, "view", "unchanged")
        else:
            outcomes[view.key] = Outcome(view.key, "view", "created", ("create_view",))
    return list(outcomes.values())


def _on_record(view: PlannedView, refusal: str = "") -> Applied:
    columns = tuple(PlannedColumn(name, name, "") for name in view.columns)
    return Applied(
        "view",
        *view.place,
        columns=columns,
        definition=view.definition,
        reads=view.reads,
        refusal=refusal,
    )


def _create(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    view: PlannedView,
    before_commit: Callable[[], None],
) -> None:
    logged = bookkeeping.log(view.key, Step("create_view"))
    bookkeeping.write(view.key, _on_record(view))
    names = ", ".join(quoted_name_of(connection, None, name) for name in view.columns)
    target = quoted_name_of(connection, *view.place)

    def definitions() -> None:
        create_schema(connection, view.schema)
        # Names are quoted and the query comes from a syntax tree; a view takes no parameters.
        execute_as_it_is(connection, f"CREATE VIEW {target} ({names}) AS {view.statement}")

    # A refusal is recorded by the caller.
    define(connection, before_commit, definitions, lambda: bookkeeping.unlog([logged]))
    if connection.dialect.name == "sqlite":
        # It looks at a view's query only when it is run.
        execute_as_it_is(connection, f"SELECT * FROM {target} LIMIT 0")  # noqa: S608 (quoted name)
