"""The resources that the settings describe. Nothing else belongs here."""

import dagster as dg

from amodels_assets.settings import POSTGRES, Settings
from resources.artifact_store import ArtifactStoreResource
from resources.command_runner import CommandRunner
from resources.database import DatabaseResource
from resources.sgmi_source import SgmiSourceResource
from resources.training import TrainingResource


def configured_resources(settings: Settings) -> dict[str, object]:
    """Every resource of the code location, by name."""
    return {
        "artifact_store": ArtifactStoreResource(root=str(settings.artifacts_path())),
        "sgmi_source": SgmiSourceResource(directory=str(settings.sgmi_directory)),
        "replica_database": _replica(settings),
        "command_runner": command_runner(settings),
        "training": TrainingResource(steps=settings.training_steps),
        "pipes_subprocess_client": dg.PipesSubprocessClient(),
    }


def command_runner(settings: Settings) -> CommandRunner:
    """Where commands of Control-M jobs run."""
    directory = str(settings.controlm_scripts or "")
    return CommandRunner(kind=settings.controlm_runner, directory=directory)


def _replica(settings: Settings) -> DatabaseResource:
    if POSTGRES in settings.stores:
        return DatabaseResource(url=dg.EnvVar(POSTGRES))
    return DatabaseResource(url=f"sqlite:///{settings.replica_file}")
