"""Fine-tunes a language model on questions with differential privacy.

Belongs here: which questions are a unit, and the run. Does not belong here: the model and its loss
(``training/language``), noise and draws (``private_work.py``). Imports torch.

A unit is passed back by itself: its questions go through the model as one tree, so that what they
have in common is computed once, and come out as one gradient, which is clipped. Nothing of two
units is ever in one pass, so nothing has to be told apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.store import BaseModel
from amodels_assets.privacy.private_work import PrivateWork
from amodels_assets.privacy.randomness import Randomness, destroy_key
from amodels_assets.privacy.settings import PrivacySettings
from amodels_assets.privacy.statement import PrivacyError
from amodels_assets.training.device import Device
from amodels_assets.training.execution import Execution
from amodels_assets.training.language.batch import PackedBatch, pack
from amodels_assets.training.language.config import LanguageConfig
from amodels_assets.training.language.material import LanguageMaterial, load_material
from amodels_assets.training.language.tuning import QUESTIONS, LanguageTuning
from amodels_assets.training.session import run_training
from amodels_assets.training.work import Order, Progress, TrainingError, TrainingResult

Unit = tuple[int, ...]


def tune_privately(
    questions: Path,
    out_folder: Path,
    config: LanguageConfig,
    base: BaseModel,
    progress: Progress,
    *,
    privacy: PrivacySettings,
    execution: Execution = Execution(),  # noqa: B008 (frozen)
) -> TrainingResult:
    """Fine-tune, or go on where a stopped run was, and write the finished checkpoint.

    Args:
        questions: Folder of questions.
        out_folder: Gets the checkpoint; holds the steps and the key of the noise in the meantime.
        config: The settings; ``batch_size`` is the number of units in a step on average.
        base: What is fine-tuned; its files are compared with their hashes first.
        progress: Called with step, steps and newest figures.
        privacy: What is to be kept.
        execution: How this installation runs it.

    Raises:
        TrainingError: The base model is damaged, the questions cannot be used, the guarantee
            cannot be kept, or the loss is no number any more.
    """
    try:
        base.verified()
    except ModelError as error:
        raise TrainingError(str(error)) from error
    config = replace(config, micro_batch=1)

    def make_work(device: Device) -> Any:
        material = load_material(questions, base.path, config)
        units = units_of(material, privacy, config.seed)
        work = UnitTuning(material, base, config, device, units)
        by_seed = privacy.noise == "seeded"
        chance = Randomness.seeded(config.seed) if by_seed else Randomness.secret(out_folder)
        return PrivateWork(
            work,
            privacy,
            chance,
            units=len(units),
            source=QUESTIONS,
            contributions=max(len(unit) for unit in units),
        )

    try:
        result = run_training(make_work, config, out_folder, progress, execution)
    except PrivacyError as error:
        raise TrainingError(str(error)) from error
    if result.finished:
        destroy_key(out_folder)
    return result


def units_of(material: LanguageMaterial, privacy: PrivacySettings, seed: int) -> list[Unit]:
    """Places of the conversations of each unit.

    A conversation that tells of several tables would be a contribution of each of them. Where
    tables are to be protected it is left out, as are those beyond the bound, drawn at random. The
    guarantee is for what the questions say: which tables there are, and which question is about
    which, counts as known.

    Raises:
        PrivacyError: No question is about one table alone.
    """
    if privacy.unit == "sequence":
        return [(place,) for place in range(len(material.train))]
    by_table: dict[str, list[int]] = {}
    for place, relations in enumerate(material.relations):
        if len(relations) == 1:
            by_table.setdefault(relations[0], []).append(place)
    if not by_table:
        raise PrivacyError("no question is about one table alone: take the unit sequence")
    units = []
    for table, places in sorted(by_table.items()):
        # Each table's draw is its own, so that none has a say in another's.
        own = int.from_bytes(hashlib.sha256(table.encode()).digest()[:8], "big")
        drawn = np.random.default_rng([seed, 30, own]).permutation(places)
        units.append(tuple(sorted(drawn[: privacy.contributions].tolist())))
    return units


class UnitTuning(LanguageTuning):
    """Questions of the training split, unit by unit."""

    def __init__(
        self,
        material: LanguageMaterial,
        base: BaseModel,
        config: LanguageConfig,
        device: Device,
        units: Sequence[Unit],
    ) -> None:
        """Make the model; see :class:`LanguageTuning`.

        Args:
            material: Questions.
            base: Verified.
            config: The settings.
            device: What is computed on.
            units: Places of the conversations of each.
        """
        super().__init__(material, base, config, device)
        self.units = units

    def batch(self, order: Order, part: slice) -> PackedBatch:
        """The conversations of some units."""
        places = [place for row in order.rows[part].tolist() for place in self.units[row]]
        return pack([self.material.train[place] for place in places], self.device.name)
