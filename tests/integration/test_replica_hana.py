"""The replica in SAP HANA: what the other targets' tests ask for, and what is its own.

They run against the stand-in of ``tests/hana``, through SAP's real driver. The same module runs
against a real SAP HANA where ``AMODELS_TEST_HANA_URL`` names one, as ``hana://user:password@host:
port``. Give it a database of its own, and a user that may create schemas: the tests make schemas
called ``d``, ``e``, ``other`` and ``amodels_replica``, and drop every schema that was not there
before.

    AMODELS_TEST_HANA_URL=hana://tests:password@localhost:39015 \\
        .venv/bin/pytest tests/integration/test_replica_hana.py

Belongs here: behaviour that any SAP HANA has. Does not belong here: the stand-in's grammar and
faults (``test_replica_hana_grammar.py``, ``test_replica_hana_faults.py``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amodels_assets.schemas.connect import connected
from amodels_assets.schemas.migration import FOREIGN
from amodels_assets.schemas.replica import bring_up_to_date
from tests.integration.hana_database import columns, comments, content, hana_database
from tests.integration.replica_source import (
    Source,
    Views,
    apply,
    differences,
    replicate,
    source_in_memory,
)

# What any target has to do: the same tests, with this module's database.
from tests.integration.test_replica import (  # noqa: F401
    SOURCE,
    room,
    test_a_second_time_touches_nothing,
    test_assets_and_checks,
    test_every_type_comes_back_as_it_went_in,
    test_names_are_names_and_never_sql,
)
from tests.integration.test_replica_faults import (  # noqa: F401
    test_another_nested_value_is_noticed,
    test_text_that_looks_like_the_end_of_the_data,
)
from tests.integration.test_replica_migrations import (  # noqa: F401
    test_a_plan_writes_nothing,
    test_a_table_becomes_a_view_and_back,
    test_a_view_that_the_target_cannot_run_says_why_and_costs_no_other,
    test_columns_are_added_and_widened,
    test_rows_wait_with_a_narrower_column_that_would_round_them,
    test_rows_whose_key_is_not_unique_are_all_kept,
    test_the_record_tells_what_was_done,
    test_views_come_in_order_and_give_rows,
    test_views_follow_their_tables_and_their_queries,
    test_what_loses_data_waits_for_permission,
    test_what_widens_keeps_the_rows_that_are_there,
)

pytest.importorskip("hdbcli")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """URL of an empty SAP HANA."""
    with hana_database(tmp_path / "hana") as found:
        yield found


def test_tables_have_the_types_that_the_page_names(url: str) -> None:
    apply(url, SOURCE)
    assert columns(url, "d", "everything") == {
        "a": "NVARCHAR(5000)", "b": "BOOLEAN", "c": "SMALLINT", "d": "SMALLINT", "e": "INTEGER",
        "f": "BIGINT", "g": "REAL", "h": "DOUBLE", "i": "DECIMAL(38, 10)", "j": "DATE",
        "k": "TIMESTAMP", "l": "BLOB", "m": "NVARCHAR(5)", "n": "NVARCHAR(10)", "o": "NCLOB",
        "p": "NCLOB", "q": "NCLOB",
    }  # fmt: skip


def test_large_objects_arrive_whole(url: str) -> None:
    rows = pa.table(
        {
            "o": pa.array([list(range(30_000)), None, []], pa.list_(pa.int32())),
            "l": pa.array([bytes(range(256)) * 500, None, b""], pa.binary()),
            "m": ["ü🦊" * 6_000, None, ""],
        }
    )
    types = {"o": "array<int>", "l": "binary", "m": "varchar(20000)"}
    assert apply(url, {"d.t": (types, rows)}) == [("created", "")]
    assert columns(url, "d", "t")["m"] == "NCLOB"


def test_comments_arrive_and_change(url: str) -> None:
    taken = source_in_memory({"d.t": ({"x": "int", "y": "string"}, None)})
    schema = taken.tables["columns"].schema
    for comment in ('it\'s; 100 % "x" ?', "another", None):
        rows = [{**row, "comment": comment} for row in taken.tables["columns"].to_pylist()]
        changed = {**taken.tables, "columns": pa.Table.from_pylist(rows, schema=schema)}
        bring_up_to_date(url, dataclasses.replace(taken, tables=changed))
        assert comments(url, "d", "t") == {
            "": 'it\'s; "a" comment',
            "x": comment or "",
            "y": comment or "",
        }


def test_somebodys_tables_and_views_are_left_alone(url: str) -> None:
    with connected(url) as connection:
        for statement in (
            'CREATE SCHEMA "d"',
            'CREATE COLUMN TABLE "d"."empty" ("mine" INTEGER)',
            'INSERT INTO "d"."empty" ("mine") VALUES (42)',
            'CREATE VIEW "d"."x" ("answer") AS SELECT 42 AS "answer" FROM DUMMY',
        ):
            connection.exec_driver_sql(statement)
        connection.commit()
    views: Views = {"d.x": ("SELECT a FROM everything", ["a"], ["d.everything"])}
    outcomes, _ = replicate(url, SOURCE, views)
    assert {o.key: o.reason for o in outcomes if o.reason} == {
        ("d", "empty"): FOREIGN,
        ("d", "x"): FOREIGN,
    }
    replicate(url, {"d.everything": SOURCE["d.everything"]}, allow_destructive=True)
    found = content(url)
    assert found["d", "empty"] == ["[42]"]
    assert found["d", "x"] == ["[42]"]


def test_a_schema_of_the_same_name_in_capitals_is_another(url: str) -> None:
    """As a user makes one who does not quote its name."""
    with connected(url) as connection:
        for statement in (
            "CREATE SCHEMA other",
            "CREATE COLUMN TABLE other.everything (x INTEGER)",
        ):
            connection.exec_driver_sql(statement)
        connection.commit()
    assert apply(url, SOURCE) == [("created", "")] * 3
    assert apply(url, SOURCE) == [("unchanged", "")] * 3
    assert content(url)["OTHER", "EVERYTHING"] == []


def test_what_somebody_changed_is_found(url: str) -> None:
    apply(url, SOURCE)
    with connected(url) as connection:
        connection.exec_driver_sql('UPDATE "other"."everything" SET "x" = \'changed\'')
        connection.exec_driver_sql('ALTER TABLE "d"."empty" ADD ("z" INTEGER)')
        connection.commit()
    assert differences(url, SOURCE) == [
        "d.empty: drop column z INTEGER",
        "other.everything: the content of column x differs",
    ]
    apply(url, SOURCE, reload=[("other", "everything")], allow_destructive=True)
    assert differences(url, SOURCE) == []


numbers = st.decimals(places=10, allow_nan=False, min_value=-(10**27), max_value=10**27)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
rows_of_values = st.lists(
    st.tuples(st.none() | text, st.none() | st.floats(allow_infinity=False), st.none() | numbers),
    max_size=8,
)


@given(rows_of_values)
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
    assert apply(url, {"d.t": (types, None)}, allow_destructive=True)[0][1] == ""
    assert apply(url, {"d.t": (types, table)})[0][1] == ""


def test_infinity_is_refused_and_costs_no_other_table(url: str) -> None:
    source: Source = {
        "d.t": ({"x": "double"}, pa.table({"x": [1.5, float("inf")]})),
        "d.u": ({"x": "double"}, pa.table({"x": [1.7e308]})),
    }
    outcomes, _ = replicate(url, source)
    assert [outcome.action for outcome in outcomes] == ["skipped", "created"]
    assert "'inf'" in outcomes[0].reason
    assert content(url)["d", "t"] == []


def test_nan_is_null(url: str) -> None:
    rows = pa.table({"x": [float("nan"), 1.5, None]})
    assert apply(url, {"d.t": ({"x": "double"}, rows)}) == [("created", "")]
    assert content(url)["d", "t"] == ["[1.5]", "[None]", "[None]"]


def test_rows_are_merged_by_key_and_where_they_have_large_objects_replaced(url: str) -> None:
    keys = {"d.t": ["k"], "d.large": ["k"]}
    for values, nested in (([1, 2, 3], ["[1]", "[2]", None]), ([4, 2, 5], ["[1]", None, "[]"])):
        rows = pa.table({"k": pa.array(values, pa.int32()), "v": ["a", None, "c"]})
        large = rows.append_column("o", pa.array(nested))
        source: Source = {
            "d.t": ({"k": "int", "v": "string"}, rows),
            "d.large": ({"k": "int", "v": "string", "o": "array<int>"}, large),
        }
        _, compared = replicate(url, source, keys=keys)
        assert not [text for c in compared for text in c.problems]
    assert content(url)["d", "t"] == ["[2, None]", "[4, 'a']", "[5, 'c']"]
