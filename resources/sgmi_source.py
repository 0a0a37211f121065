"""Where the SGMI dumps lie, as a Dagster resource. How they are read is not known here."""

from pathlib import Path

import dagster as dg


class SgmiSourceResource(dg.ConfigurableResource):
    """A directory of SGMI dumps.

    Attributes:
        directory: Holds ``hive-ddl/``, ``controlm/``, ``scripts/`` and ``rows/``.
    """

    directory: str

    def path(self) -> Path:
        """The directory, absolute; whether it exists is for the reader to say."""
        return Path(self.directory).absolute()
