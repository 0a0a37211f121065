"""Checkpoints on disk: the finished model, and the steps from which a killed run goes on.

Belongs here: file names, hashes, atomic writing and refusing what is damaged. Does not belong here:
what the tensors mean. Imports no torch: whoever looks at a checkpoint need not pay for it.

A checkpoint is ``model.safetensors`` and ``config.json``, its manifest, which holds the hash of
every other file and of itself. A step, below ``steps/<number>/``, is one that also has
``state.safetensors``: with it and the manifest's ``state`` a training goes on as if it had never
stopped. Steps are removed when the run is finished.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

import numpy as np

from amodels_assets.artifacts import digest, fsync, sha256_file, write_atomically

MODEL_FILE = "model.safetensors"
STATE_FILE = "state.safetensors"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.jsonl"
STEPS_FOLDER = "steps"
LIBRARIES = ("numpy", "safetensors", "torch")
_HASHES = "sha256"

Tensors = Mapping[str, np.ndarray]


class CheckpointError(ValueError):
    """A checkpoint is missing or damaged; the message says what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: tensors by name, and its manifest."""

    tensors: dict[str, np.ndarray]
    config: dict[str, Any]

    @property
    def version(self) -> str:
        """Hash of the tensors, by which a later checkpoint names its parent."""
        return self.config[_HASHES][MODEL_FILE]


@dataclass(frozen=True)
class Step:
    """A moment of a run: everything that is needed to go on from it.

    Attributes:
        number: Steps taken.
        tensors: The model as it would be judged at this moment.
        state: Tensors beside it: weights in training, optimizer, the best so far.
        config: The manifest without hashes; under ``state`` what is not a tensor.
    """

    number: int
    tensors: Tensors
    state: Tensors
    config: Mapping[str, Any]


@dataclass
class Resume:
    """Where to go on: the newest intact step, and the damaged ones that were passed over."""

    step: Step | None = None
    refused: list[str] = field(default_factory=list)


def library_versions(others: Iterable[str] = ()) -> dict[str, str]:
    """Versions of the libraries that decide what a training comes to."""
    return {name: library_version(name) for name in (*LIBRARIES, *others)}


def write_checkpoint(
    folder: Path, tensors: Tensors, config: Mapping[str, object], state: Tensors | None = None
) -> None:
    """Write a checkpoint; the manifest comes last and holds the hashes.

    Args:
        folder: Is there already.
        tensors: The model.
        config: The manifest without hashes.
        state: Of a training that is to go on from here.
    """
    from safetensors.numpy import save

    parts = {MODEL_FILE: tensors} | ({} if state is None else {STATE_FILE: state})
    for name, content in parts.items():
        write_atomically(folder / name, save(dict(content)))
    write_manifest(folder, parts, config)


def write_manifest(folder: Path, files: Iterable[str], config: Mapping[str, object]) -> None:
    """Write the manifest with the hashes of files that are there already.

    Args:
        folder: Of the checkpoint.
        files: Their places in the folder.
        config: The manifest without hashes.
    """
    hashes = {name: sha256_file(folder / name) for name in files}
    # As JSON gives it back, so that the hash is of what will be read.
    plain = json.loads(json.dumps(config))
    complete = {**plain, _HASHES: {**hashes, CONFIG_FILE: digest(plain)}}
    write_atomically(folder / CONFIG_FILE, (json.dumps(complete, indent=2) + "\n").encode())


def verified_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder in which every file is what was written.

    Raises:
        CheckpointError: A file is missing or is not what was written.
    """
    with _damage(folder):
        return _verified(folder)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint, finished or of a step.

    Raises:
        CheckpointError: A file is missing or is not what was written.
    """
    with _damage(folder):
        config = _verified(folder)
        return Checkpoint(_load(folder / MODEL_FILE), config)


def save_step(folder: Path, step: Step, *, keep: int = 2, best: int = 0) -> None:
    """Keep a moment of a run: written aside, flushed, renamed.

    Args:
        folder: Of the run.
        step: The moment.
        keep: How many of the newest stay.
        best: Number of the step that was judged best, which stays as well.
    """
    steps = folder / STEPS_FOLDER
    target = steps / f"{step.number:08d}"
    aside = steps / f".{target.name}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    write_checkpoint(aside, step.tensors, step.config, step.state)
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    fsync(steps)
    for old in _numbers(folder)[:-keep]:
        if old != best:
            shutil.rmtree(steps / f"{old:08d}")


def latest_step(folder: Path) -> Resume:
    """The newest step whose content is what was written."""
    resume = Resume()
    for number in reversed(_numbers(folder)):
        path = folder / STEPS_FOLDER / f"{number:08d}"
        try:
            config = _verified(path)
            tensors, state = _load(path / MODEL_FILE), _load(path / STATE_FILE)
            resume.step = Step(number, tensors, state, config)
        except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
            resume.refused.append(f"step {number}: {error}")
            continue
        break
    return resume


def remove_steps(folder: Path) -> None:
    """Remove all steps of a finished run."""
    shutil.rmtree(folder / STEPS_FOLDER, ignore_errors=True)


@contextmanager
def _damage(folder: Path) -> Generator[None]:
    """Whatever goes wrong when a checkpoint is read is said in one sentence."""
    try:
        yield
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint {folder} is damaged or incomplete: materialize it again"
        ) from error


def _verified(folder: Path) -> dict[str, Any]:
    """The manifest of a folder in which every file is what was written."""
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    for name, expected in config[_HASHES].items():
        plain = {key: value for key, value in config.items() if key != _HASHES}
        found = digest(plain) if name == CONFIG_FILE else sha256_file(folder / name)
        if found != expected:
            raise CheckpointError(f"{name} does not have its recorded hash")
    return config


def _load(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load

    return load(path.read_bytes())


def _numbers(folder: Path) -> list[int]:
    found = (folder / STEPS_FOLDER).glob("[0-9]*")
    return sorted(int(path.name) for path in found if path.name.isdigit())
