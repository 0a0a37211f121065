"""What a GGUF file says of itself: its architecture, its licence, how texts begin.

Belongs here: metadata. Does not belong here: the weights (``gguf_file.py``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amodels_assets.models.foreign import ModelError

# llama.cpp begins texts with BOS for these, unless the file says otherwise (its llama-vocab.cpp).
_BPE_WITH_BOS = {
    "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
    "jina-v5-nano", "tekken", "chameleon",
}  # fmt: skip
# The chat template of these writes BOS, and their reference tokenizer does not.
_BOS_IN_TEMPLATE = {"gemma4"}


@dataclass(frozen=True)
class GgufFacts:
    """What a GGUF file says of itself.

    Attributes:
        architecture: llama.cpp's name.
        licence: As the file names it.
        adds_bos: Whether texts begin with BOS.
        bos_id: Number of BOS; None where there is none.
        pre_tokenizer: llama.cpp's name of how a byte-level tokenizer splits text before merging;
            None for other tokenizers.
        tensors: Names of the tensors.
        stored: Its types of storage, ``Q4_1`` say, to the number of tensors.
    """

    architecture: str
    licence: str | None
    adds_bos: bool
    bos_id: int | None
    pre_tokenizer: str | None
    tensors: tuple[str, ...]
    stored: dict[str, int]


def read_facts(path: Path) -> GgufFacts:
    """Read the metadata of a GGUF file, no weights.

    Raises:
        ModelError: It cannot be read.
    """
    from transformers.integrations.gguf import read_gguf_metadata

    try:
        raw, tensors = read_gguf_metadata(str(path))
        return _facts(raw, tensors, _stored_types(path))
    except Exception as error:
        raise ModelError(
            f"{path.name} is no intact GGUF file ({error!s:.300}): get it again"
        ) from error


def _facts(raw: dict[str, Any], tensors: tuple[str, ...], stored: dict[str, int]) -> GgufFacts:
    model, pre = raw.get("tokenizer.ggml.model"), raw.get("tokenizer.ggml.pre")
    bos, licence = raw.get("tokenizer.ggml.bos_token_id"), raw.get("general.license")
    wanted = raw.get("tokenizer.ggml.add_bos_token")
    if model in _BOS_IN_TEMPLATE:
        wanted = False
    elif wanted is None:
        wanted = model == "llama" or pre in _BPE_WITH_BOS
    return GgufFacts(
        architecture=str(raw["general.architecture"]),
        licence=licence if isinstance(licence, str) and licence else None,
        adds_bos=bool(wanted) and bos is not None,
        bos_id=bos,
        pre_tokenizer=(pre or "default") if model == "gpt2" else None,
        tensors=tuple(tensors),
        stored=stored,
    )


def _stored_types(path: Path) -> dict[str, int]:
    import gguf
    from transformers.integrations.gguf.reader import GgufHeader

    try:
        types = GgufHeader.from_file(str(path)).ggml_types.values()
    except ValueError:
        # A type that only the slow reader knows.
        types = [tensor.tensor_type for tensor in gguf.GGUFReader(path).tensors]
    names = Counter(gguf.GGMLQuantizationType(number).name for number in types)
    return dict(sorted(names.items()))
