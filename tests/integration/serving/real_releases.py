"""Releases that a real vLLM serves: adapters and whole models, made of a base model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from amodels_assets.models.store import BaseModel
from amodels_assets.release.canary import stored_answers
from amodels_assets.training.language.saving import write_language_model
from tests.integration.serving.conftest import START_SECONDS
from tests.unit.serving.releases.world import Supervised

# Two servers and their clients have the same two cores.
SETTINGS: dict[str, Any] = {
    "command": [],
    "start_seconds": START_SECONDS,
    "probe_timeout": 20,
    "hung_seconds": 60,
    "stop_seconds": 20,
    "canary_repeats": 2,
    "slowest_ratio": 10,
}


def publish_adapter(world: Supervised, base: BaseModel, seed: int) -> str:
    """Release a LoRA adapter with random weights, with what transformers answers with it."""

    def checkpoint(folder: Path) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(base.path, dtype="float32")
        tuned = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in tuned.named_parameters():
                if "lora_" in name:
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
        write_language_model(folder, tuned, base, written(base, "lora"))

    inputs = {"seed": str(seed)}
    return world.publish_model(inputs, checkpoint, asked(world), base=base.manifest.version)


def publish_model(world: Supervised, base: BaseModel, change: float) -> str:
    """Release a whole model, the base model a little changed."""

    def checkpoint(folder: Path) -> None:
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(base.path, dtype="float32")
        model.model.norm.weight.data += change
        write_language_model(folder, model, base, written(base, "full"))

    return world.publish_model({"change": str(change)}, checkpoint, asked(world))


def written(base: BaseModel, mode: str) -> dict[str, Any]:
    made_of = {"name": base.manifest.name, "version": base.manifest.version}
    return {"base": made_of, "mode": mode, "privacy": None}


def asked(world: Supervised) -> Callable[[Path], dict[str, Any]]:
    return lambda made: stored_answers(made, world.home / "models")
