"""Reports every failed run: a log line and a record that other tools can follow."""

import json
import os
from pathlib import Path

import dagster as dg

from amodels_assets.environments import registered_in

REPORT_NAME = "failed_runs.jsonl"


def failed_runs(reports: Path) -> dg.SensorDefinition:
    """The sensor; appends one JSON line a failed run to ``<reports>/failed_runs.jsonl``."""

    @dg.run_failure_sensor(
        name="failed_runs",
        description=f"Reports failed runs to the log and to {REPORT_NAME}.",
        metadata=registered_in("dev", "staging", "prod"),
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def sensor(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        steps = [
            {"step": event.step_key, "error": _last_line(event)}
            for event in context.get_step_failure_events()
        ]
        report = {
            "run_id": run.run_id,
            "job": run.job_name,
            "message": context.failure_event.message,
            "steps": steps,
        }
        append_line(reports / REPORT_NAME, json.dumps(report, sort_keys=True))
        context.log.error("run %s of %s failed: %s", run.run_id, run.job_name, report["message"])

    return sensor


def append_line(path: Path, line: str) -> None:
    """Append one line in a single write, so that two writers' lines never mix, and sync it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, f"{line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _last_line(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else ""
