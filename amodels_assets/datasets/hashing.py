"""Texts as vectors from their parts alone: nothing is learned and nothing is kept.

Belongs here: the hashing encoder. Does not belong here: the choice of an encoder
(``text_vectors.py``).

The parts of a text are its words, its letter trigrams and the text itself. A hash of each part
picks a feature and a sign (feature hashing; Weinberger et al., ICML 2009), so texts that share
parts have similar vectors. Everything is computed for many texts at once on their code points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

HASHING_WIDTH = 64
# Texts that are worked on together: more of them do not fit a processor's cache.
_CHUNK = 16_384
_SPACE = 32
# Code points that stand between words: white space, full stop, underscore.
_AS_SPACE = np.zeros(0x110000, dtype=bool)
_AS_SPACE[[9, 10, 11, 12, 13, 32, 46, 95, 133, 160, 8232, 8233]] = True
_BASE = np.uint64(0x9E3779B97F4A7C15)
# Multipliers of a hash's finisher (SplitMix64; Steele, Lea and Flood, OOPSLA 2014).
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# So that equal letters give other hashes as a word, as a trigram and as a whole text.
_WORD, _GRAM, _WHOLE = (np.uint64(int(_BASE) * n % 2**64) for n in (1, 2, 3))


def hashed_texts(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors of texts, float32 (texts, HASHING_WIDTH).

    A text's vector depends on the text alone, not on what is encoded beside it. Case, full stops
    and underscores matter only to the part that is the whole text.
    """
    vectors = np.empty((len(texts), HASHING_WIDTH), dtype=np.float32)
    for start in range(0, len(texts), _CHUNK):
        part = texts[start : start + _CHUNK]
        vectors[start : start + len(part)] = _encode(part)
    return vectors


def _encode(texts: Sequence[str]) -> np.ndarray:
    count = len(texts)
    whole = _whole_texts(texts)
    rows, hashes = zip(*(_words_and_grams([text.lower() for text in texts])), strict=True)
    alone = _sums(np.arange(count), whole, count)
    vectors = alone + _sums(np.concatenate(rows), np.concatenate(hashes), count)
    # Signs may cancel each other; the whole text stands for it then.
    gone = ~vectors.any(axis=1)
    vectors[gone] = alone[gone]
    return (vectors / np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))).astype(np.float32)


def _whole_texts(texts: Sequence[str]) -> np.ndarray:
    codes, lengths = _code_points(texts)
    return _mix(_polynomial(codes, lengths) + _WHOLE)


def _words_and_grams(texts: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Text number and hash of every word and of every trigram of the texts, spaces around them."""
    codes, lengths = _code_points([f" {text} " for text in texts])
    codes = np.where(_AS_SPACE[codes], np.uint32(_SPACE), codes)
    owner = np.repeat(np.arange(len(texts)), lengths)
    # Words: every text begins and ends with a space, so none reaches into the next.
    inside = codes != _SPACE
    starts = np.flatnonzero(inside & ~np.concatenate([[False], inside[:-1]]))
    ends = np.flatnonzero(inside & ~np.concatenate([inside[1:], [False]])) + 1
    letters = codes[inside]
    words = _mix(_polynomial(letters, ends - starts) + _WORD)
    wide = codes.astype(np.uint64)
    grams = wide[:-2] + (wide[1:-1] << np.uint64(21)) + (wide[2:] << np.uint64(42))
    within = owner[:-2] == owner[2:]
    return [
        (owner[starts], words),
        (owner[:-2][within], _mix(grams[within] + _GRAM)),
    ]


def _code_points(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    return np.frombuffer(joined, dtype=np.uint32), lengths


def _polynomial(codes: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """A hash of each run of code points, uint64 (runs,); 0 for an empty one."""
    first = np.cumsum(lengths) - lengths
    longest = int(lengths.max(initial=0))
    powers = np.cumprod(np.full(longest + 1, _BASE, dtype=np.uint64), dtype=np.uint64)
    place = np.arange(len(codes)) - np.repeat(first, lengths)
    terms = _mix(codes.astype(np.uint64) + np.uint64(1)) * powers[place]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    return sums[first + lengths] - sums[first]


def _mix(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))


def _sums(rows: np.ndarray, hashes: np.ndarray, count: int) -> np.ndarray:
    """Signs of the hashes summed by row and feature, float64 (count, HASHING_WIDTH)."""
    features = (hashes % np.uint64(HASHING_WIDTH)).astype(np.int64)
    signs = np.where(hashes >> np.uint64(63), 1.0, -1.0)
    flat = np.bincount(
        rows * HASHING_WIDTH + features, weights=signs, minlength=count * HASHING_WIDTH
    )
    return flat.reshape(count, HASHING_WIDTH)
