"""A warehouse of real size in every target, read back through the database's own catalog.

Nothing here asks the product what it has written: tables, columns and comments come from
``sqlite_master`` and ``information_schema`` by plain SQL, rows through the bare drivers, and what
they should be is written down here once more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from amodels_assets.sample import write_sample
from amodels_assets.sample.profiles import Profile
from amodels_assets.schemas.replica import bring_up_to_date, compare, report_table
from amodels_assets.schemas.source import CATALOG_TABLES, Source
from amodels_assets.settings import PROJECT_ROOT
from amodels_assets.sgmi.catalog import build_catalog
from amodels_assets.sgmi.rows import read_rows

pytestmark = pytest.mark.xdist_group("postgresql")

RECORD = "amodels_replica"
Query = Callable[[str], list[tuple[Any, ...]]]
# By database and table: its comment, then name, type and comment of each column, in order.
Tables = dict[tuple[str, str], tuple[str, list[tuple[str, str, str]]]]


@dataclass(frozen=True)
class Target:
    """A database, and what is known about it without the product.

    Attributes:
        query: Runs a statement through the bare driver.
        tables: What its catalog says.
        type_of: How it shows a Hive type.
        value_of: A value of a Hive type as the driver gives it.
        name_of: A table in a statement.
        has_comments: Whether tables and columns have comments there.
    """

    url: str
    query: Query
    tables: Callable[[Query], Tables]
    type_of: Callable[[str], str]
    value_of: Callable[[str, Any], Any]
    name_of: Callable[[str, str], str]
    has_comments: bool


# SQLite


def sqlite_tables(query: Query) -> Tables:
    found: Tables = {}
    for place, column, kind in query(
        "SELECT m.name, c.name, c.type FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
        "WHERE m.type = 'table' ORDER BY m.name, c.cid"
    ):
        database, _, table = place.partition(".")
        found.setdefault((database, table), ("", []))[1].append((column, kind, ""))
    return found


def sqlite_type(hive: str) -> str:
    whole = ("boolean", "tinyint", "smallint", "int", "bigint")
    return (
        "INTEGER"
        if hive in whole
        else {"float": "REAL", "double": "REAL", "binary": "BLOB"}.get(hive, "TEXT")
    )


def sqlite_value(_: str, value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case Decimal():
            return f"{value:f}"
        case date() | datetime():
            return str(value)
    return value


# PostgreSQL


def postgresql_tables(query: Query) -> Tables:
    found: Tables = {
        (schema, table): (comment or "", [])
        for schema, table, comment in query(
            "SELECT n.nspname, c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
            "AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        )
    }
    for schema, table, column, kind, length, precision, scale, comment in query(
        "SELECT table_schema, table_name, column_name, data_type, character_maximum_length, "
        "CASE data_type WHEN 'numeric' THEN numeric_precision END, numeric_scale, "
        "col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position) "
        "FROM information_schema.columns JOIN information_schema.tables "
        "USING (table_catalog, table_schema, table_name) WHERE table_type = 'BASE TABLE' "
        "AND table_schema NOT IN ('pg_catalog', 'information_schema') "
        "ORDER BY table_schema, table_name, ordinal_position"
    ):
        text = kind
        if length is not None:
            text = f"{kind}({length})"
        elif precision is not None:
            text = f"{kind}({precision},{scale})"
        found[schema, table][1].append((column, text, comment or ""))
    return found


def postgresql_type(hive: str) -> str:
    name, _, rest = hive.partition("(")
    if hive.startswith(("array<", "map<", "struct<")):
        return "jsonb"
    longer = {"decimal": "numeric", "char": "character", "varchar": "character varying"}
    if rest:
        return f"{longer[name]}({rest}"
    return {
        "string": "text", "boolean": "boolean", "tinyint": "smallint", "smallint": "smallint",
        "int": "integer", "bigint": "bigint", "float": "real", "double": "double precision",
        "date": "date", "timestamp": "timestamp without time zone", "binary": "bytea",
    }[name]  # fmt: skip


def postgresql_value(hive: str, value: Any) -> Any:
    length = re.fullmatch(r"char\((\d+)\)", hive)
    # It fills up with blanks.
    return value.ljust(int(length[1])) if length and value is not None else value


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """An empty database of each kind."""
    yield from {"sqlite": _sqlite, "postgresql": _postgresql}[request.param](request, tmp_path)


def _sqlite(_: pytest.FixtureRequest, folder: Path) -> Iterator[Target]:
    import sqlite3

    path = folder / "replica.sqlite"

    def query(statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    yield Target(
        f"sqlite:///{path}",
        query,
        sqlite_tables,
        sqlite_type,
        sqlite_value,
        lambda database, table: f'"{database}.{table}"',
        has_comments=False,
    )


def _postgresql(request: pytest.FixtureRequest, _: Path) -> Iterator[Target]:
    import psycopg2

    server = request.getfixturevalue("postgresql")
    name = "warehouse_of_a_test"

    def run(url: str, statement: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    run(server, f"CREATE DATABASE {name}")
    url = server.replace("/postgres?", f"/{name}?")
    assert url != server
    yield Target(
        url,
        lambda statement: run(url, statement),
        postgresql_tables,
        postgresql_type,
        postgresql_value,
        lambda database, table: f'"{database}"."{table}"',
        has_comments=True,
    )
    run(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """The catalog of a warehouse of real size."""
    folder = tmp_path_factory.mktemp("warehouse") / "source"
    write_sample(folder, profile=Profile.WAREHOUSE)
    return build_catalog(folder).tables


@pytest.fixture(scope="module")
def shipped() -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
    """Catalog and rows of the sample that ships with the project."""
    source = PROJECT_ROOT / "data" / "sgmi"
    catalog = build_catalog(source).tables
    return catalog, read_rows(source, catalog["columns"])[0]


def source_of(catalog: Mapping[str, pa.Table], rows: Mapping[str, pa.Table]) -> Source:
    return Source(
        "version",
        {name: catalog[name] for name in CATALOG_TABLES},
        dict.fromkeys(rows, "1"),
        lambda planned: iter(rows[f"{planned.database}.{planned.table}"].to_batches(1_000)),
    )


def only_tables(catalog: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The catalog without its views."""
    kept = pa.array([kind == "table" for kind in catalog["tables"]["kind"].to_pylist()])
    return {
        **catalog,
        "tables": catalog["tables"].filter(kept),
        "views": catalog["views"].slice(0, 0),
    }


def expected(catalog: Mapping[str, pa.Table], target: Target) -> Tables:
    """What the target's own catalog should say."""

    def comment(text: str | None) -> str:
        return text or "" if target.has_comments else ""

    found: Tables = {
        (row["database"], row["table"]): (comment(row["comment"]), [])
        for row in catalog["tables"].to_pylist()
        if row["kind"] == "table"
    }
    columns = catalog["columns"].to_pylist()
    for row in sorted(columns, key=lambda row: row["position"]):
        place = (row["database"], row["table"])
        if place in found:
            kind = target.type_of(row["type"])
            found[place][1].append((row["column"], kind, comment(row["comment"])))
    return found


def own_tables(target: Target) -> Tables:
    """What is there, without the replica's own record."""
    return {
        place: found for place, found in target.tables(target.query).items() if place[0] != RECORD
    }


def test_a_warehouse_of_real_size_is_there_as_the_catalog_has_it(
    target: Target, warehouse: dict[str, pa.Table]
) -> None:
    catalog = only_tables(warehouse)
    outcomes = bring_up_to_date(target.url, source_of(catalog, {}))
    assert Counter(outcome.action for outcome in outcomes) == {"created": 296}
    there = own_tables(target)
    widths = [len(columns) for _, columns in there.values()]
    assert (len(widths), sum(widths), max(widths)) == (296, 19_385, 1_026)
    assert there == expected(catalog, target)
    commented = sum(bool(text) for _, columns in there.values() for _, _, text in columns)
    assert bool(commented) is target.has_comments


def test_the_shipped_sample_is_there_with_every_value(
    target: Target, shipped: tuple[dict[str, pa.Table], dict[str, pa.Table]]
) -> None:
    catalog, rows = shipped
    source = source_of(catalog, rows)
    outcomes = bring_up_to_date(target.url, source)
    assert {o.action for o in outcomes if o.kind == "table"} == {"created"}
    assert own_tables(target) == expected(catalog, target)
    types = {
        (f"{row['database']}.{row['table']}", row["column"]): row["type"]
        for row in catalog["columns"].to_pylist()
    }
    assert sum(table.num_rows for table in rows.values()) > 50_000
    for name, table in rows.items():
        wanted = zip(
            *(
                [target.value_of(types[name, column], value) for value in values.to_pylist()]
                for column, values in zip(table.column_names, table.columns, strict=True)
            ),
            strict=True,
        )
        there = target.query(f"SELECT * FROM {target.name_of(*name.split('.'))}")
        assert Counter(there) == Counter(wanted), name
    # What is found here by other means is what the product's own comparison says.
    compared = compare(target.url, source, report_table(target.url, outcomes))
    assert [comparison.problems for comparison in compared if comparison.problems] == []
