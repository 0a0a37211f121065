"""Control-M exports, schedules and script evidence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.sgmi.controlm_json import read_json
from amodels_assets.sgmi.controlm_xml import read_xml
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.job_model import (
    Condition,
    Job,
    cycles,
    job_edges,
    merge_exports,
    substitute,
)
from amodels_assets.sgmi.job_schedule import Dates, cron, not_expressible, trigger
from amodels_assets.sgmi.scripts import table_accesses

XML = b"""<?xml version="1.0"?>
<DEFTABLE><SMART_FOLDER FOLDER_NAME="F">
 <JOB JOBNAME="A" TASKTYPE="Command" CMDLINE="sh %%DIR/a.sh %%T" DAYS="10,11,9" WEEKDAYS="1"
   DAYS_AND_OR="A" TIMEFROM="0730" TIMETO="&gt;" CYCLIC="0" INTERVAL="00005M" RUN_AS="u">
  <VARIABLE NAME="%%DIR" VALUE="/opt" /><VARIABLE NAME="%%T" VALUE="d.t" />
  <OUTCOND NAME="a-ok" ODATE="ODAT" SIGN="+" /><OUTCOND NAME="b-ok" ODATE="ODAT" SIGN="-" />
  <ON STMT="*" CODE="NOTOK"><DOCOND NAME="c-ok" ODATE="ODAT" SIGN="-" /></ON>
 </JOB>
 <SUB_FOLDER JOBNAME="G"><JOB JOBNAME="B" TASKTYPE="Dummy">
  <INCOND NAME="a-ok" ODATE="ODAT" AND_OR="A" OP="(" />
  <INCOND NAME="x" ODATE="PREV" AND_OR="O" OP=")" />
 </JOB></SUB_FOLDER>
</SMART_FOLDER></DEFTABLE>"""


def test_xml():
    diagnostics = Diagnostics()
    first, second = read_xml(XML, "c.xml", diagnostics)
    assert (first.folder, second.folder) == ("F", "F/G")
    assert (first.line, first.command, first.script) == (3, "sh /opt/a.sh d.t", "a.sh")
    assert [c.name for c in first.adds] == ["a-ok"]
    assert [c.name for c in first.deletes] == ["b-ok", "c-ok"]
    assert first.dates.month_days == ("9", "10", "11")
    assert first.dates.interval == 0
    assert not_expressible(first.dates) == ["DAYS_AND_OR=A"]
    assert second.logic == "( a-ok OR x )"
    assert [(e.from_job, e.to_job, e.date_rule) for e in job_edges([first, second])] == [
        ("A", "B", "ODAT")
    ]
    assert [d.code for d in diagnostics.found] == ["folder_in_folder"]


def test_json_says_the_same():
    entry = {
        "Type": "Job:Command",
        "Command": "sh %%DIR/a.sh %%T",
        "RunAs": "u",
        "Variables": [{"DIR": "/opt"}, {"%%T": "d.t"}],
        "When": {
            "MonthDays": ["10", "11", "9"],
            "WeekDays": ["MON"],
            "DaysRelation": "AND",
            "FromTime": "0730",
            "ToTime": ">",
        },
        "eventsToAdd": {"Type": "AddEvents", "Events": [{"Event": "a-ok"}]},
        "eventsToDelete": {"Type": "DeleteEvents", "Events": [{"Event": "b-ok"}]},
        "IfBase:Folder:CompletionStatus_7": {"E_1": {"Type": "Event:Delete", "Event": "c-ok"}},
    }
    waits = {"Events": ["(", {"Event": "a-ok"}, "OR", {"Event": "x", "Date": "PrevOrderDate"}, ")"]}
    other = {"Type": "Job:Dummy", "eventsToWaitFor": waits}
    text = json.dumps({"F": {"Type": "Folder", "A": entry, "G": {"Type": "SubFolder", "B": other}}})
    diagnostics = Diagnostics()
    jobs = read_json(text.encode(), "c.json", Diagnostics())
    merged = merge_exports([*read_xml(XML, "c.xml", Diagnostics()), *jobs], diagnostics)
    assert [job.name for job in merged] == ["A", "B"]
    assert [job.facts() for job in merged] == [job.facts() for job in jobs]
    assert jobs[1].logic == merged[1].logic
    assert not diagnostics.found


def test_differences_between_exports_are_reported():
    diagnostics = Diagnostics()
    merge_exports(
        [Job("A", "F", run_as="u", file="c.xml"), Job("A", "F", run_as="w", file="c.json")],
        diagnostics,
    )
    assert [d.code for d in diagnostics.found] == ["job_exports_differ"]
    assert "run_as" in diagnostics.found[0].message


@given(st.binary(max_size=200), st.sampled_from([0, 40, 200, 900]))
def test_any_bytes_are_diagnosed(tail, keep):
    for read, file in ((read_xml, "c.xml"), (read_json, "c.json")):
        diagnostics = Diagnostics()
        read(XML[:keep] + tail, file, diagnostics)
        assert diagnostics.found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Type", "When", "Events", "eventsToAdd", "Variables", "Rerun", "Every", "WeekDays"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), json_values, max_size=5))
def test_any_json_in_a_job_is_read(values):
    root = {"F": {"Type": "Folder", "J": {**values, "Type": "Job:Command"}}}
    (job,) = read_json(json.dumps(root).encode(), "c.json", Diagnostics())
    assert job.name == "J"


def test_a_broken_export_keeps_the_jobs_before_the_fault():
    diagnostics = Diagnostics()
    jobs = read_xml(XML[: XML.index(b"<SUB_FOLDER") + 30], "c.xml", diagnostics)
    assert [job.name for job in jobs] == ["A"]
    (fault,) = [d for d in diagnostics.found if d.severity == "error"]
    assert "after job A" in fault.message


@pytest.mark.parametrize(
    ("dates", "line", "unsaid"),
    [
        (Dates(week_days=("1", "5"), time_from="0605"), "5 6 * * 1,5", []),
        (Dates(month_days=("1", "15"), months=(3,), time_from="2300"), "0 23 1,15 3 *", []),
        (Dates(month_days=("ALL",), week_days=("1",), time_from="0000"), "0 0 * * *", []),
        (Dates(month_days=("1",), week_days=("1",), time_from="0000"), "0 0 1 * 1", []),
        (
            Dates(month_days=("1",), week_days=("1",), both=True, time_from="0000"),
            None,
            ["DAYS_AND_OR=A"],
        ),
        (Dates(month_days=("D1",), time_from="0000"), None, ["DAYS=D1"]),
        (
            Dates(month_days=("ALL",), time_from="0100", time_to="0300"),
            "0 1 * * *",
            ["TIMETO=0300"],
        ),
        (Dates(month_days=("ALL",), interval=15), "*/15 * * * *", []),
        (Dates(month_days=("ALL",), interval=120), "0 */2 * * *", []),
        (Dates(month_days=("ALL",), interval=7), None, ["INTERVAL=7M"]),
        (Dates(month_days=("ALL",), interval=15, from_end=True), None, ["IND_CYCLIC=E"]),
        (Dates(calendar="BANK", time_from="0100"), None, ["DAYSCAL=BANK"]),
        (
            Dates(month_days=("ALL",), confirm=True, max_wait=3, time_from="0100"),
            "0 1 * * *",
            ["CONFIRM=1", "MAXWAIT=3"],
        ),
        (Dates(month_days=("ALL",)), None, []),
        (Dates(), None, []),
    ],
)
def test_cron(dates, line, unsaid):
    assert cron(dates) == line
    assert not_expressible(dates) == unsaid


def test_triggers():
    daily = Dates(month_days=("ALL",), time_from="0000")
    assert trigger(daily, waits=False, all_external=True) == "cron"
    assert trigger(daily, waits=True, all_external=False) == "cron_and_conditions"
    assert trigger(Dates(), waits=True, all_external=False) == "conditions"
    assert trigger(Dates(), waits=True, all_external=True) == "external"
    assert trigger(Dates(), waits=False, all_external=True) == "never"


def test_cycles_and_substitution():
    jobs = [
        Job("A", "F", waits=[Condition("b")], adds=[Condition("a")]),
        Job("B", "F", waits=[Condition("a")], adds=[Condition("b")]),
        Job("C", "F", waits=[Condition("b")], adds=[Condition("c")]),
    ]
    assert cycles(job_edges(jobs)) == [["A", "B"]]
    assert substitute("%%A.-x %%ODATE", {"%%A": "%%B", "%%B": "1"}) == "1-x %%ODATE"
    assert substitute("%%A", {"%%A": "%%A%%A"})


def test_evidence():
    scripts = {
        "scripts/w.properties": "STAGE=stg\nPASSWORD=\n",
        "scripts/a.sh": ". ./w.properties\n# from d.ignored\n"
        'hive -e "insert overwrite table d.t\nselect * from ${STAGE}.s x\njoin d.u on 1=1"\n'
        "hive -f b.hql\n",
        "scripts/b.hql": "insert into table d.v select 1 from d.unknown, d.t;\n",
        "scripts/c.sh": "spark3-submit --class X load.jar --target d.t\n",
    }
    known = {("d", n) for n in ("t", "u", "v", "ignored")} | {("stg", "s")}
    jobs = [
        Job("A", "F", kind="Command", raw_command="sh a.sh", file="c.xml", line=1),
        Job("C", "F", kind="Job", member="c.sh", file="c.xml", line=2),
        Job("D", "F", kind="Command", raw_command="sh gone.sh d.u", file="c.xml", line=3),
    ]
    diagnostics = Diagnostics()
    found = {
        (a.job, f"{a.database}.{a.table}", a.access, a.file, a.line)
        for a in table_accesses(jobs, scripts, known, diagnostics)
    }
    assert found == {
        ("A", "d.t", "writes", "scripts/a.sh", 3),
        ("A", "stg.s", "reads", "scripts/a.sh", 4),
        ("A", "d.u", "reads", "scripts/a.sh", 5),
        ("A", "d.v", "writes", "scripts/b.hql", 1),
        ("A", "d.t", "reads", "scripts/b.hql", 1),
        ("C", "d.t", "mentions", "scripts/c.sh", 1),
        ("D", "d.u", "mentions", "c.xml", 3),
    }
    assert [(d.code, d.object) for d in diagnostics.found] == [("script_missing", "D")]
