"""Fine-tunes a language model on questions: what a step is about, its loss, the look.

Belongs here: the work that the loop asks. Does not belong here: the loop (``../loop.py``), batches
(``batch.py``), the checkpoint's files (``saving.py``). Imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.store import BaseModel
from amodels_assets.training.average import load_trained
from amodels_assets.training.device import Device
from amodels_assets.training.execution import Execution
from amodels_assets.training.language.batch import PackedBatch, pack
from amodels_assets.training.language.config import LanguageConfig
from amodels_assets.training.language.material import (
    LanguageMaterial,
    load_material,
    packed_orders,
)
from amodels_assets.training.language.model import make_model, native_precision
from amodels_assets.training.language.names import QUESTIONS
from amodels_assets.training.language.saving import write_language_model
from amodels_assets.training.ordered_work import OrderedWork
from amodels_assets.training.session import run_training
from amodels_assets.training.work import Look, Order, Progress, TrainingError, TrainingResult

# Conversations that are looked at in one go.
_LOOKED_AT_ONCE = 8


def tune(
    questions: Path,
    out_folder: Path,
    config: LanguageConfig,
    base: BaseModel,
    progress: Progress,
    *,
    execution: Execution = Execution(),  # noqa: B008 (frozen)
) -> TrainingResult:
    """Fine-tune, or go on where a stopped run was, and write the finished checkpoint.

    Args:
        questions: Folder of questions.
        out_folder: Gets the checkpoint; holds the steps to resume from in the meantime.
        config: The settings.
        base: What is fine-tuned; its files are compared with their hashes first.
        progress: Called with step, steps and newest figures.
        execution: How this installation runs it.

    Raises:
        TrainingError: The base model is damaged, the questions cannot be used, or the loss is no
            number any more.
    """
    try:
        base.verified()
    except ModelError as error:
        raise TrainingError(str(error)) from error

    def make_work(device: Device) -> LanguageTuning:
        return LanguageTuning(load_material(questions, base.path, config), base, config, device)

    return run_training(make_work, config, out_folder, progress, execution)


class LanguageTuning(OrderedWork):
    """Questions of the training split, in an order that only the seed decides."""

    libraries = ("peft", "transformers")

    def __init__(
        self, material: LanguageMaterial, base: BaseModel, config: LanguageConfig, device: Device
    ) -> None:
        """Make the model.

        Args:
            material: Questions.
            base: Verified.
            config: The settings.
            device: What is computed on.

        Raises:
            TrainingError: The model cannot be trained so.
        """
        self.config = config
        self.mode = config.mode
        self.architecture = base.manifest.architecture
        self.material = material
        self.base = base
        self.device = native_precision(device)
        self.model: Any = make_model(base.path, config, self.device)
        self.trained_parameters = sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def orders(self, first: int) -> Iterator[Order]:
        """Rows of bundles, each conversation once before any comes again."""
        return packed_orders(self.material, self.config, first)

    def batch(self, order: Order, part: slice) -> PackedBatch:
        """The conversations of some rows."""
        found = [self.material.train[place] for place in self.material.members(order, part)]
        return pack(found, self.device.name)

    def loss(self, batch: PackedBatch) -> tuple[Tensor, int]:
        """Cross-entropy of the assistant's tokens, summed."""
        logits = self.logits(batch)
        return cross_entropy(logits, batch.targets, reduction="sum"), len(batch.targets)

    def logits(self, batch: PackedBatch) -> Tensor:
        """What is foreseen where it counts, float32, shape (targets, vocabulary)."""
        with self.device.autocast():
            found = self.model(
                input_ids=batch.tokens,
                position_ids=batch.positions,
                segments=batch.segments,
                logits_to_keep=batch.places,
                use_cache=False,
            )
        return found.logits[0].float()

    def look(self) -> Look:
        """Loss on held-out questions, and how many of them are answered to the letter.

        An answer whose every token is the likeliest one behind the right ones before it is what
        greedy decoding says.
        """
        self.model.eval()
        total, count, right = 0.0, 0, 0
        with torch.inference_mode():
            for start in range(0, len(self.material.validation), _LOOKED_AT_ONCE):
                some = self.material.validation[start : start + _LOOKED_AT_ONCE]
                batch = pack(some, self.device.name)
                logits = self.logits(batch)
                total += float(cross_entropy(logits, batch.targets, reduction="sum"))
                count += len(batch.targets)
                hits = logits.argmax(dim=-1) == batch.targets
                right += sum(bool(part.all()) for part in hits.split(list(batch.answers)))
        loss, score = total / count, right / len(self.material.validation)
        return Look(loss, score, {"validation_loss": loss, "validation_exact": score})

    def manifest(self) -> dict[str, Any]:
        """Data, and where the weights came from."""
        manifest = self.base.manifest
        return {
            "base": {"name": manifest.name, "version": manifest.version},
            "parent": None,
            "privacy": None,
            "split": "train",
            "data_versions": {
                QUESTIONS: self.material.version,
                f"models/{manifest.name}": manifest.version,
            },
            "questions": len(self.material.train),
            "tokens": self.material.tokens,
            "too_long": self.material.too_long,
            "trained_parameters": self.trained_parameters,
            "precision": self.device.precision,
        }

    def write(
        self, folder: Path, weights: Mapping[str, Tensor], manifest: Mapping[str, Any]
    ) -> None:
        """Write ``model/`` or ``adapter/``, and the manifest."""
        load_trained(self.model, weights)
        write_language_model(folder, self.model, self.base, manifest)
