"""Crontab line ``30 3 * * 0``: delete old checkpoint archives every Sunday at 03:30."""

import dagster as dg

from amodels_assets.environments import registered_in


def delete_expired_checkpoints(timezone: str, retention_days: int) -> dg.ScheduleDefinition:
    """The weekly schedule, read in the given IANA zone."""
    return dg.ScheduleDefinition(
        name="delete_expired_checkpoints_weekly",
        description="Replaces the crontab line: 30 3 * * 0",
        job_name="delete_expired_checkpoints",
        cron_schedule="30 3 * * 0",
        execution_timezone=timezone,
        metadata=registered_in("dev", "staging", "prod"),
        run_config={"ops": {"delete_expired_archives": {"config": {"days": retention_days}}}},
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
