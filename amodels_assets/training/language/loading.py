"""A language model ready to be asked: a base model, or a checkpoint of a fine-tuning.

Belongs here: verifying and loading. Does not belong here: asking. Imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import digest
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.store import BaseModel, ModelStore
from amodels_assets.models.tokenizer import load_tokenizer
from amodels_assets.training.checkpoint import CheckpointError, verified_manifest
from amodels_assets.training.language.config import LORA
from amodels_assets.training.language.model import load_base
from amodels_assets.training.language.names import checkpoint_name
from amodels_assets.training.language.saving import ADAPTER, MODEL


@dataclass(frozen=True)
class LoadedModel:
    """A language model.

    Attributes:
        model: Causal language model of transformers, for evaluation; an adapter is merged.
        tokenizer: Its tokenizer, with the base model's chat template.
        name: Of the base model; of a checkpoint the base model's with how it was tuned behind it.
        version: SHA-256 that stands for all of its files.
        manifest: A checkpoint's ``config.json``; None for a base model.
    """

    model: Any
    tokenizer: Any
    name: str
    version: str
    manifest: dict[str, Any] | None = None


def load_language_model(
    source: Path | str, models: ModelStore, *, dtype: str = "float32"
) -> LoadedModel:
    """Load a model after comparing all of its files with their hashes.

    Args:
        source: Folder of a checkpoint, or the name of a base model.
        models: The base models; an adapter needs the very one that it was trained beside.
        dtype: Of the weights: ``float32``, ``bfloat16`` or ``float16``.

    Raises:
        CheckpointError: The checkpoint is damaged, or is none of a language model.
        ModelError: The base model is missing, damaged, or another one than the checkpoint's.
    """
    if isinstance(source, str):
        base = models.get(source)
        folder = base.verified()
        return LoadedModel(
            load_base(folder, dtype).eval(), load_tokenizer(folder), source, base.manifest.version
        )
    manifest = read_language_manifest(source)
    name, version = checkpoint_name(manifest), version_of(manifest)
    if manifest["mode"] != LORA:
        folder = source / MODEL
        model = load_base(folder, dtype)
    else:
        folder = base_of(manifest, models).verified()
        model = _merged(load_base(folder, dtype), source / ADAPTER)
    return LoadedModel(model.eval(), load_tokenizer(folder), name, version, manifest)


def read_language_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished language model, after comparing all hashes.

    Raises:
        CheckpointError: It is damaged, or is none of a language model.
    """
    manifest = verified_manifest(folder)
    if not isinstance(manifest.get("base"), dict):
        raise CheckpointError(f"{folder} is no checkpoint of a language model")
    return manifest


def version_of(manifest: dict[str, Any]) -> str:
    """SHA-256 over the hashes of a checkpoint's files, the manifest's own included."""
    return digest(manifest["sha256"])


def base_of(manifest: dict[str, Any], models: ModelStore) -> BaseModel:
    """The base model that a checkpoint was made from.

    Raises:
        ModelError: There is none of that name, or it is another version.
    """
    name, version = manifest["base"]["name"], manifest["base"]["version"]
    base = models.get(name)
    if base.manifest.version != version:
        raise ModelError(
            f"the checkpoint was trained beside another version of {name} ({version:.12} instead "
            f"of {base.manifest.version:.12}): bring that one"
        )
    return base


def _merged(base: Any, adapter: Path) -> Any:
    from peft import PeftModel

    return PeftModel.from_pretrained(base, adapter).merge_and_unload()
