"""The files of a finished language model.

Belongs here: what a checkpoint's folder holds and how it is written. Does not belong here: reading
it (``loading.py``).

A checkpoint is ``config.json``, its manifest, and one folder: ``model/`` with all weights and
everything else that transformers and vLLM load, or ``adapter/`` in peft's format, which goes with
the base model that the manifest names.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import flush, fsync
from amodels_assets.models.manifest import MANIFEST
from amodels_assets.models.store import BaseModel
from amodels_assets.training.checkpoint import write_manifest

MODEL, ADAPTER = "model", "adapter"


def write_language_model(
    folder: Path, model: Any, base: BaseModel, manifest: Mapping[str, Any]
) -> None:
    """Write a checkpoint, the manifest last.

    Args:
        folder: Is there already.
        model: Of transformers, or one with an adapter of peft.
        base: What it was made from; its tokenizer and its generation settings are copied.
        manifest: Without hashes.
    """
    from peft import PeftModel

    name = ADAPTER if isinstance(model, PeftModel) else MODEL
    aside = folder / f".{name}"
    shutil.rmtree(aside, ignore_errors=True)
    if isinstance(model, PeftModel):
        # By name: the folder of the store is this machine's own business.
        for settings in model.peft_config.values():
            settings.base_model_name_or_path = base.manifest.name
        # Without a look at the base model's configuration, for which peft would ask a hub.
        model.save_pretrained(aside, save_embedding_layers=False)
        (aside / "README.md").unlink(missing_ok=True)
    else:
        copy_companions(base, aside)
        model.save_pretrained(aside)
    readable(aside)
    flush(aside)
    shutil.rmtree(folder / name, ignore_errors=True)
    aside.rename(folder / name)
    fsync(folder)
    files = sorted(p.relative_to(folder).as_posix() for p in (folder / name).rglob("*"))
    write_manifest(folder, files, manifest)


def readable(folder: Path) -> None:
    """Let others read the files: safetensors writes them for their owner alone."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


def copy_companions(base: BaseModel, folder: Path) -> None:
    """Copy what goes with a base model's weights: tokenizer, chat template, licence."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in base.manifest.files:
        if name != MANIFEST and ".safetensors" not in name:
            shutil.copyfile(base.path / name, folder / name)
