"""A model's ``config.json``: what it says of the architecture, as far as the manifest needs it.

Does not belong here: building a network from it, which is transformers' business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amodels_assets.models.foreign import ModelError, read_json

CONFIG = "config.json"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_CONTEXT = ("max_position_embeddings", "n_positions", "max_seq_len")


@dataclass(frozen=True)
class Configuration:
    """What a configuration says.

    Attributes:
        architecture: Class in transformers, ``LlamaForCausalLM`` say.
        model_type: Its family, ``llama`` say.
        context_length: Tokens that it was made for; None where it does not say.
    """

    architecture: str
    model_type: str
    context_length: int | None


def read_configuration(folder: Path) -> Configuration:
    """Read ``config.json``.

    Raises:
        ModelError: It is missing or unreadable, names no architecture, or its weights are
            quantised.
    """
    raw = read_json(folder / CONFIG)
    architectures = raw.get("architectures")
    if not isinstance(architectures, list) or len(architectures) != 1:
        raise ModelError(f"{CONFIG} does not name one architecture under architectures")
    if raw.get("quantization_config") is not None:
        raise ModelError(
            f"{CONFIG} says that the weights are quantised: bring the model as it was before, "
            "or as a GGUF file, which is dequantised"
        )
    return Configuration(
        architecture=_identifier(architectures[0], "architectures"),
        model_type=_identifier(raw.get("model_type"), "model_type"),
        context_length=_context_length(raw),
    )


def _identifier(value: object, key: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ModelError(f"{CONFIG} has {value!r:.80} under {key}: a name is expected there")
    return value


def _context_length(raw: dict[str, Any]) -> int | None:
    """Of the model, or of its part for text where it has several."""
    text = raw.get("text_config")
    for part in (raw, text if isinstance(text, dict) else {}):
        for key in _CONTEXT:
            value = part.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**40:
                return value
    return None
