"""What there is to count, counted twice: in the record, and by Dagster's own interface."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from amodels_assets.operations.intake import Taken, take_in
from amodels_assets.operations.operation import Operation
from amodels_assets.operations.prices import Prices
from amodels_assets.operations.schema import OPERATIONS


def take(
    instance: dg.DagsterInstance,
    engine: sa.Engine,
    now: float | None = None,
    *,
    audit_log: Path = Path("/nowhere"),
) -> Taken:
    return take_in(
        instance,
        engine,
        prices=Prices(),
        audit_log=audit_log,
        now=time.time() if now is None else now,
    )


def just_ended(instance: dg.DagsterInstance) -> float:
    """A moment at which no run is settled."""
    return max(record.end_time or 0.0 for record in instance.get_run_records()) + 1


def rows(engine: sa.Engine) -> list[Operation]:
    with engine.begin() as connection:
        found = connection.execute(sa.select(OPERATIONS).order_by(OPERATIONS.c.operation_id))
        return [Operation(**row) for row in found.mappings()]


def counted_by_the_instance(instance: dg.DagsterInstance) -> Counter[tuple[str, str, str]]:
    """The same, out of Dagster's own interface and without any code of ours."""
    found: Counter[tuple[str, str, str]] = Counter()
    statuses = {"SUCCESS": "succeeded", "FAILURE": "failed"}
    for run in instance.get_runs():
        found["run", run.job_name, statuses[run.status.value]] += 1
        for entry in instance.all_logs(run.run_id):
            event = entry.dagster_event
            if event is None:
                continue
            if event.is_step_success:
                found["step", str(event.step_key), "succeeded"] += 1
            elif event.is_step_failure:
                found["step", str(event.step_key), "failed"] += 1
            elif event.is_step_skipped:
                found["step", str(event.step_key), "skipped"] += 1
            elif event.is_step_up_for_retry:
                found["step", str(event.step_key), "retried"] += 1
            elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                check = event.asset_check_evaluation_data
                name = f"{check.asset_key.to_user_string()}:{check.check_name}"
                outcome = "warned" if check.severity.value == "WARN" else "failed"
                found["check", name, "passed" if check.passed else outcome] += 1
    for key in instance.get_asset_keys():
        name = key.to_user_string()
        made = instance.fetch_materializations(key, limit=1000).records
        seen = instance.fetch_observations(key, limit=1000).records
        found += Counter({("materialization", name, "succeeded"): len(made)})
        found += Counter({("observation", name, "succeeded"): len(seen)})
    return found


def counted_here(engine: sa.Engine) -> Counter[tuple[str, str, str]]:
    return Counter((row.kind, row.name, row.status) for row in rows(engine))
