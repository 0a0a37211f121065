"""A checkpoint as one folder of a whole model, for servers that load no adapters.

Belongs here: merging and writing. Does not belong here: the checkpoint itself (``saving.py``).
Imports torch.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from amodels_assets.artifacts import flush, fsync
from amodels_assets.models.store import ModelStore
from amodels_assets.training.checkpoint import CheckpointError
from amodels_assets.training.language.loading import (
    base_of,
    load_language_model,
    read_language_manifest,
)
from amodels_assets.training.language.saving import copy_companions, readable


def write_merged(checkpoint: Path, out: Path, models: ModelStore, dtype: str = "float32") -> None:
    """Write weights, configuration and tokenizer as transformers and vLLM load them.

    Args:
        checkpoint: Of a language model; all hashes are compared first.
        out: The folder; must not be there.
        models: The base models.
        dtype: Of the weights. Scores are of float32.

    Raises:
        CheckpointError: The checkpoint is damaged, or the folder is there already.
        ModelError: The base model is missing, damaged, or another one than the checkpoint's.
    """
    if out.exists():
        raise CheckpointError(f"{out} is there already: give another folder")
    loaded = load_language_model(checkpoint, models, dtype="float32")
    aside = out.with_name(f".{out.name}.merging")
    shutil.rmtree(aside, ignore_errors=True)
    copy_companions(base_of(read_language_manifest(checkpoint), models), aside)
    # Merged in float32, and rounded once.
    loaded.model.to(dtype=_torch_type(dtype)).save_pretrained(aside)
    readable(aside)
    flush(aside)
    aside.rename(out)
    fsync(out.parent)


def _torch_type(name: str) -> object:
    import torch

    return getattr(torch, name)
