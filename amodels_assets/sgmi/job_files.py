"""A source directory's exports and scripts: finding them, and what all jobs together lack.

Belongs here: files and their order. Does not belong here: the formats (``controlm_xml.py``,
``controlm_json.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from amodels_assets.sgmi.controlm_json import read_json
from amodels_assets.sgmi.controlm_xml import read_xml
from amodels_assets.sgmi.decode import decode
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.job_model import Job, merge_exports
from amodels_assets.sgmi.source import part_files, relative


def read_jobs(source: Path, diagnostics: Diagnostics) -> list[Job]:
    """All jobs of a source directory, by name; both exports of a job are one."""
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


def read_scripts(source: Path, diagnostics: Diagnostics) -> Mapping[str, str]:
    """Text of every script, by path relative to the source directory."""
    scripts = {}
    for path in part_files(source, "scripts"):
        name = relative(source, path)
        try:
            scripts[name] = decode(path.read_bytes()).text
        except OSError as error:
            text = f"the file cannot be read: {error.strerror}"
            diagnostics.error("unreadable_file", text, name)
    return scripts


def report_jobs(jobs: list[Job], loops: list[list[str]], diagnostics: Diagnostics) -> None:
    """Report what nobody starts, what starts from outside, and what waits for itself."""
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
