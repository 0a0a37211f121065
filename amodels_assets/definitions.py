"""Assembles the code location: every room's assets and checks, jobs, schedules, sensors, resources.

Nothing else belongs here; Dagster, the command line and the tests all use ``build_definitions``.
"""

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module

import dagster as dg

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.configured import configured_resources, store_assets, store_checks
from amodels_assets.controlm.assets import job_assets
from amodels_assets.controlm.chosen import chosen_plans
from amodels_assets.controlm.plan import JobPlan
from amodels_assets.environments import registered
from amodels_assets.evaluation.language.assets import language_assets
from amodels_assets.evaluation.language.checks import language_checks
from amodels_assets.operations.checks import objective_checks
from amodels_assets.operations.meter import measured_in_process_executor
from amodels_assets.operations.objectives import read_objectives
from amodels_assets.operations.policies import require_known, with_freshness_policies
from amodels_assets.release.jobs import delete_expired_checkpoints
from amodels_assets.run_history.jobs import prune_run_history
from amodels_assets.schemas.assets import replica_assets
from amodels_assets.schemas.checks import replica_checks
from amodels_assets.schemas.targets import configured_targets
from amodels_assets.settings import Settings, from_environment
from schedules import build_schedules
from sensors import build_sensors

ROOMS = (
    *("sgmi", "graph", "datasets", "questions", "training", "training.language", "evaluation"),
    *("privacy", "release", "serving", "operations"),
)


def build_definitions(resources: Mapping[str, object] | None = None) -> dg.Definitions:
    """The whole code location.

    Args:
        resources: Take the place of the configured resources of the same name.
    """
    # Observable sources and source selections are in beta; the release in use is pinned.
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    settings = from_environment()
    assets_of = [import_module(f"amodels_assets.{room}.assets") for room in ROOMS]
    checks_of = [import_module(f"amodels_assets.{room}.checks") for room in ROOMS]
    store, stores = settings.artifacts_path(), settings.stores
    targets = configured_targets(stores)
    plans = chosen_plans(ArtifactStore(store), settings.controlm_folders)
    schedules, sensors = schedules_and_sensors(settings, plans)
    assets = [
        *dg.load_assets_from_modules(assets_of, include_specs=True),
        *replica_assets(targets),
        *store_assets(stores),
        *job_assets(plans),
        *language_assets(settings.eval_directory),
    ]
    checks = [
        *(*dg.load_asset_checks_from_modules(checks_of), *replica_checks(targets)),
        *store_checks(stores),
        *language_checks(settings.eval_directory),
    ]
    objectives = read_objectives(settings.objectives)
    require_known(assets, checks, objectives)
    return dg.Definitions(
        assets=with_freshness_policies(assets, objectives),
        asset_checks=[*checks, *objective_checks(objectives)],
        jobs=[delete_expired_checkpoints, prune_run_history],
        schedules=registered(schedules, settings.environment),
        sensors=registered(sensors, settings.environment),
        resources={**configured_resources(settings), **(resources or {})},
        # A process per step costs more than most steps do; training has a process of its own.
        executor=measured_in_process_executor,
    )


def schedules_and_sensors(
    settings: Settings, plans: Sequence[JobPlan]
) -> tuple[list[dg.ScheduleDefinition], list[dg.SensorDefinition]]:
    """Those of all environments."""
    reports = settings.artifacts_path() / "operations"
    return (
        build_schedules(
            settings.timezone,
            retention_days=settings.retention_days,
            history_days=settings.history_days,
            plans=plans,
        ),
        build_sensors(settings.sgmi_directory, reports, settings.home, plans),
    )


defs = build_definitions()
