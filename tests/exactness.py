"""A catalog compared with the ground truth of the sample that it was read from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from amodels_assets.sgmi.catalog import Catalog

Differences = dict[str, tuple[list, list]]


def facts(tables: Mapping[str, pa.Table], source: Path) -> dict[str, tuple[set, set]]:
    """By kind of fact: what the ground truth says, and what the catalog says."""
    truth = {p.stem: json.loads(p.read_text()) for p in (source / "ground_truth").glob("*.json")}
    rows = {name: table.to_pylist() for name, table in tables.items()}
    return {
        "tables": _tables(truth, rows),
        "columns": _columns(truth, rows),
        "column_lineage": _lineage(truth, rows, "column_lineage"),
        "column_lineage_base": _lineage(truth, rows, "column_lineage_base"),
        "row_lineage": _row_lineage(truth, rows),
        "jobs": _jobs(truth, rows),
        "job_schedules": _schedules(truth, rows),
        "job_edges": _plain(truth, rows, "job_edges", ("from_job", "to_job", "condition")),
        "job_conditions": _plain(
            truth, rows, "job_conditions", ("job", "condition", "role", "date_rule", "external")
        ),
        "job_tables": _job_tables(truth, rows),
        "defects": _defects(truth, rows),
    }


def differences(catalog: Catalog, source: Path) -> Differences:
    """By kind of fact: what the catalog lacks, and what it has too much."""
    found = {}
    for kind, (expected, actual) in facts(catalog.tables, source).items():
        missing = sorted(expected - actual, key=repr)
        # Diagnostics may say more than what was planted.
        surplus = [] if kind == "defects" else sorted(actual - expected, key=repr)
        if missing or surplus:
            found[kind] = (missing, surplus)
    return found


def _tables(truth, rows):
    formats = {"delimited": "text"}
    expected, actual = set(), set()
    for t in truth["tables"]:
        fact = (t["database"], t["table"], t["kind"], t["column_count"], t["source_file"])
        extra: tuple = (t["line"],)
        if t["kind"] == "table":
            torn = t["storage"] is None
            extra += (t["external"], t["comment"] or None, len(t["partition_columns"]))
            extra += (None if torn else formats.get(t["storage"], t["storage"]),)
            extra += (None if torn else tuple(sorted(t["properties"].items())),)
        expected.add(fact + extra)
    for t in rows["tables"]:
        fact = (t["database"], t["table"], t["kind"], t["column_count"], t["source_file"])
        extra = (t["line"],)
        if t["kind"] == "table":
            torn = "orphan_literals" in t["defects"]
            extra += (t["external"], t["comment"], t["partition_count"])
            extra += (None if torn else t["format"],)
            extra += (None if torn else tuple(sorted(t["properties"])),)
        actual.add(fact + extra)
    return expected, actual


def _columns(truth, rows):
    expected = {
        (*name.split("."), position, column, type_, partition)
        for name, columns in truth["columns"].items()
        for position, (column, type_, partition) in enumerate(columns)
    }
    views = {(t["database"], t["table"]) for t in rows["tables"] if t["kind"] == "view"}
    actual = {
        (
            c["database"],
            c["table"],
            c["position"],
            c["column"],
            None if (c["database"], c["table"]) in views else c["type"],
            c["is_partition"],
        )
        for c in rows["columns"]
    }
    return expected, actual


def _lineage(truth, rows, kind):
    expected = {
        (*view.split("."), column, *edge)
        for view, columns in truth["lineage"][kind].items()
        for column, edges in columns.items()
        for edge in edges
    }
    return expected, {_edge(e) for e in rows[kind] if e["target_position"] >= 0}


def _row_lineage(truth, rows):
    expected = {
        (*view.split("."), "*", *edge)
        for view, edges in truth["lineage"]["row_lineage"].items()
        for edge in edges
    }
    return expected, {_edge(e) for e in rows["column_lineage"] if e["target_position"] < 0}


def _edge(e):
    return (
        e["target_database"],
        e["target_table"],
        e["target_column"],
        e["source_database"],
        e["source_table"],
        e["source_column"],
        e["transformation_subtype"],
        e["resolved"],
    )


def _jobs(truth, rows):
    names = ("job", "folder", "application", "sub_application", "kind", "run_as", "host_group")
    optional = ("raw_command", "command", "script")
    expected = {
        (
            *(j[n] for n in names),
            *(j[n] or None for n in optional),
            tuple(sorted(j["variables"].items())),
            *j["places"]["xml"],
        )
        for j in truth["jobs"]
    }
    actual = {
        (
            *(j[n] for n in (*names, *optional)),
            tuple(sorted(j["variables"])),
            j["source_file"],
            j["line"],
        )
        for j in rows["jobs"]
    }
    return expected, actual


def _schedules(truth, rows):
    logic = {e["to_job"]: e["logic"] for e in rows["job_edges"]}
    expected, actual = set(), set()
    waits = {j["job"]: j["waits_for"] for j in truth["jobs"]}
    for j in truth["jobs"]:
        f = j["date_filter"]
        dates = (tuple(f["months"]), tuple(f["month_days"]), tuple(map(str, f["week_days"])))
        fact = (j["job"], j["trigger"], j["cron"], dates, f["and_or"])
        expected.add((*fact, tuple(j["not_expressible"]), waits[j["job"]]))
    for j in rows["job_schedules"]:
        f = j["date_filter"]
        dates = (tuple(f["months"]), tuple(f["month_days"]), tuple(f["week_days"]))
        fact = (j["job"], j["trigger"], j["cron"], dates, f["and_or"])
        said = logic.get(j["job"], waits.get(j["job"]))
        actual.add((*fact, tuple(j["not_expressible"]), said))
    return expected, actual


def _plain(truth, rows, kind, names):
    return (
        {tuple(row[n] for n in names) for row in truth[kind]},
        {tuple(row[n] for n in names) for row in rows[kind]},
    )


def _job_tables(truth, rows):
    names = ("job", "database", "table", "access")
    return (
        {(*(r[n] for n in names), r["file"], r["line"]) for r in truth["job_tables"]},
        {
            (*(r[n] for n in names), r["evidence_file"], r["evidence_line"])
            for r in rows["job_tables"]
        },
    )


def _defects(truth, rows):
    planted = [d for d in truth["defects"] if d["must_report"]]
    # Line 0 stands for the whole file: any line of it will do.
    whole = {(d["code"], d["file"]) for d in planted if d["line"] == 0}

    def fact(code, file, line, name):
        return (code, file, 0 if (code, file) in whole else line, name)

    expected = {fact(d["code"], d["file"], d["line"], d["object"]) for d in planted}
    actual = {fact(d["code"], d["file"], d["line"], d["object"]) for d in rows["diagnostics"]}
    return expected, actual
