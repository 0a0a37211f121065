"""Small models and settings for private trainings.

Belongs here: what several tests train. Does not belong here: what they find.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from amodels_assets.privacy.memorisation import usual_config
from amodels_assets.privacy.settings import PrivacySettings
from amodels_assets.training.loop_config import LoopConfig

STEPS = 12
CONFIG: LoopConfig = replace(
    usual_config(STEPS, seed=3), batch_size=8, micro_batch=4, evaluate_every=4, checkpoint_every=2
)
MILD = PrivacySettings(epsilon=8, delta=1e-5, noise="seeded", accountant="rdp")


def vault_gemma(vocabulary: int, seed: int) -> Any:
    """A VaultGemma of two layers with random weights, as transformers makes it."""
    from transformers import VaultGemmaForCausalLM

    from tests.unit.models.tiny import vault_gemma_config

    torch.manual_seed(seed)
    config = vault_gemma_config(
        16,
        vocab_size=vocabulary,
        query_pre_attn_scalar=8,
        max_position_embeddings=64,
        tie_word_embeddings=True,
    )
    return VaultGemmaForCausalLM(config)


def killed_part(folder: str) -> None:
    """Train in a process of its own, to be killed."""
    from pathlib import Path

    from amodels_assets.privacy.canaries import plant
    from amodels_assets.privacy.memorisation import train_on

    train_on(plant(40, 4, 0), Path(folder), LONGER, replace(MILD, noise="secret"))


LONGER: LoopConfig = replace(CONFIG, steps=24)
