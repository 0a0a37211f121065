"""Where base models are kept: one folder a model below the platform's home.

Belongs here: making a model visible in one step, finding, verifying and removing it. Does not
belong here: where its files come from.

Layout below the store's root::

    <name>/...              the files, and model.json
    .staging/<name>/        being written; unseen by readers, and what a killed process leaves
    .staging/.<name>.lock   held while somebody adds or removes the model

A model becomes visible by one rename of its folder, and invisible by another.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amodels_assets.artifacts import fsync, write_atomically
from amodels_assets.models.files import Advance, hash_file, silent
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.manifest import MANIFEST, ModelManifest, parse_manifest

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_STAGING = ".staging"


@dataclass(frozen=True)
class BaseModel:
    """A model in the store: its folder and its manifest."""

    path: Path
    manifest: ModelManifest

    def problems(self, advance: Advance = silent) -> list[str]:
        """What is wrong with it, a sentence for each file; empty when nothing is.

        Every file is read again and compared with its recorded hash.

        Args:
            advance: Gets the bytes that were read since its last call.
        """
        files = self.manifest.files
        found = []
        for name, record in sorted(files.items()):
            path = self.path / name
            if path.is_symlink() or not path.is_file():
                found.append(f"{name} is missing")
            elif path.stat().st_size != record.bytes:
                found.append(f"{name} has {path.stat().st_size} bytes instead of {record.bytes}")
            elif hash_file(path, advance).sha256 != record.sha256:
                found.append(f"{name} is damaged: its content is not what was added")
        strangers = {path.name for path in self.path.iterdir()} - {*files, MANIFEST}
        return found + [f"{name} does not belong to the model" for name in sorted(strangers)]

    def verified(self, advance: Advance = silent) -> Path:
        """Its folder, after comparing every file with its recorded hash.

        Args:
            advance: Gets the bytes that were read since its last call.

        Raises:
            ModelError: A file is missing or damaged.
        """
        if problems := self.problems(advance):
            raise ModelError(
                f"the base model {self.manifest.name} is damaged: {'; '.join(problems)}: "
                "remove it and add it again"
            )
        return self.path


class ModelStore:
    """Base models below one local folder."""

    def __init__(self, root: Path) -> None:
        """Use ``root``, which need not exist yet."""
        self.root = Path(root)

    @classmethod
    def at(cls, home: Path) -> ModelStore:
        """The store of a platform whose home, ``AMODELS_HOME``, is given."""
        return cls(home / "models")

    def names(self) -> list[str]:
        """Names of all models, sorted; damaged ones too."""
        if not self.root.is_dir():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and _NAME.fullmatch(p.name))

    def unfinished(self) -> list[str]:
        """Names of models that a process adds just now, or left unfinished when it was killed."""
        folder = self.root / _STAGING
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    def find(self, name: str) -> BaseModel | None:
        """A model, or None when there is none of that name.

        Raises:
            ModelError: The name cannot be one, or the manifest is damaged.
        """
        path = self._folder(name)
        if not path.is_dir():
            return None
        where = f"{name}/{MANIFEST}"
        try:
            manifest = parse_manifest((path / MANIFEST).read_bytes(), where)
        except OSError as error:
            raise ModelError(
                f"{where} cannot be read ({error.strerror}): remove {name} and add it again"
            ) from error
        if manifest.name != name:
            raise ModelError(f"{where} is the manifest of {manifest.name}: its folder was renamed")
        return BaseModel(path, manifest)

    def get(self, name: str) -> BaseModel:
        """A model.

        Raises:
            ModelError: There is none of that name, or its manifest is damaged.
        """
        found = self.find(name)
        if found is None:
            known = ", ".join(self.names()) or "none yet"
            raise ModelError(
                f"there is no base model {name!r} (there is {known}): "
                "say `amodels models add NAME SOURCE`"
            )
        return found

    @contextmanager
    def staging(self, name: str, *, keep: bool = False) -> Generator[Path]:
        """A folder to write a model into, while no other process adds or removes that name.

        The folder is removed in the end, unless :meth:`install` made a model of it.

        Args:
            name: Of the model.
            keep: Begin with what a killed process left, and leave it when something fails.

        Raises:
            ModelError: The name cannot be one, or the store cannot be written.
        """
        with self._locked(name):
            folder = self.root / _STAGING / name
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(exist_ok=True)
            try:
                yield folder
            except BaseException:
                if not keep:
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            shutil.rmtree(folder, ignore_errors=True)

    def install(self, staging: Path, manifest: ModelManifest) -> BaseModel:
        """Make the files of a staging folder the model that the manifest describes.

        Raises:
            ModelError: There is a model of that name already.
        """
        target = self._folder(manifest.name)
        if target.exists():
            raise ModelError(
                f"there is a base model {manifest.name} already: remove it first, or choose "
                "another name"
            )
        write_atomically(staging / MANIFEST, manifest.to_json().encode())
        for path in staging.iterdir():
            fsync(path)
        fsync(staging)
        staging.rename(target)
        fsync(self.root)
        return BaseModel(target, manifest)

    def remove(self, name: str) -> None:
        """Remove a model, and what a killed process left under its name.

        Raises:
            ModelError: There is nothing of that name.
        """
        with self._locked(name):
            folder, staged = self._folder(name), self.root / _STAGING / name
            if not folder.exists() and not staged.exists():
                raise ModelError(f"there is no base model {name!r}")
            shutil.rmtree(staged, ignore_errors=True)
            if folder.exists():
                # Out of sight in one step, so that a kill leaves no model with half its files.
                folder.rename(staged)
                fsync(self.root)
                shutil.rmtree(staged)

    def _folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ModelError(
                f"{name!r:.80} cannot be the name of a model: use a-z, 0-9 and ._-, 64 at most"
            )
        return self.root / name

    @contextmanager
    def _locked(self, name: str) -> Generator[None]:
        self._folder(name)
        try:
            (self.root / _STAGING).mkdir(parents=True, exist_ok=True)
            handle = (self.root / _STAGING / f".{name}.lock").open("w")
        except OSError as error:
            raise ModelError(
                f"{self.root} cannot be written ({error.strerror}): "
                "set AMODELS_HOME to a folder that can"
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
