"""What reacts to something that happened: new dumps, failed runs. One file per sensor.

Sensors name assets by selection; they import nothing of the assets.
"""

from pathlib import Path

import dagster as dg

from sensors.changed_dumps import changed_dumps
from sensors.failed_runs import failed_runs


def build_sensors(sgmi_directory: Path, reports: Path) -> list[dg.SensorDefinition]:
    """All sensors, off until somebody turns them on.

    Args:
        sgmi_directory: Where the dump files arrive.
        reports: Folder that reports of failed runs are written to.
    """
    return [changed_dumps(sgmi_directory), failed_runs(reports)]
