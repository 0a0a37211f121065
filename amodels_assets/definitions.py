"""Assembles the code location: every room's assets and checks, jobs, schedules, sensors, resources.

Nothing else belongs here; Dagster, the command line and the tests all use ``build_definitions``.
"""

import warnings
from collections.abc import Mapping
from importlib import import_module

import dagster as dg

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.configured import configured_resources, store_assets, store_checks
from amodels_assets.controlm.assets import job_assets
from amodels_assets.controlm.chosen import chosen_plans
from amodels_assets.release.jobs import delete_expired_checkpoints
from amodels_assets.schemas.assets import replica_assets
from amodels_assets.schemas.checks import replica_checks
from amodels_assets.schemas.targets import configured_targets
from amodels_assets.settings import from_environment
from schedules import build_schedules
from sensors import build_sensors

ROOMS = ("sgmi", "graph", "datasets", "questions", "training", "evaluation", "release")


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
    store, stores = settings.artifacts_path(), settings.stores
    targets = configured_targets(stores)
    plans = chosen_plans(ArtifactStore(store), settings.controlm_folders)
    return dg.Definitions(
        assets=[
            *dg.load_assets_from_modules(assets),
            *replica_assets(targets),
            *store_assets(stores),
            *job_assets(plans),
        ],
        asset_checks=[
            *(*dg.load_asset_checks_from_modules(checks), *replica_checks(targets)),
            *store_checks(stores),
        ],
        jobs=[delete_expired_checkpoints],
        schedules=build_schedules(settings.timezone, settings.retention_days, plans),
        sensors=build_sensors(settings.sgmi_directory, store / "operations", plans),
        resources={**configured_resources(settings), **(resources or {})},
        # A process per step costs more than most steps do; training has a process of its own.
        executor=dg.in_process_executor,
    )


defs = build_definitions()
