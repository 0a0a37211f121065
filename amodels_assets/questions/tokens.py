"""Texts as tokens: counts for people, and conversations for training.

Belongs here: what a tokenizer does with questions. Does not belong here: packing (``packing.py``).
A tokenizer is always named by the caller, a folder or its ``tokenizer.json``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from amodels_assets.questions.facts import QuestionsError
from amodels_assets.questions.overlap import words_of
from amodels_assets.questions.packing import TokenizedConversation

TOKENIZER_FILE = "tokenizer.json"
Conversation = Sequence[dict[str, str]]


@dataclass(frozen=True)
class Lengths:
    """How long conversations are.

    Attributes:
        unit: ``tokens``, or ``words`` where no tokenizer was named.
        counts: int64, shape (conversations,); of the contents, without a chat template's marks.
    """

    unit: str
    counts: np.ndarray


def count(conversations: Sequence[Conversation], tokenizer: Path | None) -> Lengths:
    """Lengths of conversations.

    Raises:
        QuestionsError: The tokenizer cannot be read, or the package ``tokenizers`` is missing.
    """
    joined = ["\n".join(message["content"] for message in c) for c in conversations]
    if tokenizer is None:
        return Lengths("words", np.array([len(words_of(t)) for t in joined], dtype=np.int64))
    file = tokenizer / TOKENIZER_FILE if tokenizer.is_dir() else tokenizer
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise QuestionsError(
            "counting tokens needs the package tokenizers: pip install tokenizers"
        ) from error
    if not file.is_file():
        raise QuestionsError(f"there is no {file}: name a tokenizer.json or a folder with one")
    try:
        loaded = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more definite
        raise QuestionsError(f"{file} is no tokenizer that can be read: {error}") from error
    encoded = loaded.encode_batch_fast(joined, add_special_tokens=False)
    return Lengths("tokens", np.array([len(found.ids) for found in encoded], dtype=np.int64))


def tokenize(
    conversations: Sequence[Conversation], folder: Path
) -> Iterator[TokenizedConversation]:
    """Conversations in a model's own chat template, with the assistant's tokens marked.

    What is marked is the last message with the mark that ends it: all that a model has to say
    after the template's invitation to speak. White space after the mark is the template's.

    Args:
        conversations: The last message of each is the assistant's.
        folder: Of a model, with ``tokenizer.json`` and its chat template.

    Raises:
        QuestionsError: The tokenizer has no chat template, or one that writes the messages before
            an answer otherwise than without it.
    """
    from transformers import AutoTokenizer

    # Its own annotations allow for classes that no folder with a tokenizer.json gives.
    loaded: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if not loaded.is_fast or not loaded.chat_template:
        raise QuestionsError(f"{folder} has no {TOKENIZER_FILE} or no chat template")
    for conversation in conversations:
        before = loaded.apply_chat_template(
            list(conversation[:-1]), add_generation_prompt=True, tokenize=False
        )
        whole = loaded.apply_chat_template(list(conversation), tokenize=False)
        if conversation[-1]["role"] != "assistant" or not whole.startswith(before):
            raise QuestionsError(
                f"the chat template of {folder} does not go on where its invitation to answer ends"
            )
        found = loaded(whole, add_special_tokens=False, return_offsets_mapping=True)
        starts = np.array([start for start, _ in found["offset_mapping"]], dtype=np.int64)
        yield TokenizedConversation(
            np.array(found["input_ids"], dtype=np.int32),
            (starts >= len(before)) & (starts < len(whole.rstrip())),
        )
