"""Assembles the code location: every room's assets and checks, jobs, schedules, sensors, resources.

Nothing else belongs here. ``build_definitions`` is the one assembly point, for Dagster, the
command line and the tests.
"""

import warnings
from collections.abc import Mapping
from importlib import import_module

import dagster as dg

from amodels_assets.release.jobs import delete_expired_checkpoints
from amodels_assets.settings import Settings, from_environment
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource
from resources.sgmi_source import SgmiSourceResource
from resources.training import TrainingResource
from schedules import build_schedules
from sensors import build_sensors

ROOMS = ("sgmi", "schemas", "graph", "datasets", "training", "evaluation", "release")


def build_definitions(resources: Mapping[str, object] | None = None) -> dg.Definitions:
    """The whole code location.

    Args:
        resources: Take the place of the configured resources of the same name.
    """
    # Observable sources and source selections are in beta; the release in use is pinned.
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    settings = from_environment()
    assets = [import_module(f"amodels_assets.{room}.assets") for room in ROOMS]
    checks = [import_module(f"amodels_assets.{room}.checks") for room in ROOMS]
    artifact_store = ArtifactStoreResource(root=str(settings.artifacts_path()))
    return dg.Definitions(
        assets=dg.load_assets_from_modules(assets),
        asset_checks=dg.load_asset_checks_from_modules(checks),
        jobs=[delete_expired_checkpoints],
        schedules=build_schedules(settings.timezone, settings.retention_days),
        sensors=build_sensors(settings.sgmi_directory, artifact_store.path() / "operations"),
        resources={
            "artifact_store": artifact_store,
            "sgmi_source": SgmiSourceResource(directory=str(settings.sgmi_directory)),
            "replica_database": _replica(settings),
            "training": TrainingResource(steps=settings.training_steps),
            "pipes_subprocess_client": dg.PipesSubprocessClient(),
            **(resources or {}),
        },
        # A process per step costs more than most steps do; training has a process of its own.
        executor=dg.in_process_executor,
    )


def _replica(settings: Settings) -> DatabaseResource:
    if settings.replica_variable:
        return DatabaseResource(url=dg.EnvVar(settings.replica_variable))
    return DatabaseResource(url=f"sqlite:///{settings.replica_file}")


defs = build_definitions()
