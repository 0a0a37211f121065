"""A base model made ready for training: all of its weights, or an adapter beside frozen ones.

Belongs here: loading, freezing, adapters. Does not belong here: the loss (``tuning.py``), what is
written in the end (``saving.py``). Imports torch.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from amodels_assets.training.device import Device
from amodels_assets.training.language.attention import use_segments
from amodels_assets.training.language.config import FULL, AdapterConfig, LanguageConfig
from amodels_assets.training.work import TrainingError


def native_precision(device: Device) -> Device:
    """The device with bfloat16 where it multiplies such matrices itself; CPUs seldom do."""
    if device.is_cuda or not _multiplies_bfloat16():
        return device
    return Device(device.name, "bfloat16")


def load_base(folder: Path, dtype: str = "float32") -> Any:
    """A causal language model of transformers' own, from a folder that was verified."""
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    if not sys.stderr.isatty():
        disable_progress_bar()
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, local_files_only=True, trust_remote_code=False
    )


def make_model(folder: Path, config: LanguageConfig, device: Device) -> Any:
    """A model to be trained, on the device.

    Args:
        folder: Of the base model, verified.
        config: Says what of it is trained; the seed draws an adapter's weights.
        device: Frozen weights are kept in its precision, those that are trained in float32.

    Raises:
        TrainingError: It cannot have such an adapter, or cannot be trained on packed conversations.
    """
    frozen = config.mode != FULL
    base = load_base(folder, device.precision if frozen else "float32").to(device.name)
    use_segments(base)
    if config.gradient_checkpointing:
        base.activation_checkpointing_enable({"use_reentrant": False})
    if not frozen:
        return base
    torch.manual_seed(config.seed)
    if config.gradient_checkpointing:
        # The first block that is computed again must hang on something that is differentiated.
        base.enable_input_require_grads()
    return with_adapter(base, config.adapter)


def with_adapter(base: Any, config: AdapterConfig) -> Any:
    """A model with a fresh adapter, which changes nothing yet.

    Raises:
        TrainingError: The model has no such modules or blocks.
    """
    from peft import LoraConfig, TaskType, get_peft_model

    modules = [name.strip() for name in config.modules.split(",") if name.strip()]
    blocks = base.config.get_text_config().num_hidden_layers
    if config.first_block >= blocks:
        raise TrainingError(
            f"adapter.first_block is {config.first_block}: the model has the blocks 0 to "
            f"{blocks - 1}"
        )
    settings = LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=config.rank,
        lora_alpha=config.alpha,  # ty: ignore[invalid-argument-type] (may be a fraction)
        lora_dropout=config.dropout,
        target_modules=modules or linear_modules(base),
        layers_to_transform=list(range(config.first_block, blocks)) if config.first_block else None,
    )
    try:
        with warnings.catch_warnings():
            # Peft asks transformers by an old name.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            return get_peft_model(base, settings)
    except ValueError as error:
        raise TrainingError(f"the model cannot have this adapter: {error}") from error


def linear_modules(model: Any) -> list[str]:
    """Last names of all linear layers but the head, sorted: ``down_proj``, ``q_proj``."""
    head = model.get_output_embeddings()
    found = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    return sorted(found)


def _multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for bfloat16 products (AVX-512 BF16 or AMX)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
