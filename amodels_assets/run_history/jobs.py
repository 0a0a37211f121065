"""The job that prunes Dagster's history."""

import dagster as dg


class HistoryConfig(dg.Config):
    """How long runs that nobody needs are kept.

    Attributes:
        days: Runs that ended longer ago go, unless something current is in them.
    """

    days: int


@dg.op(description="Removes old runs with their events, logs and ticks; what is current stays.")
def prune_old_runs(context: dg.OpExecutionContext, config: HistoryConfig) -> None:
    """Remove and say how much was removed."""
    from dataclasses import asdict
    from datetime import UTC, datetime, timedelta

    from amodels_assets.run_history.prune import prune

    before = datetime.now(UTC) - timedelta(days=config.days)
    context.add_output_metadata(asdict(prune(context.instance, before=before)))


# A day's removal takes seconds, the first one of years takes hours.
@dg.job(name="prune_run_history", tags={"dagster/max_runtime": "21600"})
def prune_run_history() -> None:
    """Remove old runs with their events, logs and ticks from Dagster's storage."""
    prune_old_runs()
