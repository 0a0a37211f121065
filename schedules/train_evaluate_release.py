"""Crontab line ``0 2 * * *``: train, evaluate and release every night at 02:00."""

import dagster as dg

from amodels_assets.environments import registered_in

JOB = dg.define_asset_job(
    "train_evaluate_release",
    # Without language models: their base model is brought by hand, and they take longer.
    selection=dg.AssetSelection.groups("training", "evaluation", "release")
    - dg.AssetSelection.tag("amodels/extra", "language"),
    # A night's work; the daemon ends what takes longer.
    tags={"dagster/max_runtime": "21600"},
    description="Trains a checkpoint on the newest data set, scores it, and lets the gate decide.",
)


def train_evaluate_release(timezone: str) -> dg.ScheduleDefinition:
    """The nightly schedule, read in the given IANA zone."""
    return dg.ScheduleDefinition(
        name="train_evaluate_release_nightly",
        description="Replaces the crontab line: 0 2 * * *",
        job=JOB,
        cron_schedule="0 2 * * *",
        execution_timezone=timezone,
        metadata=registered_in("dev", "staging", "prod"),
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
