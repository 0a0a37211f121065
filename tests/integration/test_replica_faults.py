"""What a target refuses, what odd values come back as, and what breaks in the middle of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amodels_assets.schemas import apply as apply_module
from amodels_assets.schemas.connect import ReplicaError, connected
from amodels_assets.schemas.convert import canonical
from amodels_assets.schemas.plan import plan_tables
from amodels_assets.schemas.replica import bring_up_to_date, compare, report_table
from tests.integration.replica_source import (
    Source,
    apply,
    catalog_of,
    replicate,
    source_in_memory,
)
from tests.integration.test_replica import SOURCE

pytestmark = pytest.mark.xdist_group("postgresql")
on_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


def skipped_alone(url: str, key: str, types: dict[str, str], rows: pa.Table | None) -> str:
    """Why the first table is skipped, while its neighbour arrives."""
    source: Source = {key: (types, rows), "z.neighbour": SOURCE["d.empty"]}
    outcomes, _ = replicate(url, source)
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
    changed: Source = {**SOURCE, "d.empty": ({"x": "bigint"}, None)}
    actions = [action for action, _ in apply(url, changed)]
    assert sorted(actions) == ["skipped", "unchanged", "unchanged"]


def test_two_tables_of_one_target_name_are_told_apart() -> None:
    found = [catalog_of({key: ({"x": "int"}, None)}) for key in ("a.b.c", "a.b.c")]
    for name in ("tables", "columns"):
        rows = [table[name].to_pylist()[0] for table in found]
        rows[1].update(database="a.b", table="c")
        found[0][name] = pa.Table.from_pylist(rows, schema=found[0][name].schema)
    tables, columns = found[0]["tables"], found[0]["columns"]
    obstacles = [table.obstacle for table in plan_tables(tables, columns, {}, "sqlite")]
    assert obstacles == ["", "its name in the target is that of b.c in a"]
    assert not any(table.obstacle for table in plan_tables(tables, columns, {}, "postgresql"))


@on_postgresql
def test_comments_arrive_and_change(url: str) -> None:
    source: Source = {"d.t": ({"x": "int"}, None)}
    for comment in ('it\'s; 100 % "x"', "another", None):
        taken = source_in_memory(source)
        columns = [{**row, "comment": comment} for row in taken.tables["columns"].to_pylist()]
        schema = taken.tables["columns"].schema
        changed = {**taken.tables, "columns": pa.Table.from_pylist(columns, schema=schema)}
        bring_up_to_date(url, dataclasses.replace(taken, tables=changed))
        with connected(url) as connection:
            inspector = sa.inspect(connection)
            assert inspector.get_table_comment("t", "d") == {"text": 'it\'s; "a" comment'}
            assert [c["comment"] for c in inspector.get_columns("t", "d")] == [comment]


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
    taken = source_in_memory(source)
    report = report_table(url, bring_up_to_date(url, taken))
    assert [c.problems for c in compare(url, taken, report)] == [()]
    other = pa.table({"x": [after]}).to_batches()
    odd = dataclasses.replace(taken, read_rows=lambda _: iter(other))
    (found,) = compare(url, odd, report)
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
    real, calls = apply_module.replace_rows, []

    def load(connection: sa.Connection, *arguments: Any, **options: Any) -> int:
        calls.append(arguments)
        if len(calls) == 2:
            fault(connection)
        return real(connection, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(apply_module, "replace_rows", load)
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
