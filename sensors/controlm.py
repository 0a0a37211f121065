"""What Control-M started by conditions: one sensor a folder, off until somebody turns it on.

One a folder and not one a job: a folder is what an operator holds and frees, and one look at the
event log serves all its jobs.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from amodels_assets.controlm.conditions import Change, Held, apply
from amodels_assets.controlm.ledger import CHANGES, ORDER_DATE, SET_BY_HAND, recorded
from amodels_assets.controlm.plan import JobPlan
from amodels_assets.controlm.ready import ready_jobs
from amodels_assets.environments import registered_in

MOST_EVENTS = 1_000


def controlm_sensors(plans: Sequence[JobPlan]) -> list[dg.SensorDefinition]:
    """A sensor for each folder that has a waiting job.

    Args:
        plans: Jobs of all folders: conditions are added across folders.
    """
    folders: dict[str, list[JobPlan]] = {}
    for plan in plans:
        if plan.wait is not None and not plan.why_not_started:
            folders.setdefault(plan.folder, []).append(plan)
    names = {plan.folder: "__".join(plan.key[:-1]) for plan in plans}
    return [_sensor(names[folder], waiting, plans) for folder, waiting in sorted(folders.items())]


def _sensor(name: str, waiting: Sequence[JobPlan], plans: Sequence[JobPlan]) -> dg.SensorDefinition:
    wanted = {condition for plan in waiting if plan.wait for condition in plan.wait.names}
    watched = [
        dg.AssetKey(plan.key)
        for plan in plans
        if wanted & {condition for condition, _ in (*plan.adds, *plan.deletes)}
    ]

    @dg.sensor(
        name=f"{name}__sensor",
        description=f"Starts the {len(waiting)} jobs of folder {waiting[0].folder} that wait for "
        "conditions, once for each order date.",
        target=dg.AssetSelection.assets(*(dg.AssetKey(plan.key) for plan in waiting)),
        minimum_interval_seconds=30,
        metadata=registered_in("dev", "staging", "prod"),
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        after, held = _remembered(context.cursor)
        changes, last = _changes(
            context.instance, [*watched, dg.AssetKey(SET_BY_HAND)], after, wanted
        )
        held = apply(changes, held)
        requests = [
            dg.RunRequest(
                run_key=f"{plan.name}:{day.isoformat()}",
                asset_selection=[dg.AssetKey(plan.key)],
                tags={ORDER_DATE: day.isoformat()},
            )
            for plan, day in ready_jobs(waiting, held, datetime.now(UTC))
        ]
        # Dagster itself starts no run twice for the same run key.
        return dg.SensorResult(run_requests=requests, cursor=_cursor(last, held))

    return sensor


def _changes(
    instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey], after: int, wanted: set[str]
) -> tuple[list[Change], int]:
    """What has been added and deleted since, in order, and the newest event seen."""
    found: list[tuple[int, list[Change]]] = []
    for key in keys:
        cursor: str | None = None
        while True:
            records = instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, after_storage_id=after or None),
                limit=MOST_EVENTS,
                cursor=cursor,
                ascending=True,
            )
            for record in records.records:
                made = record.asset_materialization
                changes = made.metadata.get(CHANGES) if made else None
                day = made.metadata.get(ORDER_DATE) if made else None
                read = recorded(changes.value if changes else [], str(day.value) if day else None)
                found.append((record.storage_id, [c for c in read if c.name in wanted]))
            if not records.has_more:
                break
            cursor = records.cursor
    found.sort(key=lambda each: each[0])
    last = max([after, *(storage_id for storage_id, _ in found)])
    return [change for _, changes in found for change in changes], last


def _remembered(cursor: str | None) -> tuple[int, Held]:
    if not cursor:
        return 0, set()
    found = json.loads(cursor)
    held = {(name, date.fromisoformat(day) if day else None) for name, day in found["held"]}
    return found["after"], held


def _cursor(after: int, held: Held) -> str:
    pairs = sorted((name, day.isoformat() if day else "") for name, day in held)
    return json.dumps({"after": after, "held": pairs})
