"""Releases as the platform published them, and whether their files are what was released.

Belongs here: reading the release manifest and comparing hashes, of an adapter's base model too.
Does not belong here: asking the model (``canary.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from serving.gateway.artifacts import ArtifactError, Store, Version
from serving.gateway.upstreams import is_release_name
from serving.model_server.process import ServedModel

ARTIFACT = "release/released_language_model"
CANARY = "canary.json"
_OWN = "manifest.json"
_BASE_MANIFEST = "model.json"


class ReleaseError(Exception):
    """A release cannot be served; the message says why."""


@dataclass(frozen=True)
class Release:
    """A release as it was published.

    Attributes:
        name: Of the release, also its model's in requests.
        version: Of the artifact.
        manifest: ``release.json``, which fits its schema.
        model: What a server is to serve.
        base: Name and version of the model that its adapter goes with; None for a whole model.
    """

    name: str
    version: Version
    manifest: dict[str, Any]
    model: ServedModel
    base: tuple[str, str] | None


class Releases:
    """The releases in the artifact store."""

    def __init__(self, store: Store, models: Path) -> None:
        """Read ``store``; base models of adapters lie below ``models``."""
        self._store = store
        self._models = models

    def current_version(self) -> str | None:
        """Name of the version that the platform released last, None for none."""
        try:
            return self._store.current(ARTIFACT).name
        except ArtifactError:
            return None

    def of_version(self, name: str) -> Release:
        """The release in a version of the artifact.

        Raises:
            ReleaseError: It is not kept, damaged, or does not fit its schema.
        """
        try:
            return self._read(self._store.version(ARTIFACT, name))
        except ArtifactError as error:
            raise ReleaseError(str(error)) from error

    def find(self, name: str) -> Release:
        """The newest version that is released under a name.

        Raises:
            ReleaseError: There is none that can be read.
        """
        for version in reversed(self._store.versions(ARTIFACT)):
            try:
                release = self._read(version)
            except (ArtifactError, ReleaseError):
                continue  # Another version may have it; a damaged one has no name to be found by.
            if release.name == name:
                return release
        raise ReleaseError(f"there is no release {name}: see amodels release list")

    def canary(self, release: Release) -> Any:
        """What the release's model answered when it was made: decoded, not yet understood.

        Raises:
            ReleaseError: The release has none, or it is damaged.
        """
        try:
            return json.loads(self._store.file(release.version, CANARY).read_bytes())
        except (ArtifactError, OSError, ValueError) as error:
            raise ReleaseError(
                f"the release has no stored answers to be compared with ({error}): "
                f"materialize {ARTIFACT} again"
            ) from error

    def verify(self, release: Release) -> str:
        """Compare every file that is served with its hash.

        Returns:
            A sentence on what was compared.

        Raises:
            ReleaseError: A file is missing, damaged, or was put there by somebody else.
        """
        checkpoint = release.manifest["checkpoint"]
        folder = self._checkpoint(checkpoint)
        problems, size = _problems(folder, checkpoint["files"], {_OWN})
        number = len(checkpoint["files"])
        if release.base is not None:
            found, more, many = self._base_problems(*release.base)
            problems, size, number = problems + found, size + more, number + many
        if problems:
            raise ReleaseError("; ".join(problems))
        return f"{number} files, {size / 1e6:.1f} MB, are what was released"

    def _read(self, version: Version) -> Release:
        manifest = json.loads(self._store.file(version, "release.json").read_bytes())
        schema = json.loads(self._store.file(version, "release.schema.json").read_bytes())
        for error in Draft202012Validator(schema).iter_errors(manifest):
            raise ReleaseError(f"the release manifest does not fit its schema: {error.message}")
        name = str(manifest["release"])
        if not is_release_name(name):
            raise ReleaseError(f"{name!r} cannot be the name of a release")
        folder = self._checkpoint(manifest["checkpoint"])
        if manifest["mode"] != "lora":
            model = ServedModel(name, folder / "model")
            return Release(name, version, manifest, model, None)
        base = (str(manifest["base"]["name"]), str(manifest["base"]["version"]))
        model = ServedModel(name, self._below(self._models, base[0]), folder / "adapter")
        return Release(name, version, manifest, model, base)

    def _checkpoint(self, checkpoint: Mapping[str, Any]) -> Path:
        return self._below(self._store.root, str(checkpoint["path"]))

    @staticmethod
    def _below(root: Path, name: str) -> Path:
        folder = (root / name).resolve()
        if not folder.is_relative_to(root.resolve()):
            raise ReleaseError(f"{name!r} lies outside of {root}")
        return folder

    def _base_problems(self, name: str, version: str) -> tuple[list[str], int, int]:
        folder = self._below(self._models, name)
        try:
            files = json.loads((folder / _BASE_MANIFEST).read_bytes())["files"]
            hashes = {file: record["sha256"] for file, record in files.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return [f"the base model {name} is not there: bring it by amodels models add"], 0, 0
        found = _digest(hashes)
        if found != version:
            return [f"the base model {name} is another one ({found:.12}, not {version:.12})"], 0, 0
        problems, size = _problems(folder, files, {_BASE_MANIFEST})
        return problems, size, len(files)


def _problems(
    folder: Path, files: Mapping[str, Mapping[str, Any]], beside: set[str]
) -> tuple[list[str], int]:
    """What is wrong with a folder's files, and how many bytes were read."""
    problems, size = [], 0
    for name, record in sorted(files.items()):
        path = folder / name
        try:
            with path.open("rb") as handle:
                found = hashlib.file_digest(handle, "sha256").hexdigest()
                size += handle.tell()
        except OSError as error:
            problems.append(f"{name} cannot be read: {error.strerror}")
            continue
        if found != record["sha256"]:
            problems.append(f"{name} is not what was released")
    # A server loads all weights that it finds in a folder.
    problems += [
        f"{name} was not released" for name in _names(folder) if name not in {*files, *beside}
    ]
    return problems, size


def _names(folder: Path) -> Iterator[str]:
    return (
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    )


def _digest(value: Mapping[str, str]) -> str:
    """As the platform computes the version of a base model from the hashes of its files."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
