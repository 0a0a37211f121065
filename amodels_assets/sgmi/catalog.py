"""A source directory to the catalog: every reader's findings as Arrow tables.

Belongs here: the order of reading. Does not belong here: reading itself, and what the tables say
(``object_tables.py``, ``lineage_tables.py``, ``job_rows.py``).
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amodels_assets.sgmi.ddl import Table
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.job_files import read_jobs, read_scripts, report_jobs
from amodels_assets.sgmi.job_model import cycles, job_edges
from amodels_assets.sgmi.job_rows import condition_rows, job_rows, schedule_rows
from amodels_assets.sgmi.lineage_report import report_lineage
from amodels_assets.sgmi.profile import catalog_profile
from amodels_assets.sgmi.scripts import table_accesses
from amodels_assets.sgmi.source import SourceError, check_source, part_files, relative
from amodels_assets.sgmi.views import View
from amodels_assets.sgmi.warehouse import all_columns, follow_views, read_dumps

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
    source: Path,
    *,
    progress: Progress | None = None,
    timezone: str = DEFAULT_TIMEZONE,
    workers: int = 1,
    previous: pa.Table | None = None,
) -> Catalog:
    """Read a source directory.

    Args:
        source: Holds ``hive-ddl/``, ``controlm/`` and ``scripts/``.
        progress: Told what is being read.
        timezone: IANA zone that the jobs' times are meant in.
        workers: Processes that read dumps and follow views; the catalog is the same.
        previous: ``columns`` of an earlier catalog, for the profile's differences.

    Raises:
        SourceError: There is nothing to read, or nothing in it is a table or view.
        WorkerError: One of several processes was killed.
    """
    with _collecting_rarely():
        return _build(source, progress or (lambda _: None), timezone, workers, previous)


def _build(
    source: Path, say: Progress, timezone: str, workers: int, previous: pa.Table | None
) -> Catalog:
    check_source(source)
    diagnostics = Diagnostics()
    say("reading dumps")
    files = [(path, relative(source, path)) for path in part_files(source, "hive_ddl")]
    warehouse = read_dumps(files, diagnostics, workers)
    if not warehouse.objects:
        first = diagnostics.ordered()[0] if diagnostics.found else None
        reason = f" ({first.file}:{first.line}: {first.message})" if first else ""
        raise SourceError(
            f"{source} has no table and no view that can be read{reason}: "
            "put SHOW CREATE TABLE dumps into hive-ddl/"
        )
    say(
        f"following {sum(isinstance(o.definition, View) for o in warehouse.objects.values())} views"
    )
    lineage = follow_views(warehouse, workers)
    columns = all_columns(warehouse, lineage)
    known = {key: {column.name for column in found} for key, found in columns.items()}
    report_lineage(warehouse, lineage, known, diagnostics)
    say("reading jobs")
    jobs = read_jobs(source, diagnostics)
    edges = job_edges(jobs)
    scripts = read_scripts(source, diagnostics)
    accesses = table_accesses(jobs, scripts, set(warehouse.objects), diagnostics)
    report_jobs(jobs, cycles(edges), diagnostics)
    say("writing tables")
    # Only now: Arrow starts threads, and workers are forked before that.
    from amodels_assets.sgmi import object_tables
    from amodels_assets.sgmi.lineage_tables import lineage_table, table_lineage_rows
    from amodels_assets.sgmi.schema import SCHEMAS, arrow_table

    rows: dict[str, Sequence[tuple[object, ...]]] = {
        "databases": sorted(warehouse.databases.items()),
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
    tables = {name: arrow_table(name, found) for name, found in rows.items()}
    tables["tables"] = object_tables.tables_table(warehouse, columns)
    tables["columns"] = object_tables.columns_table(columns)
    tables["views"] = object_tables.views_table(warehouse, columns, lineage)
    tables["column_lineage"] = lineage_table(lineage.direct, known)
    tables["column_lineage_base"] = lineage_table(lineage.base, known)
    profile = catalog_profile(
        {name: tables[name].num_rows for name in SCHEMAS},
        {key: {column.name: column.type for column in found} for key, found in columns.items()},
        {key for key, found in warehouse.objects.items() if isinstance(found.definition, Table)},
        None if previous is None else object_tables.types_by_table(previous),
    )
    return Catalog({name: tables[name] for name in SCHEMAS}, profile)


def write_catalog(catalog: Catalog, folder: Path) -> None:
    """Write every table as ``<name>.parquet``, and ``profile.json``."""
    from amodels_assets.artifacts import write_table

    for name, table in catalog.tables.items():
        write_table(folder, name, table)
    text = json.dumps(catalog.profile, indent=2, sort_keys=True) + "\n"
    (folder / "profile.json").write_text(text, encoding="utf-8")


@contextmanager
def _collecting_rarely() -> Generator[None]:
    """Garbage collection only where asked for: there is little garbage among a million objects."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
