"""A source directory to the catalog: every reader's findings as Arrow tables.

Belongs here: the order of reading. Does not belong here: reading itself, and the tables made of it
(``catalog_tables.py``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amodels_assets.sgmi.catalog_tables import Findings, catalog_tables, load_arrow
from amodels_assets.sgmi.ddl import Table
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.garbage import collecting_rarely
from amodels_assets.sgmi.job_files import read_jobs, read_scripts, report_jobs
from amodels_assets.sgmi.job_model import Job, cycles, job_edges
from amodels_assets.sgmi.lineage_report import report_lineage
from amodels_assets.sgmi.profile import catalog_profile
from amodels_assets.sgmi.scripts import table_accesses
from amodels_assets.sgmi.source import SourceError, check_source, part_files, relative
from amodels_assets.sgmi.views import View
from amodels_assets.sgmi.warehouse import all_columns, follow_views, read_dumps

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[str], None]
Previous = Callable[[], "pa.Table | None"]
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
    previous: Previous | None = None,
) -> Catalog:
    """Read a source directory.

    Args:
        source: Holds ``hive-ddl/``, ``controlm/`` and ``scripts/``.
        progress: Told what is being read.
        timezone: IANA zone that the jobs' times are meant in.
        workers: Processes that read dumps and follow views; the catalog is the same.
        previous: Gives ``columns`` of an earlier catalog, for the profile's differences. Called
            when no more processes are started, because Arrow starts threads.

    Raises:
        SourceError: There is nothing to read, or nothing in it is a table or view.
        WorkerError: One of several processes was killed.
    """
    with collecting_rarely():
        return _build(source, progress or (lambda _: None), timezone, workers, previous)


def _build(
    source: Path, say: Progress, timezone: str, workers: int, previous: Previous | None
) -> Catalog:
    check_source(source)
    diagnostics = Diagnostics()
    say("reading dumps, exports and scripts")
    files = [(path, relative(source, path)) for path in part_files(source, "hive_ddl")]
    jobs: list[Job] = []
    scripts: dict[str, str] = {}

    def read_the_rest() -> None:
        jobs.extend(read_jobs(source, diagnostics))
        scripts.update(read_scripts(source, diagnostics))

    warehouse = read_dumps(files, diagnostics, workers, meanwhile=read_the_rest)
    if not warehouse.objects:
        first = diagnostics.ordered()[0] if diagnostics.found else None
        reason = f" ({first.file}:{first.line}: {first.message})" if first else ""
        raise SourceError(
            f"{source} has no table and no view that can be read{reason}: "
            "put SHOW CREATE TABLE dumps into hive-ddl/"
        )
    views = sum(isinstance(found.definition, View) for found in warehouse.objects.values())
    say(f"following {views} views")
    lineage = follow_views(warehouse, workers, meanwhile=load_arrow)
    columns = all_columns(warehouse, lineage.views)
    types = {
        key: dict(zip(found.names, found.types, strict=True)) for key, found in columns.items()
    }
    report_lineage(warehouse, lineage.views, types, diagnostics)
    edges = job_edges(jobs)
    accesses = table_accesses(jobs, scripts, set(warehouse.objects), diagnostics)
    report_jobs(jobs, cycles(edges), diagnostics)
    say("making tables")
    findings = Findings(
        warehouse,
        lineage,
        columns,
        types,
        jobs,
        edges,
        accesses,
        diagnostics.ordered(),
        timezone,
    )
    tables = catalog_tables(findings)
    earlier = previous() if previous else None
    profile = catalog_profile(
        {name: table.num_rows for name, table in tables.items()},
        types,
        {key for key, found in warehouse.objects.items() if isinstance(found.definition, Table)},
        None if earlier is None else _types_by_table(earlier),
    )
    return Catalog(tables, profile)


def _types_by_table(columns: pa.Table) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    names = ("database", "table", "column", "type")
    for database, table, column, type_ in zip(
        *(columns.column(name).to_pylist() for name in names), strict=True
    ):
        found.setdefault((database, table), {})[column] = type_ or ""
    return found


def write_catalog(catalog: Catalog, folder: Path) -> None:
    """Write every table as ``<name>.parquet``, and ``profile.json``."""
    from amodels_assets.artifacts import write_table

    for name, table in catalog.tables.items():
        write_table(folder, name, table)
    text = json.dumps(catalog.profile, indent=2, sort_keys=True) + "\n"
    (folder / "profile.json").write_text(text, encoding="utf-8")
