"""Which waiting jobs may start now.

Belongs here: the decision. Does not belong here: where conditions are recorded, Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from amodels_assets.controlm.conditions import Held
from amodels_assets.controlm.plan import JobPlan

# Order dates further back than this are not started any more.
KEPT_DAYS = 7


def ready_jobs(plans: Iterable[JobPlan], held: Held, now: datetime) -> list[tuple[JobPlan, date]]:
    """Waiting jobs whose conditions hold on an order date on which they may run.

    Args:
        plans: Any jobs; those that are started by cron alone are left out.
        held: Conditions that hold.
        now: With a zone.

    Returns:
        Job and order date, also of jobs that ran already: who starts them has to know.
    """
    found = []
    for plan in plans:
        if plan.wait is None or plan.why_not_started:
            continue
        local = now.astimezone(ZoneInfo(plan.timezone))
        today = local.date()
        names = set(plan.wait.names)
        dates = {day for name, day in held if day is not None and name in names}
        # A condition of the day before can be what a job of today waits for.
        dates |= {today} | {day + timedelta(1) for day in dates}
        for day in sorted(d for d in dates if today - timedelta(KEPT_DAYS) <= d <= today):
            early = day == today and plan.time_from > f"{local:%H%M}"
            if not early and plan.dates.allows(day) and plan.wait.is_over(held, day):
                found.append((plan, day))
    return found
