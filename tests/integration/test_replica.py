"""The replica in SQLite and in a real PostgreSQL server, which a package brings along."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.schemas.assets import replica_assets
from amodels_assets.schemas.checks import replica_checks
from amodels_assets.schemas.connect import ReplicaError, connected
from amodels_assets.schemas.identifiers import target_identifier
from amodels_assets.schemas.replica import compare
from amodels_assets.schemas.source import source_of
from amodels_assets.schemas.targets import Target
from amodels_assets.schemas.types import parse_hive_type, target_type
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource
from resources.locks import LockResource
from tests.integration.replica_source import (
    Source,
    apply,
    catalog_of,
    content,
    published,
)

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


SOURCE: Source = {
    "d.everything": (COLUMNS, ROWS),
    "d.empty": ({"x": "int"}, None),
    "other.everything": ({"x": "string"}, pa.table({"x": ["only"]})),
}


def test_every_type_comes_back_as_it_went_in(url: str) -> None:
    assert apply(url, SOURCE) == [("created", "")] * 3


def test_a_second_time_touches_nothing(url: str) -> None:
    apply(url, SOURCE)
    before = content(url)
    assert apply(url, SOURCE) == [("unchanged", "")] * 3
    assert content(url) == before


def test_a_table_that_somebody_dropped_is_made_again(url: str) -> None:
    apply(url, SOURCE)
    with connected(url) as connection:
        name = "d.empty" if connection.dialect.name == "sqlite" else "empty"
        schema = None if connection.dialect.name == "sqlite" else "d"
        sa.Table(name, sa.MetaData(), schema=schema).drop(connection)
        connection.commit()
    assert ("created", "") in apply(url, SOURCE)
    assert apply(url, SOURCE) == [("unchanged", "")] * 3


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
    from amodels_assets.schemas import apply as module

    calls = 0
    real = module.replace_rows

    def load(*arguments, **options) -> int:
        nonlocal calls
        loaded = real(*arguments, **options)
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return loaded

    module.replace_rows = load
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
    dropped = apply(url, {}, allow_destructive=True)
    assert [action for action, _ in dropped] == ["dropped"] * 3
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


@dataclass
class Room:
    """An artifact store with catalog and rows, a database, and the assets on it."""

    store: ArtifactStore
    url: str

    def __post_init__(self) -> None:
        self.source = source_of(*published(self.store, catalog_of(SOURCE), SOURCE))
        self.target = Target(self.url.partition(":")[0], "")
        (self.asset,) = replica_assets([self.target])
        (self.checks,) = replica_checks([self.target])
        self.resources = {
            "artifact_store": ArtifactStoreResource(root=str(self.store.root)),
            "replica_databases": DatabaseResource(**{self.target.name: self.url}),
            "locks": LockResource(folder=str(self.store.root / "locks")),
        }

    def run(self, **config: object) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [self.asset, self.checks],
            resources=self.resources,
            run_config={"ops": {self.asset.op.name: {"config": config}}},
            raise_on_error=False,
        )

    def differences(self) -> list[str]:
        report = self.store.get(self.target.artifact).table("report")
        compared = compare(self.url, self.source, report)
        return [f"{'.'.join(c.key)}: {text}" for c in compared for text in c.problems]

    def metadata(self, result: dg.ExecuteInProcessResult) -> dict[str, object]:
        (made,) = result.get_asset_materialization_events()
        return {k: v.value for k, v in made.materialization.metadata.items()}


@pytest.fixture
def room(tmp_path: Path, url: str) -> Room:
    return Room(ArtifactStore(tmp_path / "artifacts"), url)


def test_assets_and_checks(room: Room) -> None:
    first = room.run()
    assert first.success
    assert room.metadata(first)["tables created"] == 3
    assert {c.check_name: c.passed for c in first.get_asset_check_evaluations()} == {
        "replica_equals_source": True,
        "replica_has_nothing_held_back": True,
    }
    second = room.metadata(room.run())
    assert second["unchanged"]
    assert second["tables unchanged"] == 3


@pytest.mark.parametrize("tamper", ["value", "row", "column", "table"])
def test_the_check_fails_when_the_database_was_touched(room: Room, tamper: str) -> None:
    room.run()
    with connected(room.url) as connection:
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
    compared = room.differences()
    assert compared
    assert all(text.startswith("other.everything") for text in compared)
    checked = dg.materialize(
        [room.asset, room.checks],
        resources=room.resources,
        selection=dg.AssetSelection.checks(room.checks),
        raise_on_error=False,
    )
    failed = {c.check_name for c in checked.get_asset_check_evaluations() if not c.passed}
    assert "replica_equals_source" in failed
    assert room.run(reload=["other.everything"], allow_destructive=True).success
    assert room.differences() == []
