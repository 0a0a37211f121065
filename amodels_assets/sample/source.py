"""Writes the warehouse part of a sample: dumps, job exports, scripts, and the truth of them.

Belongs here: bringing generated objects, planted defects and their places together. Does not
belong here: what they are or how they are spelled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from amodels_assets.sample import controlm, truth
from amodels_assets.sample.ddl import dump_files
from amodels_assets.sample.defects import Defect, PlantedDumps, odd_jobs, plant_dumps
from amodels_assets.sample.jobs import Job, generate_jobs
from amodels_assets.sample.mart_views import generate_mart_views
from amodels_assets.sample.profiles import TABLE_SIZES, Profile
from amodels_assets.sample.scripts import Access, render_scripts
from amodels_assets.sample.view_draw import readable_table
from amodels_assets.sample.views import generate_views, readable_view
from amodels_assets.sample.warehouse import STAGING, generate_tables

_XML_JOB = re.compile(r'<(?:JOB|SUB_FOLDER) (?:.*? )?JOBNAME="([^"]+)"')
_JSON_KEY = re.compile(r'^\s+"([^"]+)": \{$')
Place = tuple[str, int]


@dataclass(frozen=True)
class WarehouseTruth:
    """The truth of the warehouse: ``parts`` by file name below ``ground_truth/``, and counts."""

    parts: dict[str, Mapping[str, object] | Sequence[object]]
    counts: dict[str, int]


def write_warehouse(
    out: Path, *, seed: int, scale: float, rows: dict[str, int], defects: bool, profile: Profile
) -> WarehouseTruth:
    """Generate the warehouse and write its dumps, exports and scripts below ``out``.

    Args:
        out: Existing folder.
        seed: Same seed, scale and defects, same bytes.
        scale: Multiplies what the profile says.
        rows: Rows of the bank's tables.
        defects: Plant every defect.
        profile: Which warehouse.
    """
    tables = generate_tables(seed, scale, rows, TABLE_SIZES[profile])
    make_views = generate_views if profile is Profile.BANK else generate_mart_views
    views = make_views(seed, scale, tables)
    readables = [*map(readable_table, tables), *map(readable_view, views)]
    jobs = generate_jobs(seed, scale, tables, readables)

    planted = plant_dumps(seed, tables, views) if defects else PlantedDumps(tables, views)
    for dump in dump_files(planted.tables, planted.views):
        planted.add(dump)
    _write(out, planted.files)
    tables = [planted.changed_tables.get((t.database, t.name), t) for t in tables]
    views = [*views, *planted.new_views]

    texts, accesses = render_scripts(jobs)
    exports = [
        ("sgmi_load", [job for job in jobs if job.sub_application == STAGING.upper()]),
        ("sgmi_marts", [job for job in jobs if job.sub_application != STAGING.upper()]),
    ]
    job_places: dict[str, dict[str, Place]] = {"xml": {}, "json": {}}
    for name, part in exports:
        _export(texts, job_places, name, controlm.folders_of(part))
    found = list(planted.defects)
    if defects:
        jobs, odd = _plant_jobs(texts, job_places, jobs)
        found += odd
    _write(out, {path: text.encode() for path, text in texts.items()})

    accesses = [*accesses, *_arguments(jobs, job_places["xml"])]
    known = truth.names_of(tables, views)
    lineage = truth.lineage_truth(views, known)
    parts: dict[str, Mapping[str, object] | Sequence[object]] = {
        "databases": truth.databases_truth(),
        "tables": truth.tables_truth(tables, views, planted.places, planted.cleaned),
        "columns": truth.columns_truth(tables, views),
        "lineage": lineage,
        "jobs": truth.jobs_truth(jobs, job_places),
        "job_edges": truth.job_edges_truth(jobs),
        "job_conditions": truth.job_conditions_truth(jobs),
        "job_tables": [asdict(access) for access in accesses],
        "defects": [asdict(defect) for defect in sorted(found, key=lambda d: (d.file, d.line))],
    }
    counts = {
        "databases": len(truth.databases_truth()),
        "tables": len(tables),
        "views": len(views),
        "columns": sum(len(names) for names in known.values()),
        "jobs": len(jobs),
        "defects": len(found),
    }
    return WarehouseTruth(parts, counts)


def _plant_jobs(
    texts: dict[str, str], places: dict[str, dict[str, Place]], jobs: Sequence[Job]
) -> tuple[list[Job], list[Defect]]:
    new, folders, named = odd_jobs(jobs)
    odd_places: dict[str, dict[str, Place]] = {"xml": {}, "json": {}}
    _export(texts, odd_places, "odd", folders)
    defects = [
        Defect(code, *odd_places["xml"][name], name, also=(odd_places["json"][name],))
        for code, name in named
    ]
    for kind, where in odd_places.items():
        # The copy of an ordinary job is not its place.
        places[kind] = {**where, **places[kind]}
    return [*jobs, *new], defects


def _arguments(jobs: Sequence[Job], places: Mapping[str, Place]) -> list[Access]:
    """Tables that jobs name in their own arguments: evidence without a use."""
    found = []
    for job in jobs:
        target = dict(job.variables).get("%%TARGET")
        if target and "%%TARGET" in job.raw_command:
            database, table = target.split(".")
            file, line = places[job.name]
            found.append(Access(job.name, database, table, "mentions", file, line))
    return found


def _export(
    texts: dict[str, str],
    places: dict[str, dict[str, Place]],
    name: str,
    folders: Sequence[controlm.Folder],
) -> None:
    """Add both exports of some folders, and where in them each job and inner folder stands."""
    for kind, text, pattern in (
        ("xml", controlm.render_xml(folders), _XML_JOB),
        ("json", controlm.render_json(folders), _JSON_KEY),
    ):
        path = f"{controlm.FOLDER}/{name}.{kind}"
        texts[path] = text
        for number, line in enumerate(text.split("\n"), start=1):
            match = pattern.search(line)
            if match:
                places[kind].setdefault(match.group(1), (path, number))


def _write(out: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
