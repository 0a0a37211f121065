"""What cron used to do: one schedule per old crontab line, one file per schedule.

Schedules name assets and jobs by selection or name; of the assets they import nothing, of the
Control-M jobs their plans.
"""

from collections.abc import Sequence

import dagster as dg

from amodels_assets.controlm.plan import JobPlan
from schedules.controlm import controlm_schedules
from schedules.delete_expired_checkpoints import delete_expired_checkpoints
from schedules.operations import operations
from schedules.prune_run_history import prune_run_history
from schedules.train_evaluate_release import train_evaluate_release


def build_schedules(
    timezone: str, *, retention_days: int, history_days: int, plans: Sequence[JobPlan] = ()
) -> list[dg.ScheduleDefinition]:
    """All schedules of all environments; those of old crontab lines are off at first.

    Args:
        timezone: IANA zone in which the cron lines are read.
        retention_days: Days for which old checkpoint archives are kept.
        history_days: Days for which Dagster's runs are kept.
        plans: Control-M jobs that Dagster is to run.
    """
    return [
        train_evaluate_release(timezone),
        delete_expired_checkpoints(timezone, retention_days),
        prune_run_history(timezone, history_days),
        operations(timezone),
        *controlm_schedules(plans),
    ]
