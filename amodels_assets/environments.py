"""In which environments a schedule or sensor is registered; each of them has to say it.

Belongs here: how a definition says it, and the choice of those of one environment. Does not belong
here: which environment this process is in (``AMODELS_ENV``, ``settings.py``), and whether what is
registered is turned on, which is Dagster's ``default_status`` and then a person's choice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, cast

import dagster as dg

from amodels_assets.settings import ENVIRONMENTS

KEY = "amodels/environments"
ScheduleOrSensor = TypeVar("ScheduleOrSensor", dg.ScheduleDefinition, dg.SensorDefinition)


def registered_in(*environments: str) -> dict[str, list[str]]:
    """Metadata of a schedule or sensor that name its environments.

    Args:
        environments: Some of ``ENVIRONMENTS``.

    Raises:
        ValueError: None is named, or one that does not exist.
    """
    unknown = [name for name in environments if name not in ENVIRONMENTS]
    if unknown or not environments:
        raise ValueError(
            f"environments {', '.join(unknown) or '(none)'}: name some of {', '.join(ENVIRONMENTS)}"
        )
    return {KEY: list(environments)}


def environments_of(definition: dg.ScheduleDefinition | dg.SensorDefinition) -> tuple[str, ...]:
    """Environments that a definition names.

    Raises:
        ValueError: It names none.
    """
    named = definition.metadata.get(KEY)
    if named is None:
        raise ValueError(
            f"{definition.name} does not say in which environments it is registered: "
            "give it metadata=registered_in('prod'), say"
        )
    return tuple(registered_in(*cast("list[str]", named.value))[KEY])


def registered(definitions: Iterable[ScheduleOrSensor], environment: str) -> list[ScheduleOrSensor]:
    """Those that are registered in one environment.

    Args:
        definitions: All schedules, or all sensors.
        environment: One of ``ENVIRONMENTS``.

    Raises:
        ValueError: One of them names no environment.
    """
    return [each for each in definitions if environment in environments_of(each)]
