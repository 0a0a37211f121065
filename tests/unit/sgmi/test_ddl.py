"""The DDL lexer on every clause that dumps have."""

from __future__ import annotations

import pytest

from amodels_assets.sgmi.ddl import DdlError, parse_table
from amodels_assets.sgmi.views import parse_view

FULL = """CREATE EXTERNAL TABLE `Db`.`T`(
  `A` string COMMENT 'it\\'s, (odd) `text`',
  `b` decimal(18, 2),
  `m` map<string,array<struct<x:int,y:decimal(10,2)>>> COMMENT 'nested',
  `create` char(3))
COMMENT 'about'
PARTITIONED BY (
  `day` date COMMENT 'p')
CLUSTERED BY (
  a)
SORTED BY (b ASC)
INTO 4 BUCKETS
ROW FORMAT SERDE
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde'
WITH SERDEPROPERTIES (
  'path'='x')
STORED AS INPUTFORMAT
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat'
OUTPUTFORMAT
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example/x'
TBLPROPERTIES (
  'numRows'='5',
  'comment)'='a;b')"""


def test_every_clause():
    table = parse_table(FULL)
    assert (table.database, table.name, table.external) == ("db", "t", True)
    assert [(c.name, c.type, c.is_partition) for c in table.columns] == [
        ("a", "string", False),
        ("b", "decimal(18,2)", False),
        ("m", "map<string,array<struct<x:int,y:decimal(10,2)>>>", False),
        ("create", "char(3)", False),
        ("day", "date", True),
    ]
    assert table.columns.comments[0] == "it's, (odd) `text`"
    assert table.columns.comments[2] == "nested"
    assert (table.comment, table.format) == ("about", "orc")
    assert table.location == "hdfs://warehouse.example/x"
    assert table.properties == {"numRows": "5", "comment)": "a;b"}
    assert table.serde_properties == {"path": "x"}
    assert not table.orphans
    assert not table.problems


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("STORED AS PARQUET", "parquet"),
        ("STORED BY 'org.apache.hadoop.hive.hbase.HBaseStorageHandler'", "hbase"),
        (
            "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' NULL DEFINED AS '' STORED AS TEXTFILE",
            "text",
        ),
        ("", ""),
    ],
)
def test_formats(clause, expected):
    table = parse_table(f"create table t(a int) {clause}")
    assert table.format == expected
    assert not table.orphans


def test_orphan_literals_keep_columns_and_partitions():
    torn = "\n".join(
        line
        for line in FULL.split("\n")
        if not line.startswith(("ROW", "WITH", "STORED", "OUTPUT", "TBL", "CLUS", "SORT", "INTO"))
    )
    table = parse_table(torn)
    assert [c.name for c in table.columns if not c.is_partition] == ["a", "b", "m", "create"]
    assert [c.name for c in table.columns if c.is_partition] == ["day"]
    assert len(table.orphans) >= 3


@pytest.mark.parametrize("end", range(30, len(FULL), 7))
def test_a_table_cut_anywhere_never_raises_anything_else(end):
    try:
        table = parse_table(FULL[:end])
    except DdlError:
        return
    assert table.name == "t"


def test_views():
    view = parse_view(
        "CREATE VIEW IF NOT EXISTS `d`.`V`(`A` COMMENT 'x', b) COMMENT 'c' "
        "TBLPROPERTIES ('k'='v)') AS select 1, 2"
    )
    assert (view.database, view.name) == ("d", "v")
    assert view.columns == [("a", "x"), ("b", "")]
    assert (view.comment, view.properties, view.body) == ("c", {"k": "v)"}, "select 1, 2")
    with pytest.raises(DdlError, match="no body"):
        parse_view("CREATE VIEW v AS ")


CONSTRAINED = """CREATE TABLE `d`.`t`(
  `a` bigint COMMENT 'x', `b` string NOT NULL ENABLE COMMENT 'y', c decimal(10,2) DEFAULT 1.5,
  `e` string DEFAULT 'x, y)', `primary` struct< default : int> not null, check string,
  CONSTRAINT `pk` PRIMARY KEY (`A`, b) DISABLE NOVALIDATE RELY,
  CONSTRAINT fk FOREIGN KEY (`b`) REFERENCES `d`.`u`(`b`) DISABLE NOVALIDATE,
  UNIQUE (c) DISABLE NOVALIDATE)
PARTITIONED BY (`p` date)"""


def test_constraints_are_no_columns_and_no_part_of_a_type():
    table = parse_table(CONSTRAINED)
    assert [(c.name, c.type, c.comment) for c in table.columns] == [
        ("a", "bigint", "x"),
        ("b", "string", "y"),
        ("c", "decimal(10,2)", ""),
        ("e", "string", ""),
        ("primary", "struct<default:int>", ""),
        ("check", "string", ""),
        ("p", "date", ""),
    ]
    assert table.columns.primary_key == ("a", "b")
    assert parse_table("CREATE TABLE t(a int PRIMARY KEY, b int)").columns.primary_key == ("a",)


@pytest.mark.parametrize("end", range(20, len(CONSTRAINED), 3))
def test_constraints_cut_anywhere_never_raise_anything_else(end):
    try:
        table = parse_table(CONSTRAINED[:end])
    except DdlError:
        return
    assert table.name == "t"
