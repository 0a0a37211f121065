"""The platform's assets as a code location in containers, with what the tests of it need besides.

A schedule that ticks every minute, and the ops of ``small_location`` that tests hold and kill.
"""

import os

import dagster as dg

# Dagster takes only one Definitions of a module.
from amodels_assets import definitions as platform

os.environ.setdefault("TEST_FOLDER", "/var/lib/amodels/test")
# It reads the variable.
from tests.integration.deploy import small_location as small

# In one process: the machine of the tests has few cores.
catalog_job = dg.define_asset_job(
    "catalog_job", dg.AssetSelection.groups("sgmi"), executor_def=dg.in_process_executor
)


@dg.schedule(
    cron_schedule="* * * * *",
    job=catalog_job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def every_minute() -> dg.RunRequest | dg.SkipReason:
    if (small.FOLDER / "enough").exists():
        return dg.SkipReason("there were enough")
    return dg.RunRequest()


defs = dg.Definitions.merge(
    platform.defs,
    dg.Definitions(jobs=[catalog_job, small.held_job, small.gpu_job], schedules=[every_minute]),
)
