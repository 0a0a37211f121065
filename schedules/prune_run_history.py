"""Prunes Dagster's history every night at 04:15; no crontab line before it did."""

import dagster as dg

from amodels_assets.environments import registered_in


def prune_run_history(timezone: str, history_days: int) -> dg.ScheduleDefinition:
    """The nightly schedule, read in the given IANA zone; on wherever it is registered.

    Args:
        timezone: IANA zone.
        history_days: Days for which runs are kept.
    """
    return dg.ScheduleDefinition(
        name="prune_run_history_nightly",
        description="Removes runs that ended long ago from Dagster's storage.",
        job_name="prune_run_history",
        cron_schedule="15 4 * * *",
        execution_timezone=timezone,
        metadata=registered_in("staging", "prod"),
        run_config={"ops": {"prune_old_runs": {"config": {"days": history_days}}}},
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
