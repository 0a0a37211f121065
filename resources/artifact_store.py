"""Where artifacts are kept, as a Dagster resource. What artifacts are is not known here."""

from pathlib import Path

import dagster as dg


class ArtifactStoreResource(dg.ConfigurableResource):
    """A folder for artifacts.

    Attributes:
        root: Path of the folder.
    """

    root: str

    def path(self) -> Path:
        """The folder, absolute."""
        return Path(self.root).absolute()
