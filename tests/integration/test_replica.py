"""The replica in SQLite and in a real PostgreSQL server, which a package brings along."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.schemas.assets import replica
from amodels_assets.schemas.checks import replica_equals_source
from amodels_assets.schemas.connect import ReplicaError, connected, engine_for
from amodels_assets.schemas.identifiers import target_identifier
from amodels_assets.schemas.plan import plan_tables
from amodels_assets.schemas.replicate import replicate
from amodels_assets.schemas.types import parse_hive_type, target_type
from amodels_assets.schemas.verify import verify
from amodels_assets.sgmi.schema import SCHEMAS
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource

pytestmark = pytest.mark.xdist_group("postgresql")

COLUMNS = {
    "a": "string", "b": "boolean", "c": "tinyint", "d": "smallint", "e": "int", "f": "bigint",
    "g": "float", "h": "double", "i": "decimal(38,10)", "j": "date", "k": "timestamp",
    "l": "binary", "m": "char(5)", "n": "varchar(10)", "o": "array<int>",
    "p": "map<string,double>", "q": "struct<x:int,y:string>",
}  # fmt: skip
ROWS = pa.table(
    {
        "a": ['plain', "it's \"quoted\", \n and \\ more", "", None],
        "b": [True, False, None, True],
        "c": pa.array([1, -128, None, 127], pa.int8()),
        "d": pa.array([1, -32768, None, 32767], pa.int16()),
        "e": pa.array([1, -(2**31), None, 2**31 - 1], pa.int32()),
        "f": pa.array([1, -(2**63), None, 2**63 - 1], pa.int64()),
        "g": pa.array([0.1, -1.5e30, None, 3.0], pa.float32()),
        "h": [0.1, 1e-300, None, -0.0],
        "i": pa.array([Decimal("1.10"), Decimal("-9" * 1 + "9" * 27 + ".0000000001"), None, 0],
                      pa.decimal128(38, 10)),
        "j": [date(1677, 1, 1), date(9999, 12, 31), None, date(2024, 2, 29)],
        "k": pa.array([datetime(2024, 1, 1), datetime(2024, 1, 1, 2, 3, 4, 5), None,
                       datetime(1900, 1, 1)], pa.timestamp("us")),
        "l": pa.array([b"", b"\x00\xff", None, b"abc"], pa.binary()),
        "m": ["ab", "abcde", None, ""],
        "n": ["ü", "", None, "0123456789"],
        "o": pa.array([[1, 2], [], None, [None]], pa.list_(pa.int32())),
        "p": pa.array([[("k", 0.5)], [], None, [("b", 1.0), ("a", None)]],
                      pa.map_(pa.string(), pa.float64())),
        "q": pa.array([{"x": 1, "y": "z"}, {"x": None, "y": None}, None, {"x": 2, "y": "ü"}],
                      pa.struct([("x", pa.int32()), ("y", pa.string())])),
    }
)  # fmt: skip


Source = dict[str, tuple[dict[str, str], pa.Table | None]]
SOURCE: Source = {
    "d.everything": (COLUMNS, ROWS),
    "d.empty": ({"x": "int"}, None),
    "other.everything": ({"x": "string"}, pa.table({"x": ["only"]})),
}


def catalog_of(source: Source) -> tuple[pa.Table, pa.Table]:
    tables, columns = [], []
    for key, (types, _) in source.items():
        database, _, table = key.partition(".")
        empty = dict.fromkeys(SCHEMAS["tables"].names)
        tables.append({**empty, "database": database, "table": table, "kind": "table",
                       "comment": "it's; \"a\" comment"})  # fmt: skip
        columns += [
            {"database": database, "table": table, "position": i, "column": name, "type": kind,
             "is_partition": False, "comment": ""}
            for i, (name, kind) in enumerate(types.items())
        ]  # fmt: skip
    return (
        pa.Table.from_pylist(tables, schema=SCHEMAS["tables"]),
        pa.Table.from_pylist(columns, schema=SCHEMAS["columns"]),
    )


def apply(url: str, source: Source) -> list[tuple[str, str]]:
    """Replicate and verify; action and first problem of each table."""
    versions = {key: str(rows) for key, (_, rows) in source.items() if rows is not None}
    with connected(url) as connection:
        planned = plan_tables(*catalog_of(source), versions, connection.dialect.name)
        read = lambda table: source[f"{table.database}.{table.table}"][1]  # noqa: E731
        outcomes = replicate(connection, planned, read)
        compared = verify(connection, planned, read)
    return [
        (outcome.action, "; ".join(comparison.problems))
        for outcome, comparison in zip(outcomes, compared, strict=True)
    ]


def content(url: str) -> dict[tuple[str | None, str], list]:
    """All rows of all tables, the replica's own record included."""
    engine = engine_for(url)
    found = {}
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        for schema in [s for s in inspector.get_schema_names() if s != "information_schema"]:
            metadata = sa.MetaData()
            metadata.reflect(connection, schema=None if schema == "main" else schema)
            for table in metadata.tables.values():
                rows = connection.execute(sa.select(table))
                found[(table.schema, table.name)] = sorted(map(repr, rows))
    engine.dispose()
    return found


def test_every_type_comes_back_as_it_went_in(url: str) -> None:
    assert apply(url, SOURCE) == [("created", "")] * 3


def test_a_second_time_touches_nothing(url: str) -> None:
    apply(url, SOURCE)
    before = content(url)
    assert apply(url, SOURCE) == [("unchanged", "")] * 3
    assert content(url) == before


def test_changed_tables_are_replaced_and_vanished_ones_dropped(url: str) -> None:
    apply(url, SOURCE)
    changed: Source = {
        "d.everything": SOURCE["d.everything"],
        "other.everything": ({"x": "string", "y": "int"}, None),
    }
    assert apply(url, changed) == [("unchanged", ""), ("replaced", "")]
    assert not any(name.endswith("empty") for _, name in content(url))


def test_a_table_that_somebody_dropped_is_made_again(url: str) -> None:
    apply(url, SOURCE)
    with connected(url) as connection:
        name = "d.empty" if connection.dialect.name == "sqlite" else "empty"
        schema = None if connection.dialect.name == "sqlite" else "d"
        sa.Table(name, sa.MetaData(), schema=schema).drop(connection)
        connection.commit()
    assert apply(url, SOURCE)[0] == ("replaced", "")


def test_somebody_elses_table_is_left_alone(url: str) -> None:
    with connected(url) as connection:
        schemas = connection.dialect.name == "postgresql"
        if schemas:
            connection.execute(sa.schema.CreateSchema("d"))
        name, schema = ("empty", "d") if schemas else ("d.empty", None)
        theirs = sa.Table(name, sa.MetaData(), sa.Column("mine", sa.Integer), schema=schema)
        theirs.create(connection)
        connection.execute(sa.insert(theirs), {"mine": 42})
        connection.commit()
    outcomes = apply(url, SOURCE)
    assert outcomes[0][0] == "skipped"
    assert [o for o in outcomes if o[0] != "skipped"] == [("created", "")] * 2
    assert ["(42,)"] in content(url).values()


def test_a_table_that_is_too_wide_is_skipped_with_the_reason(url: str) -> None:
    wide: Source = {"d.wide": ({f"c{i}": "int" for i in range(2001)}, None)}
    ((action, problem),) = apply(url, {**wide})
    assert action == "skipped"
    assert "2001 columns" in problem


def test_three_hundred_tables(url: str) -> None:
    many: Source = {
        f"d.t{n:03}": ({f"c{i}": "decimal(18,2)" for i in range(1026 if n == 0 else 60)}, None)
        for n in range(300)
    }
    assert apply(url, many) == [("created", "")] * 300


names = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=80
)
ATTACKS = ['"; DROP TABLE "x"; --', "'; --", "`", "select", "ü" * 200, "a.b", "%s", "%(x)s", ":x"]


@pytest.mark.parametrize("name", ATTACKS)
def test_names_are_names_and_never_sql(url: str, name: str) -> None:
    rows = pa.table({name.lower(): ["'; DROP TABLE x; --", None]})
    assert apply(url, {f"d.{name}": ({name.lower(): "string"}, rows)}) == [("created", "")]


@given(first=names, second=names)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_names_fit_and_stay_apart(first: str, second: str) -> None:
    short = [target_identifier(name, "postgresql") for name in (first * 3, second * 3)]
    assert all(0 < len(name.encode()) <= 63 for name in short)
    assert (short[0] == short[1]) == (first * 3 == second * 3)


@given(st.text(max_size=40))
def test_any_type_text_maps_to_some_type(text: str) -> None:
    for dialect in ("postgresql", "sqlite"):
        assert isinstance(target_type(text, dialect), sa.types.TypeEngine)
    assert parse_hive_type(text).base


@pytest.mark.parametrize(
    ("hive", "postgresql_type", "sqlite_type"),
    [
        ("string", "TEXT", "TEXT"),
        ("decimal(18,2)", "NUMERIC(18, 2)", "TEXT"),
        ("decimal", "NUMERIC(10, 0)", "TEXT"),
        ("timestamp", "TIMESTAMP WITHOUT TIME ZONE", "TEXT"),
        ("boolean", "BOOLEAN", "INTEGER"),
        ("varchar(10)", "VARCHAR(10)", "TEXT"),
        ("char(3)", "CHAR(3)", "TEXT"),
        ("map<string,array<int>>", "JSONB", "TEXT"),
        ("binary", "BYTEA", "BLOB"),
        ("decimal(50,2)", "TEXT", "TEXT"),
    ],
)
def test_type_mapping(hive: str, postgresql_type: str, sqlite_type: str) -> None:
    for dialect, expected in (("postgresql", postgresql_type), ("sqlite", sqlite_type)):
        loaded = sa.dialects.registry.load(dialect)()
        assert target_type(hive, dialect).compile(loaded) == expected


def _replicate_and_die(url: str, at: int) -> None:
    from amodels_assets.schemas import replicate as module

    calls = 0
    real = module._load

    def load(*arguments) -> None:
        nonlocal calls
        real(*arguments)
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)

    module._load = load
    apply(url, SOURCE)


@pytest.mark.parametrize("at", [1, 2])
def test_a_kill_in_the_middle_and_a_second_run_end_like_one_run(
    url: str, at: int, tmp_path: Path
) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_replicate_and_die, args=(url, at)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert [problem for _, problem in apply(url, SOURCE)] == [""] * 3
    killed = content(url)
    with connected(url) as connection:
        planned = plan_tables(*catalog_of({}), {}, connection.dialect.name)
        replicate(connection, planned, lambda _: None)
    assert apply(url, SOURCE) == [("created", "")] * 3
    assert content(url) == killed


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:geheim@127.0.0.1:1/db",
        "mysql://user:geheim@127.0.0.1/db",
        "postgresql://user@127.0.0.1:1/db?password=geheim",
        "not a url with geheim",
    ],
)
def test_a_database_that_cannot_be_used_is_said_without_the_password(url: str) -> None:
    with pytest.raises(ReplicaError) as error, connected(url):
        pass
    assert "geheim" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def resources(tmp_path: Path, url: str) -> tuple[ArtifactStoreResource, DatabaseResource]:
    """An artifact store with catalog and rows, and a database."""
    store = ArtifactStore(tmp_path / "artifacts")
    tables, columns = catalog_of(SOURCE)

    def catalog(folder: Path) -> None:
        write_table(folder, "tables", tables)
        write_table(folder, "columns", columns)

    def rows(folder: Path) -> None:
        for key, (_, table) in SOURCE.items():
            if table is not None:
                write_table(folder, key, table)

    store.publish("sgmi/catalog", inputs={}, code_version="1", produce=catalog)
    store.publish("sgmi/rows", inputs={}, code_version="1", produce=rows)
    return ArtifactStoreResource(root=str(store.root)), DatabaseResource(url=url)


def check(resources: tuple[ArtifactStoreResource, DatabaseResource]) -> dg.AssetCheckResult:
    result = replica_equals_source(*resources)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_asset_and_check(resources: tuple[ArtifactStoreResource, DatabaseResource]) -> None:
    first = replica(dg.build_asset_context(), *resources)
    assert first.metadata["created"] == 3
    assert check(resources).passed
    second = replica(dg.build_asset_context(), *resources)
    assert second.metadata["unchanged"]
    assert second.data_version == first.data_version


@pytest.mark.parametrize("tamper", ["value", "row", "column", "table"])
def test_the_check_fails_when_the_database_was_touched(
    resources: tuple[ArtifactStoreResource, DatabaseResource], tamper: str
) -> None:
    replica(dg.build_asset_context(), *resources)
    with connected(resources[1].url) as connection:
        schemas = connection.dialect.name == "postgresql"
        name = '"other"."everything"' if schemas else '"other.everything"'
        statement = {
            "value": f"UPDATE {name} SET x = 'changed'",
            "row": f"INSERT INTO {name} VALUES ('more')",
            "column": f"ALTER TABLE {name} ADD COLUMN z INTEGER",
            "table": f"DROP TABLE {name}",
        }[tamper]
        connection.exec_driver_sql(statement)
        connection.commit()
    result = check(resources)
    assert not result.passed
    assert "other.everything" in (result.description or "")
