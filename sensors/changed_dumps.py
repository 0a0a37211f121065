"""Starts the catalog when a dump file is new, changed or gone."""

import hashlib
import time
from pathlib import Path

import dagster as dg

from amodels_assets.environments import registered_in

CATALOG = dg.AssetSelection.groups("sgmi")
JOB = dg.define_asset_job(
    "update_catalog",
    selection=CATALOG | CATALOG.upstream_source_assets(),
    description="Reads the source dumps into the catalog.",
)
# A file that changed more recently than this may not be complete yet.
SETTLED_AFTER_SECONDS = 30.0


def listing(directory: Path) -> tuple[str, float]:
    """What lies in a directory, without reading the files.

    Returns:
        A hash over each file's path, size and modification time, and the newest modification
        time in seconds since the epoch (0 when there is no file).
    """
    rows = []
    newest = 0.0
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            status = path.stat()
            newest = max(newest, status.st_mtime)
            rows.append(f"{path.relative_to(directory)}\0{status.st_size}\0{status.st_mtime_ns}")
    return hashlib.sha256("\n".join(rows).encode()).hexdigest(), newest


def changed_dumps(directory: Path) -> dg.SensorDefinition:
    """The sensor on one source directory."""

    @dg.sensor(
        name="changed_dumps",
        description="Starts the catalog when a dump file is new, changed or gone.",
        job=JOB,
        minimum_interval_seconds=60,
        metadata=registered_in("dev", "staging", "prod"),
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not directory.is_dir():
            return dg.SkipReason(f"{directory} is not there: set AMODELS_SGMI_DIR")
        found, newest = listing(directory)
        if found == context.cursor:
            return dg.SkipReason("no dump file changed")
        if time.time() - newest < SETTLED_AFTER_SECONDS:
            return dg.SkipReason("a dump file changed a moment ago: its writer may not be done")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=found)], cursor=found)

    return sensor
