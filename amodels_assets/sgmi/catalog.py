"""A source directory to the catalog: every reader's findings as Arrow tables.

Belongs here: the order of reading, and rows from findings. Does not belong here: reading itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amodels_assets.artifacts import write_table
from amodels_assets.sgmi.controlm_json import read_json
from amodels_assets.sgmi.controlm_xml import read_xml
from amodels_assets.sgmi.ddl import Column, Table
from amodels_assets.sgmi.decode import decode
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.hive import HiveObject, Warehouse, read_dumps
from amodels_assets.sgmi.job_model import Job, cycles, job_edges, merge_exports
from amodels_assets.sgmi.job_rows import condition_rows, job_rows, schedule_rows
from amodels_assets.sgmi.lineage_graph import ViewLineage, ViewQuery, view_lineage
from amodels_assets.sgmi.lineage_rows import lineage_rows, report_lineage, table_lineage_rows
from amodels_assets.sgmi.profile import type_profile
from amodels_assets.sgmi.schema import arrow_table
from amodels_assets.sgmi.scripts import table_accesses
from amodels_assets.sgmi.source import SourceError, check_source, part_files, relative
from amodels_assets.sgmi.views import View

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[str], None]
DEFAULT_TIMEZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Catalog:
    """The catalog.

    Attributes:
        tables: Arrow tables by name; ``schema.SCHEMAS`` gives their columns.
        profile: JSON-serialisable figures.
    """

    tables: dict[str, pa.Table]
    profile: dict[str, object]


def build_catalog(
    source: Path, *, progress: Progress | None = None, timezone: str = DEFAULT_TIMEZONE
) -> Catalog:
    """Read a source directory.

    Args:
        source: Holds ``hive-ddl/``, ``controlm/`` and ``scripts/``.
        progress: Told what is being read.
        timezone: IANA zone that the jobs' times are meant in.

    Raises:
        SourceError: There is nothing to read, or nothing in it is a table or view.
    """
    say = progress or (lambda _: None)
    check_source(source)
    diagnostics = Diagnostics()
    say("reading dumps")
    files = [(path, relative(source, path)) for path in part_files(source, "hive_ddl")]
    warehouse = read_dumps(files, diagnostics)
    if not warehouse.objects:
        first = diagnostics.ordered()[0] if diagnostics.found else None
        reason = f" ({first.file}:{first.line}: {first.message})" if first else ""
        raise SourceError(
            f"{source} has no table and no view that can be read{reason}: "
            "put SHOW CREATE TABLE dumps into hive-ddl/"
        )
    say("following views")
    tables = {
        key: {column.name: column.type for column in found.definition.columns}
        for key, found in warehouse.objects.items()
        if isinstance(found.definition, Table)
    }
    views = {
        key: ViewQuery(found.definition.body, tuple(n for n, _ in found.definition.columns))
        for key, found in warehouse.objects.items()
        if isinstance(found.definition, View)
    }
    lineage = view_lineage(views, tables)
    columns = _all_columns(warehouse, lineage)
    known = {key: {column.name for column in found} for key, found in columns.items()}
    report_lineage(warehouse, lineage, known, diagnostics)
    say("reading jobs")
    jobs = _read_jobs(source, diagnostics)
    edges = job_edges(jobs)
    scripts = _read_scripts(source, diagnostics)
    accesses = table_accesses(jobs, scripts, set(warehouse.objects), diagnostics)
    _report_jobs(jobs, cycles(edges), diagnostics)
    rows: dict[str, list[tuple[object, ...]]] = {
        "databases": sorted(warehouse.databases.items()),
        "tables": [_table_row(o, columns[k]) for k, o in sorted(warehouse.objects.items())],
        "columns": [
            (*key, position, c.name, c.type or None, c.is_partition, c.comment or None)
            for key, found in sorted(columns.items())
            for position, c in enumerate(found)
        ],
        "views": [
            (
                *key,
                found.definition.body,
                len(columns[key]),
                key in lineage.direct,
                found.file,
                found.line,
            )
            for key, found in sorted(warehouse.objects.items())
            if isinstance(found.definition, View)
        ],
        "column_lineage": lineage_rows(lineage.direct, known),
        "column_lineage_base": lineage_rows(lineage.base, known),
        "table_lineage": table_lineage_rows(lineage),
        "jobs": job_rows(jobs),
        "job_edges": [(e.from_job, e.to_job, e.condition, e.date_rule, e.logic) for e in edges],
        "job_conditions": condition_rows(jobs),
        "job_schedules": schedule_rows(jobs, timezone),
        "job_tables": [(a.job, a.database, a.table, a.access, a.file, a.line) for a in accesses],
        "diagnostics": [
            (str(d.severity), d.code, d.message, d.file, d.line, d.object)
            for d in diagnostics.ordered()
        ],
    }
    say("writing tables")
    counts = {name: len(found) for name, found in rows.items()}
    types = [c.type for key in tables for c in columns[key]]
    return Catalog(
        {name: arrow_table(name, found) for name, found in rows.items()},
        {"counts": counts, "types": type_profile(types)},
    )


def write_catalog(catalog: Catalog, folder: Path) -> None:
    """Write every table as ``<name>.parquet``, and ``profile.json``."""
    for name, table in catalog.tables.items():
        write_table(folder, name, table)
    text = json.dumps(catalog.profile, indent=2, sort_keys=True) + "\n"
    (folder / "profile.json").write_text(text, encoding="utf-8")


def _all_columns(warehouse: Warehouse, lineage: ViewLineage) -> dict[tuple[str, str], list[Column]]:
    columns: dict[tuple[str, str], list[Column]] = {}
    for key, found in warehouse.objects.items():
        if isinstance(found.definition, Table):
            columns[key] = found.definition.columns
            continue
        comments = dict(found.definition.columns)
        query = lineage.direct.get(key)
        outputs = {name: o.type for name, o in query.columns.items()} if query else {}
        outputs = outputs or dict.fromkeys(comments, "")
        columns[key] = [
            Column(name, type_, comments.get(name, ""))
            for name, type_ in outputs.items()
            if name != "*"
        ]
    return columns


def _table_row(found: HiveObject, columns: list[Column]) -> tuple[object, ...]:
    definition = found.definition
    table = definition if isinstance(definition, Table) else None
    return (
        found.database,
        found.name,
        "table" if table else "view",
        table.external if table else False,
        (table.format or None) if table else None,
        (table.location or None) if table else None,
        definition.comment or None,
        sorted(definition.properties.items()),
        sorted(table.serde_properties.items()) if table else [],
        len(columns),
        sum(column.is_partition for column in columns),
        found.file,
        found.line,
        sorted(found.defects),
    )


def _read_jobs(source: Path, diagnostics: Diagnostics) -> list[Job]:
    jobs: list[Job] = []
    # XML first: where both exports name a job, the XML says more.
    files = sorted(part_files(source, "controlm"), key=lambda p: (p.suffix.lower() != ".xml", p))
    for path in files:
        name = relative(source, path)
        try:
            data = path.read_bytes()
        except OSError as error:
            text = f"the file cannot be read: {error.strerror}"
            diagnostics.error("unreadable_file", text, name)
            continue
        read = read_xml if path.suffix.lower() == ".xml" else read_json
        jobs += read(data, name, diagnostics)
    return sorted(merge_exports(jobs, diagnostics), key=lambda job: job.name)


def _read_scripts(source: Path, diagnostics: Diagnostics) -> Mapping[str, str]:
    scripts = {}
    for path in part_files(source, "scripts"):
        name = relative(source, path)
        try:
            scripts[name] = decode(path.read_bytes()).text
        except OSError as error:
            text = f"the file cannot be read: {error.strerror}"
            diagnostics.error("unreadable_file", text, name)
    return scripts


def _report_jobs(jobs: list[Job], loops: list[list[str]], diagnostics: Diagnostics) -> None:
    added = {condition.name for job in jobs for condition in job.adds}
    by_name = {job.name: job for job in jobs}
    for job in jobs:
        for wait in job.waits:
            if wait.name not in added:
                text = f"waits for {wait.name}, which no job adds: an external event"
                diagnostics.info("external_event", text, job.file, job.line, job.name)
        if not job.waits and not job.dates.has_date:
            text = "has neither date nor condition: nothing starts it"
            diagnostics.warning("job_never_starts", text, job.file, job.line, job.name)
    for loop in loops:
        job = by_name[loop[0]]
        text = f"waits for itself by way of {' and '.join(loop)}"
        diagnostics.warning("condition_cycle", text, job.file, job.line, job.name)
