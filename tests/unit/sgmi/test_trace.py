"""The walk over lineage, and how it is printed."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.cli import cli
from amodels_assets.sgmi.catalog import build_catalog, write_catalog
from amodels_assets.sgmi.trace import ColumnName, Direction, Edge, Trace, TraceError, trace
from amodels_assets.sgmi.trace_text import as_dot, as_json, as_tree

DUMP = """use d;
CREATE TABLE `t`(
  `a` string,
  `b` int);
CREATE VIEW `low` AS select t.`a` as `k`, t.`b` * 2 as `twice` from t where t.`b` > 1;
CREATE VIEW `middle` AS select case when low.`k` = 'x' then low.`twice` end as `m`, low.k from low;
CREATE VIEW `top` AS select sum(middle.`m`) as `total`, gone.`z` from middle, gone;
CREATE VIEW `loop1` AS select loop2.`q` from loop2;
CREATE VIEW `loop2` AS select loop1.`q` from loop1;
"""
SCRIPT = 'hive -e "insert into table d.t select 1"\n'
JOBS = """<DEFTABLE><FOLDER FOLDER_NAME="F">
<JOB JOBNAME="LOAD_T" TASKTYPE="Command" CMDLINE="scripts/load.sh" WEEKDAYS="1,2"
 TIMEFROM="0400"/></FOLDER></DEFTABLE>"""


@pytest.fixture
def source(make_source):
    return make_source({"hive-ddl/a.hql": DUMP, "scripts/load.sh": SCRIPT, "controlm/f.xml": JOBS})


def edges(found):
    return {(str(e.source), str(e.target), e.subtype) for e in found.edges}


def test_up_to_the_tables(source):
    found = trace(build_catalog(source).tables, "D.Top.total")
    assert edges(found) == {
        ("d.middle.m", "d.top.total", "AGGREGATION"),
        ("d.low.k", "d.middle.m", "CONDITIONAL"),
        ("d.low.twice", "d.middle.m", "TRANSFORMATION"),
        ("d.t.a", "d.low.k", "IDENTITY"),
        ("d.t.b", "d.low.twice", "TRANSFORMATION"),
    }
    assert [(str(e.source), str(e.target)) for e in found.rows] == [("d.t.b", "d.low.*")]
    assert [(load.job, load.file, load.line) for load in found.loads] == [
        ("LOAD_T", "scripts/load.sh", 1)
    ]


def test_down_to_what_reads_it(source):
    found = trace(build_catalog(source).tables, "d.t.b", Direction.DOWN)
    assert edges(found) == {
        ("d.t.b", "d.low.twice", "TRANSFORMATION"),
        ("d.low.twice", "d.middle.m", "TRANSFORMATION"),
        ("d.middle.m", "d.top.total", "AGGREGATION"),
    }
    assert {(str(e.target), e.subtype) for e in found.rows} == {("d.low.*", "FILTER")}


def test_depth_and_direct_only(source):
    tables = build_catalog(source).tables
    assert len(trace(tables, "d.top.total", depth=1).edges) == 1
    direct = trace(tables, "d.top.total", direct_only=True)
    assert {e.type for e in direct.edges} == {"DIRECT"}
    assert direct.rows == []


def test_a_whole_view_a_missing_table_and_a_loop(source):
    tables = build_catalog(source).tables
    whole = trace(tables, "d.top")
    assert [c.column for c in whole.start] == ["total", "z"]
    assert [str(e.source) for e in whole.edges if not e.resolved] == ["d.gone.z"]
    assert any("not in the dumps" in line for line in as_tree(whole))
    assert len(trace(tables, "d.loop1.q").edges) <= 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("d", "DATABASE.TABLE.COLUMN"),
        ("d.t.", "DATABASE.TABLE.COLUMN"),
        ("d.topp", "did you mean d.top"),
        ("d.top.totl", "did you mean total"),
        ("d.qqqqqqqq", "amodels catalog"),
    ],
)
def test_unknown_names_are_one_sentence_with_advice(source, name, message):
    with pytest.raises(TraceError, match=message):
        trace(build_catalog(source).tables, name)


def test_the_tree_shows_each_column_once(source):
    lines = list(as_tree(trace(build_catalog(source).tables, "d.top.total")))
    assert lines[:6] == [
        "d.top.total (view)",
        "└─ d.middle.m (view)  DIRECT AGGREGATION",
        "   ├─ d.low.twice (view)  DIRECT TRANSFORMATION",
        "   │  └─ d.t.b (table, int)  DIRECT TRANSFORMATION",
        "   └─ d.low.k (view, string)  INDIRECT CONDITIONAL",
        "      └─ d.t.a (table, string)  DIRECT IDENTITY",
    ]
    assert "  d.t  LOAD_T (cron 0 4 * * 1,2)  scripts/load.sh:1" in lines


def test_ways_that_meet_again_are_not_told_twice():
    # Twenty diamonds on each other: a million ways, forty-one columns.
    column = [ColumnName("d", f"v{i}", "c") for i in range(21)]
    sides = [[ColumnName("d", f"s{i}{j}", "c") for j in "ab"] for i in range(20)]
    found = Trace([column[0]], Direction.UP)
    for i, pair in enumerate(sides):
        for side in pair:
            found.edges.append(Edge(side, column[i], "DIRECT", "IDENTITY", resolved=True))
            found.edges.append(Edge(column[i + 1], side, "DIRECT", "IDENTITY", resolved=True))
    lines = list(as_tree(found))
    assert len(lines) == 1 + 4 * 20
    assert sum("see above" in line for line in lines) == 19


@given(st.text(min_size=1), st.text(min_size=1))
def test_dot_is_quoted_whatever_the_names(table, column):
    name = ColumnName("d", table, column)
    found = Trace([name], Direction.UP)
    found.edges = [Edge(name, name, "DIRECT", "IDENTITY", resolved=True)]
    text = as_dot(found)
    # Outside of quoted strings nothing of a name is left.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "Q", text, flags=re.DOTALL)
    assert bare == (
        "digraph trace {\n  rankdir=LR;\n  node [shape=box];\n  Q [shape=box];\n"
        "  Q -> Q [label=Q, style=solid];\n}"
    )


def test_the_command(source, tmp_path):
    (tmp_path / "catalog").mkdir()
    write_catalog(build_catalog(source), tmp_path / "catalog")
    run = CliRunner().invoke
    base = ["trace", "--catalog", str(tmp_path / "catalog")]
    assert "└─ d.middle.m" in run(cli, [*base, "d.top.total"]).output
    assert run(cli, [*base, "d.top.total", "--dot"]).output.startswith("digraph")
    found = json.loads(run(cli, [*base, "d.t", "--down", "--json"]).output)
    assert found["direction"] == "down"
    assert {job["job"] for job in found["jobs"]} == {"LOAD_T"}
    assert as_json(trace(build_catalog(source).tables, "d.t", Direction.DOWN)) == found
    wrong = run(cli, [*base, "d.topp"])
    assert (wrong.exit_code, "did you mean d.top" in wrong.output) == (1, True)
    missing = run(cli, ["trace", "d.t", "--catalog", str(tmp_path / "nothing")])
    assert (missing.exit_code, "amodels catalog" in missing.output) == (1, True)


def test_without_a_catalog_the_store_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    missing = CliRunner().invoke(cli, ["trace", "d.t"])
    assert (missing.exit_code, "amodels run" in missing.output) == (1, True)
