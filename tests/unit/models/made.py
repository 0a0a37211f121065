"""Models without a network to run: a few weights, a configuration, a tokenizer file.

Belongs here: folders and stores for tests that are about files. Does not belong here: models that
say something (``tiny.py``).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from amodels_assets.artifacts import FileRecord
from amodels_assets.models.files import Advance, copy_file, hash_file, silent
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.manifest import ModelManifest, Source, TokenizerFacts, version_of
from amodels_assets.models.store import BaseModel, ModelStore

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
PARAMETERS = 5_000


def folder_of(path: Path, *, seed: int = 0) -> Path:
    """A folder as hubs hold them, 20 kB."""
    path.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).normal(size=(50, 100)).astype(np.float32)
    save_file({"model.embed_tokens.weight": values}, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(CONFIG))
    (path / "tokenizer.json").write_text('{"version": "1.0"}')
    return path


def manifest_of(name: str, files: dict[str, FileRecord]) -> ModelManifest:
    """A manifest of these files."""
    return ModelManifest(
        name=name,
        version=version_of(files),
        created_at="2026-11-25T10:00:00+00:00",
        source=Source("directory", "made", None, version_of(files), {}),
        licence="apache-2.0",
        architecture="LlamaForCausalLM",
        model_type="llama",
        parameters=PARAMETERS,
        dtype="float32",
        values={"F32": PARAMETERS},
        context_length=128,
        tokenizer=TokenizerFacts(300, "<s>", 1, "</s>", 2, True, False, None),
        notes=(),
        files=files,
    )


def put(store: ModelStore, name: str, folder: Path, advance: Advance = silent) -> BaseModel:
    """Copy a folder into a store as it is."""
    with store.staging(name) as staging:
        files = {
            path.name: copy_file(path, staging / path.name, advance)
            for path in sorted(folder.iterdir())
        }
        return store.install(staging, manifest_of(name, files))


def attempt(work: Callable[[], object]) -> object:
    """What work gives, or the error in which foreign content is allowed to end."""
    try:
        return work()
    except ModelError as error:
        return error


def content(folder: Path) -> dict[str, str]:
    """Hash of every file of a folder, by name."""
    return {path.name: hash_file(path).sha256 for path in sorted(folder.iterdir())}


def killed_at(moment: int, work: Callable[[], object]) -> bool:
    """Do work in a process that is killed when it opens, makes, moves or removes its nth file.

    Args:
        moment: Which of these calls is its last, counted from 1.
        work: To do.

    Returns:
        Whether it was killed; otherwise it had ended before.
    """
    child = os.fork()
    if child == 0:
        calls = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal calls
            if event in {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}:
                calls += 1
                if calls == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False
