"""What reacts to something that happened: new dumps, failed runs. One file per sensor.

Sensors name assets by selection; of the assets they import nothing, of the Control-M jobs their
plans and conditions.
"""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from amodels_assets.controlm.plan import JobPlan
from sensors.changed_dumps import changed_dumps
from sensors.controlm import controlm_sensors
from sensors.failed_runs import failed_runs


def build_sensors(
    sgmi_directory: Path, reports: Path, plans: Sequence[JobPlan] = ()
) -> list[dg.SensorDefinition]:
    """All sensors, off until somebody turns them on.

    Args:
        sgmi_directory: Where the dump files arrive.
        reports: Folder that reports of failed runs are written to.
        plans: Control-M jobs that Dagster is to run.
    """
    return [changed_dumps(sgmi_directory), failed_runs(reports), *controlm_sensors(plans)]
