"""Reading the artifact store: the newest version of an artifact, and its files as published.

Belongs here: the store's layout, as far as reading needs it, and comparing files with their
hashes. Does not belong here: what the files mean. The platform writes the store
(``docs/architecture.md``); nothing here writes.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_VERSION = re.compile(r"[0-9a-f]{32}")


class ArtifactError(Exception):
    """An artifact is missing or damaged; the message says what to do."""


class GoneError(ArtifactError):
    """A version was there and is no longer kept, or never was."""


@dataclass(frozen=True)
class Version:
    """A published version of an artifact.

    Attributes:
        artifact: ``room/name``.
        name: Of the version's folder, 32 hexadecimal digits.
        path: The folder.
        files: Path of each file below it to its SHA-256.
        data_version: Hash over all files.
        created_at: ISO 8601, UTC.
    """

    artifact: str
    name: str
    path: Path
    files: dict[str, str]
    data_version: str
    created_at: str


class Store:
    """The artifact store, read only.

    A version's files never change once it is published, so each file is compared with its hash
    once, and again when its size or time of change does not stay as it was.
    """

    def __init__(self, root: Path) -> None:
        """Use ``root``, which need not exist."""
        self._root = root
        self._verified: dict[Path, tuple[int, int, int]] = {}
        self._lock = threading.Lock()

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self._root

    def versions(self, artifact: str) -> list[Version]:
        """All kept versions that can be read, oldest first."""
        found = []
        for path in self._root.joinpath(artifact, "versions").glob("*/manifest.json"):
            try:
                found.append(self.version(artifact, path.parent.name))
            except ArtifactError:
                continue  # Removed in between, or damaged: asked for by name it says so.
        return sorted(found, key=lambda version: (version.created_at, version.name))

    def current(self, artifact: str) -> Version:
        """The version that is valid now.

        Raises:
            ArtifactError: There is none, or its manifest is damaged.
        """
        pointer = self._root.joinpath(artifact, "current")
        try:
            name = pointer.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise ArtifactError(f"{artifact} is not there: materialize it") from None
        try:
            return self.version(artifact, name)
        except GoneError as error:
            raise ArtifactError(f"{error}: materialize {artifact} again") from None

    def version(self, artifact: str, name: str) -> Version:
        """A version that is kept.

        Raises:
            GoneError: It is not.
            ArtifactError: Its manifest is damaged.
        """
        if not _VERSION.fullmatch(name):
            raise GoneError(f"{artifact} has no such version")
        path = self._root.joinpath(artifact, "versions", name)
        try:
            manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text())
            files = {str(f): str(record["sha256"]) for f, record in manifest["files"].items()}
            made = str(manifest["data_version"]), str(manifest["created_at"])
        except FileNotFoundError:
            raise GoneError(f"version {name} of {artifact} is no longer kept") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"the manifest of {artifact} is damaged: materialize it again"
            ) from error
        return Version(artifact, name, path, files, *made)

    def file(self, version: Version, name: str) -> Path:
        """Path of a file that is as it was published.

        Raises:
            ArtifactError: It is missing or is not.
        """
        wanted = version.files.get(name)
        if wanted is None:
            raise ArtifactError(f"{version.artifact} has no {name}")
        path = version.path / name
        try:
            status = path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._verified.get(path) != seen:
                with path.open("rb") as handle:
                    found = hashlib.file_digest(handle, "sha256").hexdigest()
                if found != wanted:
                    raise ArtifactError(
                        f"{name} of {version.artifact} is damaged: delete its version and "
                        "materialize it again"
                    )
                with self._lock:
                    self._verified[path] = seen
        except OSError as error:
            raise ArtifactError(
                f"{name} of {version.artifact} cannot be read: {error.strerror}"
            ) from error
        return path
