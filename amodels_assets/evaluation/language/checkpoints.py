"""What is scored: a base model, a trained checkpoint, or a model behind an endpoint.

Belongs here: naming it, and its version before anything is loaded. Does not belong here: loading
(``asking.py``).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactStore, digest
from amodels_assets.evaluation.language.benchmarks import BenchmarkError
from amodels_assets.evaluation.language.names import CHECKPOINTS, RELEASED
from amodels_assets.models.store import ModelStore
from amodels_assets.training.language.names import checkpoint_name

BASE, FOLDER, ENDPOINT = "base", "folder", "endpoint"
LOCAL = "local"


@dataclass(frozen=True)
class Checkpoint:
    """A model to be scored.

    Attributes:
        name: For people.
        version: SHA-256 that stands for all of its files; of an endpoint, for one scoring.
        kind: ``base``, ``folder`` or ``endpoint``.
        source: Name of a base model, path of a folder, URL of an endpoint.
        model: What an endpoint calls the model.
        tokenizer: Folder of an endpoint's tokenizer.
    """

    name: str
    version: str
    kind: str
    source: str
    model: str = ""
    tokenizer: str = ""

    @property
    def backend(self) -> str:
        """How it is asked, for the record."""
        return "local-completions" if self.kind == ENDPOINT else LOCAL

    @property
    def label(self) -> str:
        """Name and the beginning of the version."""
        return f"{self.name}@{self.version[:12]}"

    def to_json(self) -> dict[str, Any]:
        """For the process that asks."""
        return asdict(self)


def base_checkpoint(name: str, models: ModelStore) -> Checkpoint:
    """A base model.

    Raises:
        ModelError: There is none of that name.
    """
    return Checkpoint(name, models.get(name).manifest.version, BASE, name)


def folder_checkpoint(folder: Path) -> Checkpoint:
    """A trained checkpoint.

    Raises:
        BenchmarkError: The folder holds none of a language model.
    """
    try:
        manifest = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        name = checkpoint_name(manifest)
        return Checkpoint(name, digest(manifest["sha256"]), FOLDER, str(folder.absolute()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(
            f"{folder} is no checkpoint of a language model: name a base model, or a folder that "
            "a training wrote"
        ) from error


def endpoint_checkpoint(url: str, model: str, tokenizer: Path, asked_at: str) -> Checkpoint:
    """A model behind an OpenAI-compatible endpoint.

    What it serves tomorrow may be another model, so each scoring is a version of its own.

    Args:
        url: Of the endpoint, ``http://host:port/v1/completions``.
        model: What it calls the model.
        tokenizer: Folder with the model's tokenizer.
        asked_at: Moment of the scoring.
    """
    version = digest([url, model, asked_at])
    return Checkpoint(model, version, ENDPOINT, url, model, str(tokenizer.absolute()))


def artifact_checkpoint(artifact: Artifact) -> Checkpoint:
    """The checkpoint in an artifact."""
    return folder_checkpoint(artifact.path)


def current_checkpoints(store: ArtifactStore, models: ModelStore, base: str) -> list[Checkpoint]:
    """The base model, the newest checkpoint of each kind of training, and the one that is served.

    The last is among them so that a new one can be compared with it on the same items.

    Raises:
        ModelError: The base model is not there.
        BenchmarkError: The checkpoint that is served is not there any more.
    """
    found = [base_checkpoint(base, models)]
    for name in CHECKPOINTS:
        artifact = store.find(name)
        if artifact is not None:
            found.append(artifact_checkpoint(artifact))
    released = store.find(RELEASED)
    if released is not None:
        content = json.loads(released.verified_file("release.json").read_text(encoding="utf-8"))
        found.append(folder_checkpoint(store.root / content["checkpoint"]["path"]))
    return list({checkpoint.version: checkpoint for checkpoint in found}.values())
