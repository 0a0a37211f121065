"""What reacts to something that happened: new dumps, failed runs, decisions. One file a matter.

Sensors name assets by selection; of the rooms they import what they have to understand: the plans
and conditions of Control-M jobs, the figures of the endpoint, verdicts on releases, objectives.
"""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from amodels_assets.controlm.plan import JobPlan
from sensors.changed_dumps import changed_dumps
from sensors.controlm import controlm_sensors
from sensors.failed_runs import failed_runs
from sensors.operations import objectives
from sensors.serving import endpoint_observations, rejected_releases


def build_sensors(
    sgmi_directory: Path, reports: Path, home: Path, plans: Sequence[JobPlan] = ()
) -> list[dg.SensorDefinition]:
    """All sensors, off until somebody turns them on.

    Args:
        sgmi_directory: Where the dump files arrive.
        reports: Folder that reports of failed runs are written to.
        home: Of the platform, below which the supervisor of served releases writes.
        plans: Control-M jobs that Dagster is to run.
    """
    return [
        changed_dumps(sgmi_directory),
        failed_runs(reports),
        endpoint_observations,
        objectives,
        rejected_releases(home),
        *controlm_sensors(plans),
    ]
