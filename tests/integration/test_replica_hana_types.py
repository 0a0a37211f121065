"""Hive types in every target, and back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from amodels_assets.schemas.types import hive_type_of, target_type
from amodels_assets.schemas.widening import widens
from tests.hana.grammar import definition

pytest.importorskip("hdbcli")

# Hive type; SAP HANA's; and the Hive type that each target's type is taken for.
TYPES = [
    ("string", "NVARCHAR(5000)", "string", "string", "string"),
    ("boolean", "BOOLEAN", "boolean", "boolean", "bigint"),
    ("tinyint", "SMALLINT", "smallint", "smallint", "bigint"),
    ("smallint", "SMALLINT", "smallint", "smallint", "bigint"),
    ("int", "INTEGER", "int", "int", "bigint"),
    ("integer", "INTEGER", "int", "int", "bigint"),
    ("bigint", "BIGINT", "bigint", "bigint", "bigint"),
    ("float", "REAL", "float", "float", "double"),
    ("double", "DOUBLE", "double", "double", "double"),
    ("double precision", "DOUBLE", "double", "double", "double"),
    ("decimal", "DECIMAL(10, 0)", "decimal(10,0)", "decimal(10,0)", "string"),
    ("decimal(18,2)", "DECIMAL(18, 2)", "decimal(18,2)", "decimal(18,2)", "string"),
    ("numeric(38,38)", "DECIMAL(38, 38)", "decimal(38,38)", "decimal(38,38)", "string"),
    ("date", "DATE", "date", "date", "string"),
    ("timestamp", "TIMESTAMP", "timestamp", "timestamp", "string"),
    ("binary", "BLOB", "binary", "binary", "binary"),
    ("char(3)", "NVARCHAR(3)", "varchar(3)", "char(3)", "string"),
    ("varchar(10)", "NVARCHAR(10)", "varchar(10)", "varchar(10)", "string"),
    ("varchar(5001)", "NCLOB", "map<string,string>", "varchar(5001)", "string"),
    ("array<int>", "NCLOB", "map<string,string>", "map<string,string>", "string"),
    ("map<string,array<int>>", "NCLOB", "map<string,string>", "map<string,string>", "string"),
    ("struct<a:int>", "NCLOB", "map<string,string>", "map<string,string>", "string"),
    ("uniontype<int,string>", "NCLOB", "map<string,string>", "map<string,string>", "string"),
    ("interval", "NVARCHAR(5000)", "string", "string", "string"),
    ("decimal(50,2)", "NVARCHAR(5000)", "string", "string", "string"),
]


def shown(hive: str, dialect: str) -> str:
    return target_type(hive, dialect).compile(sa.dialects.registry.load(dialect)())


@pytest.mark.parametrize(("hive", "hana", "from_hana", "from_postgresql", "from_sqlite"), TYPES)
def test_there_and_back(
    hive: str, hana: str, from_hana: str, from_postgresql: str, from_sqlite: str
) -> None:
    assert shown(hive, "hana") == hana
    assert definition(f'CREATE COLUMN TABLE "t" ("a" {hana})')
    for dialect, back in (
        ("hana", from_hana),
        ("postgresql", from_postgresql),
        ("sqlite", from_sqlite),
    ):
        there = shown(hive, dialect)
        assert hive_type_of(there, dialect) == back
        # And a replica of the replica has the same types.
        assert shown(back, dialect) == there


@pytest.mark.parametrize("dialect", ["hana", "postgresql", "sqlite"])
def test_a_type_that_no_replica_makes_has_no_hive_type(dialect: str) -> None:
    assert hive_type_of("GEOMETRY(4)", dialect) is None
    assert hive_type_of("", dialect) is None


def test_what_a_target_holds_is_at_least_what_was_asked_for() -> None:
    for hive, _, from_hana, *_ in TYPES:
        if "<" not in from_hana:
            assert widens(hive, from_hana), hive
