"""A model's tokenizer: what a training has to know of it.

Belongs here: loading a tokenizer without running code of its own, and the facts of the manifest.
Does not belong here: texts to train on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.manifest import TokenizerFacts

# Words, figures, runs of white space, and characters of more than one byte.
PROBES = ("The capital of France is", "12 345 rows, 6.7 %", " a  b\n\n\tc", "Straße, é, 表", "x")


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder; no network, no code from the folder.

    Raises:
        ModelError: There is none that transformers can read.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        raise ModelError(
            f"the tokenizer cannot be read by transformers ({error!s:.400}): "
            "bring tokenizer.json and tokenizer_config.json with the model"
        ) from error


def check_architecture(folder: Path) -> None:
    """See that transformers has the architecture itself.

    Raises:
        ModelError: It has not, or the configuration is not one of that architecture.
    """
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    try:
        config = transformers.AutoConfig.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:
        raise ModelError(
            f"config.json is of no model that transformers {transformers.__version__} has "
            f"({error!s:.400}): a model with code of its own is never run"
        ) from error
    if config.model_type not in CAUSAL:
        raise ModelError(
            f"config.json is of {config.model_type}, which is no causal language model: "
            "bring one that generates text"
        )


def facts_of(tokenizer: Any) -> TokenizerFacts:
    """What the manifest says of a tokenizer."""
    return TokenizerFacts(
        vocabulary_size=len(tokenizer),
        bos_token=tokenizer.bos_token,
        bos_id=tokenizer.bos_token_id,
        eos_token=tokenizer.eos_token,
        eos_id=tokenizer.eos_token_id,
        adds_bos=begins_with_bos(tokenizer, PROBES[0]),
        chat_template=bool(tokenizer.chat_template),
        chat_template_adds_bos=_chat_begins_with_bos(tokenizer),
    )


def begins_with_bos(tokenizer: Any, text: str) -> bool:
    """Whether tokenising a text puts BOS before it."""
    ids = tokenizer(text).input_ids
    return tokenizer.bos_token_id is not None and ids[:1] == [tokenizer.bos_token_id]


def _chat_begins_with_bos(tokenizer: Any) -> bool | None:
    from jinja2 import TemplateError

    if not tokenizer.chat_template or tokenizer.bos_token is None:
        return None if not tokenizer.chat_template else False
    try:
        chat = [{"role": "user", "content": "x"}]
        text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    except (TemplateError, TypeError, ValueError):
        # Templates refuse by raising; what they ask for cannot be known here.
        return None
    return text.startswith(tokenizer.bos_token)
