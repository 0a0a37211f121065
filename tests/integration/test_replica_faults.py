"""What a target refuses, what odd values come back as, and what breaks in the middle of a run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amodels_assets.schemas import replicate as replicate_module
from amodels_assets.schemas.connect import ReplicaError, connected
from amodels_assets.schemas.convert import canonical
from amodels_assets.schemas.plan import plan_tables
from amodels_assets.schemas.replicate import replicate
from amodels_assets.schemas.verify import verify
from tests.integration.test_replica import (
    SOURCE,
    Source,
    apply,
    catalog_of,
)

pytestmark = pytest.mark.xdist_group("postgresql")
on_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


def skipped_alone(url: str, key: str, types: dict[str, str], rows: pa.Table | None) -> str:
    """Why the first table is skipped, while its neighbour arrives."""
    source: Source = {key: (types, rows), "z.neighbour": SOURCE["d.empty"]}
    versions = {key: "1"} if rows is not None else {}
    with connected(url) as connection:
        planned = plan_tables(*catalog_of(source), versions, connection.dialect.name)
        outcomes = replicate(connection, planned, lambda _: rows)
    assert [outcome.action for outcome in outcomes] == ["skipped", "created"]
    return outcomes[0].reason


WIDE_ROW = {f"c{i}": "double" for i in range(1500)}


@on_postgresql
@pytest.mark.parametrize(
    ("key", "types", "rows", "reason"),
    [
        ("d.t", {"x": "varchar(2)"}, pa.table({"x": ["abc"]}), "too long"),
        ("d.t", {"x": "string"}, pa.table({"x": ["a\x00b"]}), "invalid byte sequence"),
        ("d.t", WIDE_ROW, pa.table({name: [1.5] for name in WIDE_ROW}), "row is too big"),
        ("pg_d.t", {"x": "int"}, None, "unacceptable schema name"),
        ("d.t", {"ctid": "int"}, None, "system column"),
        ("amodels_replica.applied_tables", {"x": "int"}, None, "keeps for itself"),
        ("information_schema.t", {"x": "int"}, None, "keeps for itself"),
    ],
)
def test_what_postgresql_refuses_costs_no_other_table(
    url: str, key: str, types: dict[str, str], rows: pa.Table | None, reason: str
) -> None:
    assert reason in skipped_alone(url, key, types, rows)


@on_sqlite
@pytest.mark.parametrize(
    ("key", "types", "reason"),
    [
        ("sqlite_d.t", {"x": "int"}, "reserved"),
        ("amodels_replica.applied_tables", {"x": "int"}, "keeps for itself"),
        ("d.t", {"x": "int", "X": "int"}, "same name"),
    ],
)
def test_what_sqlite_refuses_costs_no_other_table(
    url: str, key: str, types: dict[str, str], reason: str
) -> None:
    assert reason in skipped_alone(url, key, types, None)


@on_postgresql
def test_a_table_under_somebodys_view_is_left_as_it_is(url: str) -> None:
    apply(url, SOURCE)
    with connected(url) as connection:
        connection.exec_driver_sql('CREATE VIEW theirs AS SELECT * FROM "d"."empty"')
        connection.commit()
    changed: Source = {**SOURCE, "d.empty": ({"x": "int", "y": "int"}, None)}
    actions = [action for action, _ in apply(url, changed)]
    assert sorted(actions) == ["skipped", "unchanged", "unchanged"]


def test_two_tables_of_one_target_name_are_told_apart() -> None:
    first, second = (
        [table.to_pylist()[0] for table in catalog_of({"a.b.c": ({"x": "int"}, None)})]
        for _ in range(2)
    )
    for row in second:
        row.update(database="a.b", table="c")
    schemas = [table.schema for table in catalog_of({})]
    tables, columns = (
        pa.Table.from_pylist(list(rows), schema=schema)
        for rows, schema in zip(zip(first, second, strict=True), schemas, strict=True)
    )
    obstacles = [table.obstacle for table in plan_tables(tables, columns, {}, "sqlite")]
    assert obstacles == ["", "its name in the target is that of b.c in a"]
    assert not any(table.obstacle for table in plan_tables(tables, columns, {}, "postgresql"))


@on_postgresql
def test_comments_arrive(url: str) -> None:
    tables, columns = catalog_of({"d.t": ({"x": "int"}, None)})
    commented = [{**row, "comment": 'it\'s; 100 % "x"'} for row in columns.to_pylist()]
    columns = pa.Table.from_pylist(commented, schema=columns.schema)
    with connected(url) as connection:
        replicate(connection, plan_tables(tables, columns, {}, "postgresql"), lambda _: None)
        inspector = sa.inspect(connection)
        assert inspector.get_table_comment("t", "d") == {"text": 'it\'s; "a" comment'}
        assert [c["comment"] for c in inspector.get_columns("t", "d")] == ['it\'s; 100 % "x"']


def test_nested_values_as_text_and_odd_numbers(url: str) -> None:
    rows = pa.table(
        {
            "x": ["[1, 2]", "not json", '"5"', "null", None, '{"b":1e17,"a":-0.0}'],
            "y": [[1e20, 1.0], [-0.0], [float("nan"), float("inf")], [1e-7], None, []],
        }
    )
    types = {"x": "map<string,int>", "y": "array<double>"}
    assert apply(url, {"d.t": (types, rows)}) == [("created", "")]


@pytest.mark.parametrize(
    ("before", "after"), [("[1, 2]", "[2, 1]"), ('{"a": 1}', '{"a": "1"}'), ("x", "y")]
)
def test_another_nested_value_is_noticed(url: str, before: str, after: str) -> None:
    types = {"x": "array<int>"}
    source: Source = {"d.t": (types, pa.table({"x": [before]}))}
    assert apply(url, source) == [("created", "")]
    other = pa.table({"x": [after]})
    with connected(url) as connection:
        planned = plan_tables(*catalog_of(source), {"d.t": "1"}, connection.dialect.name)
        (found,) = verify(connection, planned, lambda _: other)
    assert found.problems == ("the content of column x differs",)


def test_text_that_looks_like_the_end_of_the_data(url: str) -> None:
    texts = ["\\.", "a\n\\.\nb", "\\N", "", None, "\r\n", "\r", "NULL", " "]
    assert apply(url, {"d.t": ({"x": "string"}, pa.table({"x": texts}))}) == [("created", "")]


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
numbers = st.decimals(places=10, allow_nan=False, min_value=-(10**27), max_value=10**27)


@given(
    st.lists(st.tuples(st.none() | text, st.none() | st.floats(), st.none() | numbers), max_size=8)
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_rows_come_back(url: str, rows: list[tuple]) -> None:
    x, y, z = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table(
        [pa.array(x, pa.string()), pa.array(y, pa.float64()), pa.array(z, pa.decimal128(38, 10))],
        names=["x", "y", "z"],
    )
    types = {"x": "string", "y": "double", "z": "decimal(38,10)"}
    assert apply(url, {"d.t": (types, None)})[0][1] == ""
    assert apply(url, {"d.t": (types, table)})[0][1] == ""


def test_digits_beyond_the_28th_count() -> None:
    first, second = (Decimal(f"1.{'0' * 34}{digit}") for digit in "12")
    assert canonical(first) != canonical(second)
    assert canonical(Decimal("-0.00")) == canonical(Decimal(0)) == "0"
    assert canonical(Decimal("1E+2")) == "100"


Fault = Callable[[sa.Connection], None]


def broken_then_mended(url: str, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> str:
    """What a run says that meets a fault; the run after it ends like an undisturbed one."""
    real, calls = replicate_module._load, []

    def load(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
        calls.append(table)
        if len(calls) == 2:
            fault(connection)
        real(connection, table, rows)

    with monkeypatch.context() as patched:
        patched.setattr(replicate_module, "_load", load)
        with pytest.raises(ReplicaError) as error:
            apply(url, SOURCE)
    assert apply(url, SOURCE) == [("unchanged", ""), ("unchanged", ""), ("created", "")]
    return str(error.value)


@on_postgresql
def test_a_connection_that_is_cut(
    url: str, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(connection: sa.Connection) -> None:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with connected(postgresql) as other:
            other.execute(sa.select(sa.func.pg_terminate_backend(pid, 5000)))

    said = broken_then_mended(url, monkeypatch, cut)
    assert "terminating connection" in said or "closed the connection" in said
    assert "\n" not in said


@on_sqlite
def test_a_full_disk(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.exec_driver_sql("CREATE TABLE filler AS SELECT randomblob(100000) AS x")

    assert "full" in broken_then_mended(url, monkeypatch, fill)


@on_sqlite
def test_a_database_that_somebody_locks(url: str) -> None:
    apply(url, SOURCE)
    with connected(url) as other:
        other.execute(sa.text("SELECT 1"))
        with pytest.raises(ReplicaError, match="locked"):
            apply(f"{url}?timeout=0.05", SOURCE)
    assert apply(url, SOURCE) == [("unchanged", "")] * 3


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "replica.sqlite"
    path.write_text("no database, but long enough to be taken for one" * 100)
    with pytest.raises(ReplicaError, match="not a database"):
        apply(f"sqlite:///{path}", SOURCE)
