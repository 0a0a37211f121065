"""Rows of the catalog's job tables."""

from __future__ import annotations

from amodels_assets.sgmi.job_model import Job
from amodels_assets.sgmi.job_schedule import cron, not_expressible, trigger

Row = tuple[object, ...]


def job_rows(jobs: list[Job]) -> list[Row]:
    """Rows of ``jobs``."""
    return [
        (
            job.name,
            job.folder,
            job.application,
            job.sub_application,
            job.kind,
            job.command or None,
            job.raw_command or None,
            job.script or None,
            job.host_group,
            job.run_as,
            sorted(job.variables.items()),
            job.description or None,
            job.file,
            job.line,
        )
        for job in jobs
    ]


def condition_rows(jobs: list[Job]) -> list[Row]:
    """Rows of ``job_conditions``."""
    added = {condition.name for job in jobs for condition in job.adds}
    found: set[tuple[str, str, str, str, bool]] = set()
    for job in jobs:
        for role, conditions in (
            ("waits_for", job.waits),
            ("adds", job.adds),
            ("deletes", job.deletes),
        ):
            for condition in conditions:
                external = role == "waits_for" and condition.name not in added
                found.add((job.name, condition.name, role, condition.date_rule, external))
    return [tuple(row) for row in sorted(found)]


def schedule_rows(jobs: list[Job], timezone: str) -> list[Row]:
    """Rows of ``job_schedules``: a job that also waits is not started by cron."""
    added = {condition.name for job in jobs for condition in job.adds}
    rows: list[Row] = []
    for job in jobs:
        dates = job.dates
        started_by = trigger(
            dates,
            waits=bool(job.waits),
            all_external=not any(wait.name in added for wait in job.waits),
        )
        date_filter = {
            "months": list(dates.months),
            "month_days": list(dates.month_days),
            "week_days": list(dates.week_days),
            "and_or": "A" if dates.both else "O",
        }
        line = cron(dates) if started_by == "cron" else None
        unsaid = not_expressible(dates)
        if started_by == "cron" and not dates.time_from and not dates.interval:
            unsaid.append("TIMEFROM=")
        rows.append(
            (
                job.name,
                started_by,
                line,
                timezone,
                date_filter,
                unsaid,
                dates.time_from or None,
                job.logic or None,
            )
        )
    return rows
