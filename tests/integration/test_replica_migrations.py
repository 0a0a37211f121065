"""What happens to a replica when the dumps change: steps, permission, views, keys, the record."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
import sqlalchemy as sa

from amodels_assets.schemas.bookkeeping import Bookkeeping
from amodels_assets.schemas.connect import connected
from amodels_assets.schemas.migration import FOREIGN
from amodels_assets.schemas.plan import target_place
from amodels_assets.schemas.replica import plan_replica
from amodels_assets.schemas.state import read_state
from tests.integration.replica_source import (
    Source,
    Views,
    apply,
    content,
    differences,
    replicate,
    source_in_memory,
)

pytestmark = pytest.mark.xdist_group("postgresql")
on_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)

ROWS = pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", "y"]})
DIGITS = pa.table({"a": ROWS["a"], "b": ["1", "2"]})
BEFORE: Source = {"d.t": ({"a": "int", "b": "varchar(5)"}, ROWS), "d.u": ({"x": "int"}, None)}


def columns_of(url: str, database: str, table: str) -> dict[str, str]:
    with connected(url) as connection:
        schema, name = target_place(database, table, connection.dialect.name)
        return dict(read_state(connection, [schema]).tables[schema, name])


def planned(url: str, source: Source) -> dict[str, list[str]]:
    plan = plan_replica(url, source_in_memory(source))
    return {".".join(m.key): [step.kind for step in m.steps] for m in plan.migrations if m.steps}


def select(url: str, database: str, table: str, *names: str) -> list[tuple]:
    with connected(url) as connection:
        schema, name = target_place(database, table, connection.dialect.name)
        quoted = sa.quoted_name(schema, quote=True) if schema else None
        table_ = sa.table(sa.quoted_name(name, quote=True), schema=quoted)
        columns = [sa.column(sa.quoted_name(n, quote=True)) for n in names]
        return sorted(tuple(row) for row in connection.execute(sa.select(*columns, table_)))[:]


def test_a_plan_writes_nothing(url: str) -> None:
    assert planned(url, BEFORE) == {"d.t": ["create_table", "load_rows"], "d.u": ["create_table"]}
    assert content(url) == {}


def test_columns_are_added_and_widened(url: str) -> None:
    apply(url, BEFORE)
    rows = ROWS.append_column("c", pa.array(["p", None]))
    after: Source = {**BEFORE, "d.t": ({"a": "bigint", "c": "string", "b": "string"}, rows)}
    assert "load_rows" in planned(url, after)["d.t"]
    assert apply(url, after)[0] == ("changed", "")
    assert list(columns_of(url, "d", "t")) == ["a", "b", "c"]
    assert planned(url, after) == {}
    assert differences(url, after) == []


WIDENED = [
    ("tinyint", "bigint", pa.array([-128, None, 127], pa.int8())),
    ("int", "decimal(12,2)", pa.array([-(2**31), None, 5], pa.int32())),
    ("int", "double", pa.array([2**31 - 1, None, 5], pa.int32())),
    ("int", "string", pa.array([-7, None, 5], pa.int32())),
    ("float", "double", pa.array([0.5, None, -3.0], pa.float32())),
    ("decimal(5,2)", "decimal(9,4)", pa.array([Decimal("999.99"), None, Decimal("-0.01")])),
    ("char(3)", "varchar(7)", pa.array(["abc", None, "d"])),
    ("varchar(3)", "string", pa.array(["ü b", None, ""])),
    ("date", "timestamp", pa.array([0, None, 19000], pa.date32())),
]


@pytest.mark.parametrize(("old", "new", "values"), WIDENED)
def test_what_widens_keeps_the_rows_that_are_there(
    url: str, old: str, new: str, values: pa.Array
) -> None:
    rows = pa.table({"n": pa.array([1, 2, 3], pa.int32()), "v": values})
    before: Source = {"d.t": ({"n": "int", "v": old}, rows)}
    assert apply(url, before) == [("created", "")]
    kept = select(url, "d", "t", "n", "v")
    outcomes, _ = replicate(url, {"d.t": ({"n": "int", "v": new}, rows)})
    assert "load_rows" not in outcomes[0].steps
    assert not outcomes[0].held_back
    shown = [(n, None if v is None else str(v).rstrip(" ")) for n, v in kept]
    found = select(url, "d", "t", "n", "v")
    if new.startswith(("decimal", "double", "bigint")):
        assert [(n, None if v is None else float(v)) for n, v in found] == [
            (n, None if v is None else float(v)) for n, v in kept
        ]
    else:
        # SQLite keeps a day as a day.
        found = [(n, None if v is None else str(v).removesuffix(" 00:00:00")) for n, v in found]
        assert found == shown


LOSING: list[tuple[Source, str]] = [
    ({**BEFORE, "d.t": ({"a": "int"}, ROWS.select(["a"]))}, "drop_column"),
    ({**BEFORE, "d.t": ({"a": "int", "b": "int"}, None)}, "narrow_column"),
    ({"d.t": (BEFORE["d.t"][0], DIGITS)}, "drop_table"),
    ({**BEFORE, "d.t": (BEFORE["d.t"][0], None)}, "remove_rows"),
]


@pytest.mark.parametrize(("after", "kind"), LOSING, ids=[kind for _, kind in LOSING])
def test_what_loses_data_waits_for_permission(url: str, after: Source, kind: str) -> None:
    apply(url, {**BEFORE, "d.t": (BEFORE["d.t"][0], DIGITS)})
    kept = {name: rows for name, rows in content(url).items() if "applied" not in name[1]}
    outcomes, compared = replicate(url, after)
    assert {s.kind for o in outcomes for s in o.held_back} >= {kind}
    assert [text for c in compared for text in c.held_back]
    assert not [text for c in compared for text in c.problems]
    now = content(url)
    assert {name: now[name] for name in kept if kind != "drop_column"} == (
        {} if kind == "drop_column" else kept
    )
    outcomes, compared = replicate(url, after, allow_destructive=True)
    assert not [s for o in outcomes for s in o.held_back]
    assert not [text for c in compared for text in (*c.problems, *c.held_back)]
    assert planned(url, after) == {}


def test_rows_wait_with_a_narrower_column_that_would_round_them(url: str) -> None:
    wide = pa.table({"v": pa.array([Decimal("12345678.12")], pa.decimal128(10, 2))})
    fine = pa.table({"v": pa.array([Decimal("1.1234")], pa.decimal128(10, 4))})
    apply(url, {"d.t": ({"v": "decimal(10,2)"}, wide)})
    after: Source = {"d.t": ({"v": "decimal(10,4)"}, fine)}
    if columns_of(url, "d", "t")["v"] == "TEXT":
        assert apply(url, after) == [("changed", "")]
        return
    (outcome,), _ = replicate(url, after)
    assert (outcome.action, [s.kind for s in outcome.held_back]) == (
        "held_back",
        ["narrow_column", "load_rows"],
    )
    assert select(url, "d", "t", "v") == [(Decimal("12345678.12"),)]
    assert apply(url, after, allow_destructive=True) == [("changed", "")]
    assert select(url, "d", "t", "v") == [(Decimal("1.1234"),)]


QUERIES: Views = {
    "d.v": ("SELECT a, upper(b) AS loud FROM t WHERE a > 1", ["a", "loud"], ["d.t"]),
    "e.w": ("SELECT v.loud FROM d.v JOIN d.u ON u.x = v.a", ["loud"], ["d.v", "d.u"]),
}
READS_V = "SELECT v.loud FROM d.v LEFT JOIN d.u ON u.x = v.a"


def test_views_come_in_order_and_give_rows(url: str) -> None:
    views = {**QUERIES, "a.first": (READS_V, ["loud"], ["d.v", "d.u"])}
    outcomes, compared = replicate(url, BEFORE, views)
    assert [o.action for o in outcomes] == ["created"] * 5
    assert not [text for c in compared for text in c.problems]
    assert select(url, "d", "v", "a", "loud") == [(2, "Y")]
    assert select(url, "a", "first", "loud") == [("Y",)]
    outcomes, _ = replicate(url, BEFORE, views)
    assert [o.action for o in outcomes] == ["unchanged"] * 5


def test_views_follow_their_tables_and_their_queries(url: str) -> None:
    replicate(url, BEFORE, QUERIES)
    wider: Source = {**BEFORE, "d.t": ({"a": "double", "b": "string"}, ROWS)}
    changed = {**QUERIES, "d.v": ("SELECT a, lower(b) AS loud FROM t", ["a", "loud"], ["d.t"])}
    outcomes, compared = replicate(url, wider, changed)
    assert not [text for c in compared for text in c.problems]
    assert {o.key: o.action for o in outcomes}["d", "t"] == "changed"
    assert select(url, "d", "v", "a", "loud") == [(1, "x"), (2, "y")]
    outcomes, _ = replicate(url, wider, {"d.v": changed["d.v"]})
    assert ("e", "w") not in {o.key for o in outcomes}
    assert not any(name.endswith("w") for _, name in content(url))


def test_a_view_that_the_target_cannot_run_says_why_and_costs_no_other(url: str) -> None:
    views: Views = {
        "d.good": ("SELECT a FROM t", ["a"], ["d.t"]),
        "d.function": ("SELECT no_such_function(a) AS x FROM t", ["x"], ["d.t"]),
        "d.reader": ("SELECT x FROM function", ["x"], ["d.function"]),
        "d.gone": ("SELECT a FROM gone", ["a"], ["d.gone_table"]),
        "d.torn": ("SELECT a FROM (", ["a"], ["d.t"]),
    }
    outcomes, compared = replicate(url, BEFORE, views)
    reasons = {o.key[1]: o.reason for o in outcomes if o.kind == "view"}
    assert reasons["good"] == ""
    assert "no_such_function" in reasons["function"].lower()
    assert "d.function" in reasons["reader"]
    assert "not in the dumps" in reasons["gone"]
    assert "cannot be read" in reasons["torn"]
    assert not [text for c in compared for text in c.problems]


@pytest.mark.parametrize("kind", ["view", "table"])
def test_a_table_becomes_a_view_and_back(url: str, kind: str) -> None:
    as_table: Source = {**BEFORE, "d.x": ({"a": "int"}, None)}
    as_view: Views = {"d.x": ("SELECT a FROM t", ["a"], ["d.t"])}
    if kind == "view":
        replicate(url, as_table)
        outcomes, _ = replicate(url, BEFORE, as_view)
        assert {o.key: o.reason for o in outcomes if o.kind == "view"} == {("d", "x"): FOREIGN}
        outcomes, compared = replicate(url, BEFORE, as_view, allow_destructive=True)
    else:
        replicate(url, BEFORE, as_view)
        outcomes, compared = replicate(url, as_table)
    assert "created" in {o.action for o in outcomes if o.key == ("d", "x")}
    assert not [text for c in compared for text in c.problems]


def test_somebodys_view_is_left_alone(url: str) -> None:
    apply(url, BEFORE)
    with connected(url) as connection:
        theirs = '"d"."x"' if connection.dialect.name == "postgresql" else '"d.x"'
        connection.exec_driver_sql(f"CREATE VIEW {theirs} AS SELECT 42 AS answer")
        connection.commit()
    outcomes, _ = replicate(url, BEFORE, {"d.x": ("SELECT a FROM t", ["a"], ["d.t"])})
    assert [o.reason for o in outcomes if o.kind == "view"] == [FOREIGN]
    assert select(url, "d", "x", "answer") == [(42,)]
    outcomes, _ = replicate(url, {**BEFORE, "d.x": ({"a": "int"}, None)})
    assert FOREIGN in [o.reason for o in outcomes]


@on_postgresql
def test_rows_with_a_known_key_that_did_not_change_are_not_touched(url: str) -> None:
    keys = {"d.t": ["a"]}
    replicate(url, BEFORE, keys=keys)
    before = dict(select(url, "d", "t", "a", "xmin"))
    rows = pa.table({"a": pa.array([3, 2], pa.int32()), "b": ["new", "y"]})
    _, compared = replicate(url, {**BEFORE, "d.t": (BEFORE["d.t"][0], rows)}, keys=keys)
    assert not [text for c in compared for text in c.problems]
    after = dict(select(url, "d", "t", "a", "xmin"))
    assert set(after) == {2, 3}
    assert after[2] == before[2]
    assert after[3] != before[2]


@pytest.mark.parametrize("second", [2, None])
def test_rows_whose_key_is_not_unique_are_all_kept(url: str, second: int | None) -> None:
    keys = {"d.t": ["a", "b"]}
    replicate(url, BEFORE, keys=keys)
    rows = pa.table({"a": pa.array([2, second, 3], pa.int32()), "b": ["y", "y", None]})
    _, compared = replicate(url, {**BEFORE, "d.t": (BEFORE["d.t"][0], rows)}, keys=keys)
    assert not [text for c in compared for text in c.problems]
    assert [c.rows_target for c in compared if c.key == ("d", "t")] == [3]


def test_the_record_tells_what_was_done(url: str) -> None:
    apply(url, BEFORE)
    apply(url, {"d.t": BEFORE["d.t"]}, allow_destructive=True)
    with connected(url) as connection:
        history = Bookkeeping(connection).history(10)
    assert history[0]["step"] == "drop_table"
    assert {row["step"] for row in history} == {"create_table", "load_rows", "drop_table"}
    assert {row["catalog_version"] for row in history} == {"version"}


def test_a_record_of_the_first_layout_is_taken_over(url: str) -> None:
    apply(url, BEFORE)
    with connected(url) as connection:
        schemas = connection.dialect.name == "postgresql"
        record = "amodels_replica"
        prefix, schema = ("", record) if schemas else (f"{record}.", None)
        text = ("source_database", "source_table", "target_schema", "target_name")
        old = sa.Table(
            f"{prefix}applied_tables",
            sa.MetaData(),
            *(sa.Column(n, sa.Text) for n in (*text, "definition", "rows_version")),
            schema=schema,
        )
        objects = sa.Table(
            f"{prefix}applied_objects", sa.MetaData(), schema=schema, autoload_with=connection
        )
        old.create(connection)
        rows = connection.execute(sa.select(*(objects.c[name] for name in text))).all()
        connection.execute(
            sa.insert(old),
            [{**row._mapping, "definition": "x", "rows_version": "x"} for row in rows],
        )
        objects.drop(connection)
        connection.commit()
    outcomes, compared = replicate(url, BEFORE)
    assert [o.action for o in outcomes if "load_rows" in o.steps] == ["changed"]
    assert not {o.action for o in outcomes} & {"created", "skipped"}
    assert not [text for c in compared for text in c.problems]
    assert not any(name.endswith("applied_tables") for _, name in content(url))
