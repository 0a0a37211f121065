"""Where artifacts are kept, as a Dagster resource. What artifacts are is not known here."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import dagster as dg


class ArtifactStoreResource(dg.ConfigurableResource):
    """A folder for artifacts.

    Attributes:
        url: A path, or a ``file://`` URL.
    """

    url: str

    def path(self) -> Path:
        """The folder, absolute.

        Raises:
            ValueError: The URL has a scheme other than ``file``.
        """
        parts = urlsplit(self.url)
        if parts.scheme == "file":
            return Path(url2pathname(parts.path)).absolute()
        if parts.scheme:
            raise ValueError(
                f"AMODELS_ARTIFACTS_URL has the scheme {parts.scheme!r}: "
                "give a path or a file:// URL"
            )
        return Path(self.url).absolute()
