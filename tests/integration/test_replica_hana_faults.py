"""The stand-in for SAP HANA dies, refuses or is locked, and what one more run makes of it.

Each definition commits by itself there, so that a run can be killed between any two statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from amodels_assets.schemas import connect
from amodels_assets.schemas.connect import ReplicaError, connected
from amodels_assets.schemas.replica import plan_replica
from tests.hana.process import HanaServer
from tests.hana.server import PASSWORD
from tests.integration.hana_database import columns, comments, content
from tests.integration.replica_source import (
    Source,
    Views,
    apply,
    differences,
    replicate,
    source_in_memory,
)

pytest.importorskip("hdbcli")

SOURCE: Source = {
    "a.first": ({"x": "int"}, pa.table({"x": pa.array(range(50), pa.int32())})),
    "a.second": ({"x": "string", "k": "int"},
                 pa.table({"x": [f"text {i}" for i in range(50)],
                           "k": pa.array(range(50), pa.int32())})),
    "b.third": ({"x": "int", "y": "map<string,int>"}, None),
}  # fmt: skip
VIEWS: Views = {"b.v": ("SELECT x FROM a.second", ["x"], ["a.second"])}
KEYS = {"a.second": ["k"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HanaServer]:
    started = HanaServer(tmp_path / "hana")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, list[str]]:
    """What a database holds after a run that nothing disturbed."""
    server = HanaServer(tmp_path_factory.mktemp("undisturbed"))
    replicate(server.url, SOURCE, VIEWS, KEYS)
    found = content(server.url)
    server.stop()
    return found


def history(url: str) -> list[tuple[str, ...]]:
    with connected(url) as connection:
        query = "SELECT SOURCE_DATABASE, SOURCE_TABLE, STEP FROM AMODELS_REPLICA.APPLIED_STEPS"
        return sorted(tuple(row) for row in connection.exec_driver_sql(query))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("CREATE SCHEMA", 1),
        ("CREATE SCHEMA", 2),
        ("CREATE TABLE", 2),
        ("CREATE COLUMN TABLE", 1),
        ("CREATE COLUMN TABLE", 3),
        ("CREATE VIEW", 1),
        ('INSERT INTO "a"."second"', 7),
        ("INSERT INTO amodels_replica", 4),
    ],
)
def test_a_server_killed_at_a_statement(
    server: HanaServer,
    undisturbed: dict[Any, list[str]],
    statement: str,
    number: int,
    after: bool,
) -> None:
    server.die_at(statement, number, after=after)
    with pytest.raises(ReplicaError) as error:
        replicate(server.url, SOURCE, VIEWS, KEYS)
    assert "\n" not in str(error.value)
    assert "materialize" in str(error.value)
    assert PASSWORD not in str(error.value)
    server.restart()
    _, compared = replicate(server.url, SOURCE, VIEWS, KEYS)
    assert not [text for c in compared for text in c.problems]
    assert content(server.url) == undisturbed
    outcomes, _ = replicate(server.url, SOURCE, VIEWS, KEYS)
    assert {outcome.action for outcome in outcomes} == {"unchanged"}


CHANGED: Source = {
    "a.first": ({"x": "bigint", "more": "string"}, None),
    "a.second": ({"x": "string", "k": "int"}, SOURCE["a.second"][1].slice(3)),  # type: ignore[union-attr]
    "b.fourth": ({"x": "int"}, None),
}
CHANGED_VIEWS: Views = {"b.v": ("SELECT k AS x FROM a.second", ["x"], ["a.second"])}


@pytest.fixture(scope="module")
def migrated(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[Any, list[str]], set[tuple[str, ...]]]:
    """What a database holds after a migration that nothing disturbed, and its history."""
    server = HanaServer(tmp_path_factory.mktemp("migrated"))
    replicate(server.url, SOURCE, VIEWS, KEYS)
    replicate(server.url, CHANGED, CHANGED_VIEWS, KEYS, allow_destructive=True)
    found = content(server.url), set(history(server.url))
    server.stop()
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ('ALTER TABLE "a"."first" ADD', 1),
        ('ALTER TABLE "a"."first" ALTER', 1),
        ('DROP TABLE "b"."third"', 1),
        ("DROP VIEW", 1),
        ("CREATE LOCAL TEMPORARY", 1),
        ('INSERT INTO "#', 2),
        ('DELETE FROM "a"."second"', 1),
        ("DELETE FROM amodels_replica", 3),
    ],
)
def test_a_server_killed_in_the_middle_of_a_migration(
    server: HanaServer,
    migrated: tuple[dict[Any, list[str]], set[tuple[str, ...]]],
    statement: str,
    number: int,
    after: bool,
) -> None:
    replicate(server.url, SOURCE, VIEWS, KEYS)
    server.die_at(statement, number, after=after)
    with pytest.raises(ReplicaError):
        replicate(server.url, CHANGED, CHANGED_VIEWS, KEYS, allow_destructive=True)
    server.restart()
    outcomes, compared = replicate(server.url, CHANGED, CHANGED_VIEWS, KEYS, allow_destructive=True)
    assert not [text for c in compared for text in (*c.problems, *c.held_back)]
    assert not [outcome.reason for outcome in outcomes if outcome.reason]
    wanted, steps = migrated
    assert content(server.url) == wanted
    # A step that a kill interrupted may stand there twice, but none is missing.
    assert set(history(server.url)) == steps


def test_a_kill_between_a_column_and_its_record_needs_no_permission(server: HanaServer) -> None:
    apply(server.url, SOURCE)
    wider: Source = {**SOURCE, "a.first": ({"x": "bigint"}, SOURCE["a.first"][1])}
    server.die_at('ALTER TABLE "a"."first"')
    with pytest.raises(ReplicaError):
        apply(server.url, wider)
    server.restart()
    assert columns(server.url, "a", "first") == {"x": "INTEGER"}
    assert apply(server.url, wider)[0] == ("changed", "")
    assert columns(server.url, "a", "first") == {"x": "BIGINT"}
    assert content(server.url)["a", "first"] == sorted(f"[{i}]" for i in range(50))


def test_a_view_that_a_killed_run_has_dropped_is_forgotten(server: HanaServer) -> None:
    replicate(server.url, SOURCE, VIEWS)
    server.die_at("DROP VIEW", after=True)
    with pytest.raises(ReplicaError):
        replicate(server.url, SOURCE)
    server.restart()
    assert ("b", "v") in {(row[0], row[1]) for row in history(server.url)}
    replicate(server.url, SOURCE)
    plan = plan_replica(server.url, source_in_memory(SOURCE))
    assert plan.view_steps == {}
    assert ("b", "v") not in plan.applied


def test_a_kill_before_a_comment_is_made_up_for(server: HanaServer) -> None:
    apply(server.url, SOURCE)
    with connected(server.url) as connection:
        # As a source whose comment has changed since.
        connection.exec_driver_sql(
            "UPDATE amodels_replica.applied_objects SET comment = 'old' WHERE source_table = ?",
            ("first",),
        )
        connection.exec_driver_sql('COMMENT ON TABLE "a"."first" IS \'old\'')
        connection.commit()
    server.die_at("COMMENT ON TABLE")
    with pytest.raises(ReplicaError):
        apply(server.url, SOURCE)
    server.restart()
    assert comments(server.url, "a", "first")[""] == "old"
    assert apply(server.url, SOURCE)[0] == ("changed", "")
    assert comments(server.url, "a", "first")[""] == 'it\'s; "a" comment'


def row_numbers(server: HanaServer, table: str) -> dict[int, int]:
    """The stand-in's own number of each row, by key: a row that is written again has another."""
    with sqlite3.connect(server.folder / "hana.sqlite") as database:
        return dict(database.execute(f'SELECT k, rowid FROM "{table}"'))


def test_rows_with_a_known_key_that_did_not_change_are_not_touched(server: HanaServer) -> None:
    replicate(server.url, SOURCE, keys=KEYS)
    before = row_numbers(server, "a.second")
    rows = SOURCE["a.second"][1]
    assert rows is not None
    changed = pa.concat_tables(
        [rows.slice(1, 30), pa.table({"x": ["new", "other"], "k": pa.array([99, 40], pa.int32())})]
    )
    source: Source = {**SOURCE, "a.second": (SOURCE["a.second"][0], changed)}
    _, compared = replicate(server.url, source, keys=KEYS)
    assert not [text for c in compared for text in c.problems]
    after = row_numbers(server, "a.second")
    assert set(after) == {*range(1, 31), 40, 99}
    assert {k: after[k] for k in range(1, 31)} == {k: before[k] for k in range(1, 31)}
    assert after[40] != before[40]
    # The temporary table of the first merge makes room for that of the second.
    more: Source = {**SOURCE, "a.third": SOURCE["a.second"]}
    replicate(server.url, more, keys={**KEYS, "a.third": ["k"]})
    other = {key: (types, rows and rows.slice(1)) for key, (types, rows) in more.items()}
    _, compared = replicate(server.url, other, keys={**KEYS, "a.third": ["k"]})
    assert not [text for c in compared for text in c.problems]
    assert sum(s.lstrip().startswith('DROP TABLE "#') for s in server.statements) == 1


def test_a_connection_that_is_refused(server: HanaServer) -> None:
    server.kill()
    with pytest.raises(ReplicaError, match="cannot be reached") as error:
        apply(server.url, SOURCE)
    assert PASSWORD not in str(error.value)
    server.restart()
    assert apply(server.url, SOURCE) == [("created", "")] * 3


def test_a_wrong_password(server: HanaServer) -> None:
    wrong = sa.make_url(server.url).set(password="falsch-und-geheim")
    with pytest.raises(ReplicaError, match="authentication failed") as error:
        apply(wrong.render_as_string(hide_password=False), SOURCE)
    assert "falsch-und-geheim" not in str(error.value)
    assert "password" in str(error.value)
    assert apply(server.url, SOURCE) == [("created", "")] * 3


def test_a_lock_that_another_session_holds(
    server: HanaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(server.url, SOURCE)
    monkeypatch.setattr(connect, "LOCK_SECONDS", 1)
    rows = pa.table({"x": ["other"], "k": pa.array([1], pa.int32())})
    changed: Source = {**SOURCE, "a.second": (SOURCE["a.second"][0], rows)}
    before = content(server.url)
    with connected(server.url) as other:
        other.exec_driver_sql('LOCK TABLE "a"."second" IN EXCLUSIVE MODE')
        with pytest.raises(ReplicaError, match="lock wait timeout"):
            apply(server.url, changed)
        assert content(server.url) == before
    assert apply(server.url, changed) == [("unchanged", ""), ("changed", ""), ("unchanged", "")]


def test_what_the_server_refuses_costs_no_other_table(server: HanaServer) -> None:
    long = pa.table({"x": ["ü" * 5001], "k": pa.array([1], pa.int32())})
    source: Source = {**SOURCE, "a.second": (SOURCE["a.second"][0], long)}
    outcomes, compared = replicate(server.url, source, VIEWS)
    assert [o.action for o in outcomes] == ["created", "skipped", "created", "created"]
    assert "too large" in outcomes[1].reason
    assert [c.key for c in compared if c.problems] == [("a", "second")]
    assert ("a", "second", "load_rows") not in history(server.url)
    assert apply(server.url, SOURCE)[1][1] == ""
    assert differences(server.url, SOURCE) == []


def test_a_table_that_somebody_makes_between_plan_and_apply_is_not_taken(
    server: HanaServer,
) -> None:
    apply(server.url, {"a.first": SOURCE["a.first"]})
    theirs = 'CREATE COLUMN TABLE "b"."third" ("mine" INTEGER)'

    def make(_: str) -> None:
        with connected(server.url) as other:
            names = other.exec_driver_sql("SELECT SCHEMA_NAME FROM SYS.SCHEMAS").scalars()
            if "b" in names.all():
                return
            other.exec_driver_sql('CREATE SCHEMA "b"')
            other.exec_driver_sql(theirs)

    actions = [o.action for o in replicate(server.url, SOURCE, progress=make)[0]]
    assert actions == ["unchanged", "created", "skipped"]
    assert columns(server.url, "b", "third") == {"mine": "INTEGER"}
    # It is not on record as ours, so that it is still left alone.
    assert apply(server.url, SOURCE, allow_destructive=True)[2][0] == "skipped"
    assert columns(server.url, "b", "third") == {"mine": "INTEGER"}
    assert ("b", "third", "create_table") not in history(server.url)
