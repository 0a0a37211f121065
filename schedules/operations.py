"""Takes in what happened, every hour at five past. No crontab line had it."""

import dagster as dg

from amodels_assets.environments import registered_in

JOB = dg.define_asset_job(
    "operations",
    selection=dg.AssetSelection.groups("operations"),
    description="Takes what happened into the record, and keeps by the day what is old.",
)


def operations(timezone: str) -> dg.ScheduleDefinition:
    """The hourly schedule, read in the given IANA zone."""
    return dg.ScheduleDefinition(
        name="operations_hourly",
        description="Brings the record of operations up to date.",
        job=JOB,
        cron_schedule="5 * * * *",
        execution_timezone=timezone,
        metadata=registered_in("dev", "staging", "prod"),
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
