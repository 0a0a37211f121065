"""The warehouse's dumps, exports and scripts, compared with their truth by other means."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage as sqlglot_lineage

from amodels_assets.sample.schedule import Schedule, trigger
from amodels_assets.sample.sql import (
    Case,
    Column,
    Formula,
    Select,
    Source,
    Step,
    Subquery,
    TableReference,
    Window,
)
from amodels_assets.sample.warehouse import BANK_TABLES

SAMPLE = Path(__file__).parents[2] / "data" / "sgmi"


@cache
def truth(name: str):
    return json.loads((SAMPLE / "ground_truth" / f"{name}.json").read_text())


@cache
def statements() -> dict[str, tuple[str, str, int]]:
    """Text, file and line of each CREATE, by ``database.name``: dumps without defects are plain."""
    found = {}
    for path in sorted((SAMPLE / "hive-ddl").glob("*.hql")):
        text = path.read_text()
        database = re.search(r"^use (\w+);", text, re.MULTILINE).group(1)
        for match in re.finditer(r"^CREATE .*?;\n$", text, re.MULTILINE | re.DOTALL):
            name = re.search(r"`(\w+)`", match.group()).group(1)
            line = text.count("\n", 0, match.start()) + 1
            body = match.group().rstrip().removesuffix(";")
            found[f"{database}.{name}"] = (body, f"hive-ddl/{path.name}", line)
    return found


VIEWS = sorted(truth("lineage")["column_lineage"])


def test_every_object_stands_where_the_truth_says() -> None:
    told = {f"{t['database']}.{t['table']}": (t["source_file"], t["line"]) for t in truth("tables")}
    assert told == {name: (file, line) for name, (_, file, line) in statements().items()}


def test_the_bank_has_exactly_its_columns_and_they_are_those_of_the_rows() -> None:
    for name, text in BANK_TABLES.items():
        columns = truth("columns")[f"sgmisit.{name}"]
        assert [f"{column} {kind}" for column, kind, _ in columns] == text.split("; ")
        header = (SAMPLE / f"rows/sgmisit/{name}.csv").open().readline().rstrip("\n")
        assert header.split(",") == [column for column, _, _ in columns]


@pytest.mark.parametrize(
    "name", sorted(f"{t['database']}.{t['table']}" for t in truth("tables") if t["kind"] == "table")
)
def test_a_table_has_the_columns_of_the_truth(name: str) -> None:
    text = statements()[name][0]
    # What follows the storage is not sqlglot's business here; columns and partitions are.
    head = re.split(r"\n(?:CLUSTERED BY|ROW FORMAT|LOCATION)", text)[0]
    tree = sqlglot.parse_one(head, dialect="hive")
    partitions = tree.find(exp.PartitionedByProperty)
    columns = [(c, False) for c in tree.this.expressions]
    columns += [(c, True) for c in (partitions.this.expressions if partitions else [])]
    read = [
        [c.name, c.args["kind"].sql("hive").lower().replace(" ", "").replace(":", ""), partition]
        for c, partition in columns
    ]
    told = [[n, kind.replace(":", ""), p] for n, kind, p in truth("columns")[name]]
    assert read == told


def test_shapes_occur_as_promised() -> None:
    tables = [t for t in truth("tables") if t["kind"] == "table"]
    assert {t["storage"] for t in tables} == {"orc", "parquet", "text", "delimited", "hbase"}
    assert {t["external"] for t in tables} == {True, False}
    assert max(t["column_count"] for t in tables) > 500
    assert {t["level"] for t in truth("tables") if t["kind"] == "view"} == {1, 2, 3}
    kinds = [kind for columns in truth("columns").values() for _, kind, _ in columns if kind]
    share = {k: sum(kind.startswith(k) for kind in kinds) / len(kinds) for k in ("st", "decimal")}
    assert 0.6 < share["st"] < 0.72
    assert 0.2 < share["decimal"] < 0.3
    assert {kind.split("<")[0].split("(")[0] for kind in kinds} >= {
        "array", "bigint", "boolean", "char", "date", "double", "float", "int", "map", "struct",
        "timestamp", "varchar",
    }  # fmt: skip
    text = "\n".join(text for text, _, _ in statements().values())
    for word in (
        "CLUSTERED BY", "WITH SERDEPROPERTIES", "ROW FORMAT DELIMITED", "STORED BY", "CASE WHEN",
        "nvl(", "months_between(", "collect_set(", "UNION ALL", "row_number() over", "LATERAL VIEW",
        "LEFT OUTER JOIN", "having", "order by", "if((", "skip.header.line.count",
    ):  # fmt: skip
        assert word in text, word
    subtypes = {
        e[3] for v in truth("lineage")["column_lineage"].values() for c in v.values() for e in c
    }
    subtypes |= {e[3] for edges in truth("lineage")["row_lineage"].values() for e in edges}
    assert subtypes == {step.value for step in Step}


def schema() -> dict:
    found: dict = {}
    for name, columns in truth("columns").items():
        database, table = name.split(".")
        found.setdefault(database, {})[table] = {c: kind or "string" for c, kind, _ in columns}
    return found


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_parses_and_has_the_columns_of_the_truth(name: str) -> None:
    tree = sqlglot.parse_one(statements()[name][0], dialect="hive")
    query = tree.expression
    assert query.named_selects == [column for column, _, _ in truth("columns")[name]]
    assert list(truth("lineage")["column_lineage"][name]) == sorted(query.named_selects)


@pytest.mark.parametrize("name", VIEWS)
def test_sqlglot_finds_the_same_sources(name: str) -> None:
    told = truth("lineage")["column_lineage"][name]
    query = sqlglot.parse_one(statements()[name][0], dialect="hive").expression
    # Bare names mean the view's own database.
    for table in query.find_all(exp.Table):
        if not table.db:
            table.set("db", exp.to_identifier(name.split(".", maxsplit=1)[0], quoted=True))
    # sqlglot takes long for the widest view: some of its columns are enough.
    for column in list(told)[: 8 if len(told) > 100 else None]:
        node = sqlglot_lineage(column, query, schema=schema(), dialect="hive")
        leaves = {
            (leaf.source.db, leaf.source.name, leaf.name.split(".")[-1].strip('`"'))
            for leaf in node.walk()
            if isinstance(leaf.source, exp.Table) and leaf.name != "*"
        }
        assert leaves == {(d, t, c) for d, t, c, _, _ in told[column]}, column


def reference(name: str, *columns: str) -> TableReference:
    return TableReference("d", name, columns)


def edges(query: Select) -> dict[str, set[tuple[str, str]]]:
    return {
        name: {(source.column, step.value) for source, step in sources}
        for name, sources in query.outputs().items()
    }


def test_lineage_of_a_tree_by_hand() -> None:
    t = reference("t", "a", "b", "c", "k")
    positive = Formula("({0} > 0)", (Column("t", "b"),))
    inner = Select(
        (
            ("same", Column("t", "a")),
            ("made", Formula("upper({0})", (Column("t", "a"),))),
            (
                "chosen",
                Case(((positive, Column("t", "c")),), Formula("0")),
            ),
            ("n", Window(Formula("row_number()"), (Column("t", "k"),), (Column("t", "b"),))),
            ("constant", Formula("1")),
        ),
        t,
        where=Formula("({0} is not null)", (Column("t", "k"),)),
    )
    assert edges(inner) == {
        "same": {("a", "IDENTITY")},
        "made": {("a", "TRANSFORMATION")},
        "chosen": {("b", "CONDITIONAL"), ("c", "TRANSFORMATION")},
        "n": {("k", "WINDOW"), ("b", "WINDOW")},
        "constant": set(),
    }
    total = Formula("sum({0})", (Column("s", "chosen"),), Step.AGGREGATION)
    outer = Select(
        (("same", Column("s", "same")), ("total", total)),
        Subquery(inner, "s"),
        where=Formula("({0} = 1)", (Column("s", "n"),)),
        group_by=(Column("s", "same"),),
    )
    assert edges(outer) == {
        "same": {("a", "IDENTITY")},
        "total": {("b", "CONDITIONAL"), ("c", "AGGREGATION")},
    }
    assert outer.rows() == {
        (Source("d", "t", column), Step[step])
        for column, step in (("k", "FILTER"), ("b", "FILTER"), ("a", "GROUP_BY"))
    }


def test_base_lineage_ends_in_tables_and_composes_the_direct_one() -> None:
    found = truth("lineage")
    tables = {(t["database"], t["table"]) for t in truth("tables") if t["kind"] == "table"}
    views = {tuple(name.split(".")) for name in VIEWS}
    for name in VIEWS:
        for column, base in found["column_lineage_base"][name].items():
            assert {(d, t) for d, t, *_ in base} <= tables
            expected = set()
            for d, t, c, _, _ in found["column_lineage"][name][column]:
                deeper = found["column_lineage_base"][f"{d}.{t}"][c] if (d, t) in views else None
                expected |= {(d, t, c)} if deeper is None else {tuple(e[:3]) for e in deeper}
            assert {tuple(edge[:3]) for edge in base} == expected


def test_both_exports_hold_the_same_jobs_where_the_truth_says() -> None:
    told = {job["job"]: job for job in truth("jobs")}
    in_xml, in_json = [], []
    for path in sorted((SAMPLE / "controlm").iterdir()):
        if path.suffix == ".xml":
            in_xml += [j.get("JOBNAME") for j in ElementTree.parse(path).iter("JOB")]
        else:
            for folder in json.loads(path.read_text()).values():
                in_json += [n for n, j in folder.items() if isinstance(j, dict)]
    assert sorted(in_xml) == sorted(in_json) == sorted(told)
    for name, job in told.items():
        for file, line in job["places"].values():
            assert f'"{name}"' in (SAMPLE / file).read_text().split("\n")[line - 1]


def test_edges_are_what_xml_conditions_say() -> None:
    adds, waits = {}, []
    for path in (SAMPLE / "controlm").glob("*.xml"):
        for job in ElementTree.parse(path).iter("JOB"):
            name = job.get("JOBNAME")
            adds |= {c.get("NAME"): name for c in job.iter("OUTCOND") if c.get("SIGN") == "+"}
            waits += [(name, c.get("NAME"), c.get("ODATE")) for c in job.iter("INCOND")]
    expected = {(adds[condition], job, condition, odate) for job, condition, odate in waits}
    told = {
        tuple(e[k] for k in ("from_job", "to_job", "condition", "date_rule"))
        for e in truth("job_edges")
    }
    assert told == expected
    assert any("OR" in job["waits_for"] for job in truth("jobs"))


def test_every_kind_of_trigger_and_schedule_occurs() -> None:
    jobs = truth("jobs")
    assert {job["trigger"] for job in jobs} == {"cron", "conditions", "cron_and_conditions"}
    unsayable = {text.split("=")[0] for job in jobs for text in job["not_expressible"]}
    assert unsayable == {
        "CONFCAL", "CONFIRM", "DAYS", "DAYSCAL", "DAYS_AND_OR", "IND_CYCLIC", "MAXWAIT",
        "RULE_BASED_CALENDAR", "SHIFT", "TIMETO", "WEEKSCAL",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "cron", "unsayable"),
    [
        (Schedule(days=("ALL",), time_from="0200", time_to=">"), "0 2 * * *", []),
        (Schedule(weekdays=(1, 5), time_from="0630", interval=1), "30 6 * * 1,5", []),
        (
            Schedule(days=("10", "11", "9"), months=(1, 7), time_from="2230"),
            "30 22 9,10,11 1,7 *",
            [],
        ),
        (Schedule(days=("1",), weekdays=(1,), time_from="0500"), "0 5 1 * 1", []),
        (
            Schedule(days=("1",), weekdays=(1,), both=True, time_from="0500"),
            None,
            ["DAYS_AND_OR=A"],
        ),
        (Schedule(days=("ALL",), time_from="0000", interval=15, cyclic=True), "*/15 * * * *", []),
        (
            Schedule(
                days=("ALL",), time_from="0000", interval=15, cyclic=True, cyclic_from_end=True
            ),
            None,
            ["IND_CYCLIC=E"],
        ),
        (Schedule(days=("D1", "L1"), time_from="0300"), None, ["DAYS=D1,L1"]),
        (Schedule(calendar="X", time_from="0300"), None, ["DAYSCAL=X"]),
        (Schedule(rule_based_calendar="Q", time_from="0300"), None, ["RULE_BASED_CALENDAR=Q"]),
        (
            Schedule(days=("ALL",), time_from="0100", time_to="0545", max_wait=2, confirm=True),
            "0 1 * * *",
            ["CONFIRM=1", "MAXWAIT=2", "TIMETO=0545"],
        ),
        (Schedule(), None, []),
    ],
)
def test_what_cron_can_say(schedule: Schedule, cron: str | None, unsayable: list[str]) -> None:
    assert schedule.cron() == cron
    assert schedule.not_expressible() == unsayable


def test_what_starts_a_job() -> None:
    dated = Schedule(days=("ALL",), time_from="0200")
    assert trigger(dated, waits=False) == "cron"
    assert trigger(dated, waits=True) == "cron_and_conditions"
    assert trigger(Schedule(), waits=True) == "conditions"
    assert trigger(Schedule(), waits=True, external_only=True) == "external"
    assert trigger(Schedule(), waits=False) == "never"


def test_evidence_stands_on_its_line() -> None:
    variables = dict(
        line.split("=", 1)
        for line in (SAMPLE / "scripts/warehouse.properties").read_text().splitlines()
        if "=" in line
    )
    assert variables["HIVE_PASSWORD"] == ""
    accesses = truth("job_tables")
    assert {access["access"] for access in accesses} == {"reads", "writes", "mentions"}
    assert {access["via_variable"] for access in accesses} == {True, False}
    for access in accesses:
        line = (SAMPLE / access["file"]).read_text().split("\n")[access["line"] - 1]
        for name, value in variables.items():
            line = line.replace(f"${{{name}}}", value)
        assert re.search(rf"\b{access['database']}\.{access['table']}\b", line)


def test_every_script_of_a_job_exists() -> None:
    for job in truth("jobs"):
        assert (job["kind"] == "Dummy") == (not job["script"])
        assert not job["script"] or (SAMPLE / "scripts" / job["script"]).is_file()
        assert "%%SCRIPT_DIR" not in job["command"]
        assert (job["kind"] == "Command") == bool(job["raw_command"])
