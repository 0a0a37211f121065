"""Checkpoints on disk: the finished model, and the steps from which a killed run goes on.

Belongs here: file names, hashes, atomic writing and refusing what is damaged. Does not belong here:
what the tensors mean. Imports no torch: whoever looks at a checkpoint need not pay for it.

A finished checkpoint is ``model.safetensors`` and ``config.json``, which holds the hash of the
former. Steps lie below ``steps/<number>/`` and are removed when the run is finished.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from amodels_assets.artifacts import sha256_file, write_atomically

MODEL_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.jsonl"
STEPS_FOLDER = "steps"
_TENSORS = "tensors.safetensors"
_STATE = "state.json"
_HASHES = "hashes.json"


class CheckpointError(ValueError):
    """A checkpoint is missing or damaged; the message says what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A finished checkpoint: tensors by name, and its configuration."""

    tensors: dict[str, np.ndarray]
    config: dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A moment of a run: everything that is needed to go on from it."""

    number: int
    tensors: dict[str, np.ndarray]
    state: dict[str, Any]


@dataclass
class Resume:
    """Where to go on: the newest intact step, and the damaged ones that were passed over."""

    step: Step | None = None
    refused: list[str] = field(default_factory=list)


def write_checkpoint(
    folder: Path, tensors: Mapping[str, np.ndarray], config: Mapping[str, object]
) -> None:
    """Write a finished checkpoint; the configuration comes last and holds the tensors' hash."""
    from safetensors.numpy import save

    write_atomically(folder / MODEL_FILE, save(dict(tensors)))
    complete = {**config, "sha256": {MODEL_FILE: sha256_file(folder / MODEL_FILE)}}
    text = json.dumps(complete, indent=2) + "\n"
    write_atomically(folder / CONFIG_FILE, text.encode())


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a finished checkpoint.

    Raises:
        CheckpointError: A file is missing, is not what was written, or holds no tensors.
    """
    from safetensors.numpy import load

    hint = f"the checkpoint {folder} is damaged or incomplete: materialize it again"
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        content = (folder / MODEL_FILE).read_bytes()
        if config["sha256"][MODEL_FILE] != sha256_file(folder / MODEL_FILE):
            raise CheckpointError(hint)
        return Checkpoint(load(content), config)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(hint) from error


def save_step(folder: Path, step: Step, keep: int = 2) -> None:
    """Keep a moment of a run: written aside, flushed, renamed; older ones beyond ``keep`` go."""
    from safetensors.numpy import save

    steps = folder / STEPS_FOLDER
    target = steps / f"{step.number:08d}"
    aside = steps / f".{target.name}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    _write(aside / _TENSORS, save(step.tensors))
    _write(aside / _STATE, json.dumps(step.state).encode())
    hashes = {name: sha256_file(aside / name) for name in (_TENSORS, _STATE)}
    _write(aside / _HASHES, json.dumps(hashes).encode())
    _flush(aside)
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    _flush(steps)
    for old in _numbers(folder)[:-keep]:
        shutil.rmtree(steps / f"{old:08d}")


def latest_step(folder: Path) -> Resume:
    """The newest step whose content is what was written."""
    from safetensors.numpy import load

    resume = Resume()
    for number in reversed(_numbers(folder)):
        path = folder / STEPS_FOLDER / f"{number:08d}"
        try:
            hashes = json.loads((path / _HASHES).read_text(encoding="utf-8"))
            if any(hashes[name] != sha256_file(path / name) for name in (_TENSORS, _STATE)):
                raise CheckpointError(f"{path.name} does not have its recorded hash")
            state = json.loads((path / _STATE).read_text(encoding="utf-8"))
            resume.step = Step(number, load((path / _TENSORS).read_bytes()), state)
        except (OSError, KeyError, TypeError, ValueError) as error:
            resume.refused.append(f"step {number}: {error}")
            continue
        break
    return resume


def remove_steps(folder: Path) -> None:
    """Remove all steps of a finished run."""
    shutil.rmtree(folder / STEPS_FOLDER, ignore_errors=True)


def _numbers(folder: Path) -> list[int]:
    found = (folder / STEPS_FOLDER).glob("[0-9]*")
    return sorted(int(path.name) for path in found if path.name.isdigit())


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
