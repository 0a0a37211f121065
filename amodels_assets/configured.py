"""What the settings call for: resources, and the assets of optional stores. Nothing else."""

from collections.abc import Collection

import dagster as dg

from amodels_assets.graph.neo4j_assets import graph_store_equals_artifact, neo4j_graph
from amodels_assets.schemas.targets import configured_targets
from amodels_assets.search.assets import postgresql_search_index, search_index
from amodels_assets.search.checks import index_has_the_catalog, postgresql_index_has_the_catalog
from amodels_assets.settings import NEO4J, NOTIFICATIONS, OPERATIONS, POSTGRES, REDIS, Settings
from amodels_assets.sgmi.change_assets import change_events
from resources.artifact_store import ArtifactStoreResource
from resources.command_runner import CommandRunner
from resources.database import DatabaseResource
from resources.event_stream import EventStreamResource
from resources.gateway import KEY as GATEWAY_KEY
from resources.gateway import GatewayResource
from resources.gpu import GpuResource
from resources.graph_database import GraphDatabaseResource
from resources.locks import LockResource
from resources.operations import OperationsResource
from resources.sgmi_source import SgmiSourceResource
from resources.training import TrainingResource


def configured_resources(settings: Settings) -> dict[str, object]:
    """Every resource of the code location, by name."""
    streams = {"event_streams": EventStreamResource(redis_url=dg.EnvVar(REDIS))}
    graphs = {"graph_database": GraphDatabaseResource(url=dg.EnvVar(NEO4J))}
    return {
        **(streams if REDIS in settings.stores else {}),
        **(graphs if NEO4J in settings.stores else {}),
        "artifact_store": ArtifactStoreResource(root=str(settings.artifacts_path())),
        "sgmi_source": SgmiSourceResource(directory=str(settings.sgmi_directory)),
        "replica_databases": _replicas(settings),
        "locks": locks(settings),
        "command_runner": command_runner(settings),
        "gpu": GpuResource(device=settings.device, price_per_hour=settings.gpu_price_per_hour),
        "training": TrainingResource(
            steps=settings.training_steps,
            language_model=settings.language_model,
            models=str(settings.models),
        ),
        "gateway": GatewayResource(
            url=settings.gateway_url,
            key=dg.EnvVar(GATEWAY_KEY) if settings.gateway_has_key else "",
        ),
        "operations": _operations(settings),
        "pipes_subprocess_client": dg.PipesSubprocessClient(),
    }


def store_assets(stores: Collection[str]) -> list[dg.AssetsDefinition]:
    """Assets that depend on which stores there are."""
    return [
        search_index,
        *([postgresql_search_index] if POSTGRES in stores else []),
        *([change_events] if REDIS in stores else []),
        *([neo4j_graph] if NEO4J in stores else []),
    ]


def store_checks(stores: Collection[str]) -> list[dg.AssetChecksDefinition]:
    """Their checks."""
    return [
        index_has_the_catalog,
        *([postgresql_index_has_the_catalog] if POSTGRES in stores else []),
        *([graph_store_equals_artifact] if NEO4J in stores else []),
    ]


def command_runner(settings: Settings) -> CommandRunner:
    """Where commands of Control-M jobs run."""
    directory = str(settings.controlm_scripts or "")
    return CommandRunner(kind=settings.controlm_runner, directory=directory)


def locks(settings: Settings) -> LockResource:
    """Locks between runs: in Redis where there is one."""
    url = dg.EnvVar(REDIS) if REDIS in settings.stores else ""
    return LockResource(redis_url=url, folder=str(settings.home / "locks"))


def _operations(settings: Settings) -> OperationsResource:
    return OperationsResource(
        url=dg.EnvVar(OPERATIONS) if OPERATIONS in settings.stores else settings.operations_url,
        audit_log=str(settings.audit_log),
        prices=str(settings.prices or ""),
        gpu_price_per_hour=settings.gpu_price_per_hour,
        objectives=str(settings.objectives),
        retention_days=settings.operations_retention_days,
        notification_urls=dg.EnvVar(NOTIFICATIONS) if settings.notifies else "",
        quiet_hours=settings.quiet_hours,
    )


def _replicas(settings: Settings) -> DatabaseResource:
    urls: dict[str, str] = {
        target.name: dg.EnvVar(target.variable) if target.variable else settings.embedded_url
        for target in configured_targets(settings.stores)
    }
    return DatabaseResource(**urls)
