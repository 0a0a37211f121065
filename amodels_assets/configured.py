"""The resources that the settings describe. Nothing else belongs here."""

import dagster as dg

from amodels_assets.schemas.targets import configured_targets
from amodels_assets.settings import REDIS, Settings
from resources.artifact_store import ArtifactStoreResource
from resources.command_runner import CommandRunner
from resources.database import DatabaseResource
from resources.event_stream import EventStreamResource
from resources.locks import LockResource
from resources.sgmi_source import SgmiSourceResource
from resources.training import TrainingResource


def configured_resources(settings: Settings) -> dict[str, object]:
    """Every resource of the code location, by name."""
    streams = {"event_streams": EventStreamResource(redis_url=dg.EnvVar(REDIS))}
    return {
        **(streams if REDIS in settings.stores else {}),
        "artifact_store": ArtifactStoreResource(root=str(settings.artifacts_path())),
        "sgmi_source": SgmiSourceResource(directory=str(settings.sgmi_directory)),
        "replica_databases": _replicas(settings),
        "locks": locks(settings),
        "command_runner": command_runner(settings),
        "training": TrainingResource(steps=settings.training_steps),
        "pipes_subprocess_client": dg.PipesSubprocessClient(),
    }


def command_runner(settings: Settings) -> CommandRunner:
    """Where commands of Control-M jobs run."""
    directory = str(settings.controlm_scripts or "")
    return CommandRunner(kind=settings.controlm_runner, directory=directory)


def locks(settings: Settings) -> LockResource:
    """Locks between runs: in Redis where there is one."""
    url = dg.EnvVar(REDIS) if REDIS in settings.stores else ""
    return LockResource(redis_url=url, folder=str(settings.home / "locks"))


def _replicas(settings: Settings) -> DatabaseResource:
    urls: dict[str, str] = {
        target.name: dg.EnvVar(target.variable) if target.variable else settings.embedded_url
        for target in configured_targets(settings.stores)
    }
    return DatabaseResource(**urls)
