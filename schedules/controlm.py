"""What Control-M started by date: one schedule a job, off until somebody turns it on."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from amodels_assets.controlm.ledger import ORDER_DATE
from amodels_assets.controlm.plan import JobPlan
from amodels_assets.environments import registered_in


def controlm_schedules(plans: Iterable[JobPlan]) -> list[dg.ScheduleDefinition]:
    """A schedule for each job that cron can start."""
    return [
        _schedule(plan, plan.schedule_line)
        for plan in plans
        if plan.schedule_line and not plan.why_not_started
    ]


def _schedule(plan: JobPlan, line: str) -> dg.ScheduleDefinition:
    def start(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment: datetime = context.scheduled_execution_time
        day = moment.astimezone(ZoneInfo(plan.timezone)).date()
        # Only of a line that says less than Control-M this is ever false.
        if not plan.dates.allows(day):
            return dg.SkipReason(f"{plan.job} may not run on {day}")
        return dg.RunRequest(run_key=moment.isoformat(), tags={ORDER_DATE: day.isoformat()})

    limits = ", ".join(plan.not_expressible)
    note = f" Not watched: {limits}." if limits and plan.cron else ""
    return dg.ScheduleDefinition(
        name=f"{plan.name}__schedule",
        cron_schedule=line,
        execution_timezone=plan.timezone,
        target=dg.AssetSelection.assets(dg.AssetKey(plan.key)),
        execution_fn=start,
        description=f"Control-M job {plan.job} ({plan.source}).{note}",
        metadata=registered_in("dev", "staging", "prod"),
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
