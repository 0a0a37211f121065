"""Overlap between training texts and evaluation items: runs of thirteen equal words.

Belongs here: words, runs, comparing. Does not belong here: where the texts come from. Thirteen
words in a row are the measure of contamination that GPT-3's authors used (Brown et al. 2020,
appendix C). Words are compared without case and marks; an item of fewer words is compared whole,
and one of fewer than ``SHORTEST`` not at all: three words in common say nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

RUN = 13
SHORTEST = 6
_WORD = re.compile(r"\w+")
# Odd, so that multiplying loses nothing modulo 2**64; any would do.
_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Hit:
    """A run of words that a training text and an evaluation item share.

    Attributes:
        training: Place of the training text.
        item: Place of the item.
        words: The run.
    """

    training: int
    item: int
    words: str


@dataclass(frozen=True)
class Overlap:
    """What comparing with a set of items found.

    Attributes:
        compared: Items that were compared.
        too_short: Items with fewer than ``SHORTEST`` words.
        items: Places of the items that share a run with some training text, rising.
        training: Places of the training texts that share a run with some item, rising.
        first: One of the hits; None where there is none.
    """

    compared: int
    too_short: int
    items: tuple[int, ...]
    training: tuple[int, ...]
    first: Hit | None


def words_of(text: str) -> list[str]:
    """Words as they are compared.

    Example:
        >>> words_of("Type of `db.Table`?")
        ['type', 'of', 'db', 'table']
    """
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


class TrainingTexts:
    """Training texts, ready to be compared with several sets of items."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take the texts; each is compared on its own, no run crosses from one into the next."""
        self._numbers: dict[str, int] = {}
        known = self._numbers
        listed = [[known.setdefault(w, len(known) + 1) for w in words_of(t)] for t in texts]
        # Between texts stands 0, which is no word.
        flat = [number for numbers in listed for number in (*numbers, 0)]
        self._words = np.array(flat, dtype=np.uint64)
        self._ends = np.cumsum([len(numbers) + 1 for numbers in listed], dtype=np.int64)

    def compare(self, items: Sequence[str]) -> Overlap:
        """Search the texts for runs of the items."""
        listed = [words_of(item) for item in items]
        # A word that training never has is 0 and breaks every run across it.
        coded = [np.array([self._numbers.get(w, 0) for w in ws], np.uint64) for ws in listed]
        by_length: dict[int, dict[int, list[tuple[int, int]]]] = {}
        for place, numbers in enumerate(coded):
            length = min(RUN, len(numbers))
            if length >= SHORTEST:
                runs = by_length.setdefault(length, defaultdict(list))
                for code, start in _runs(numbers, length):
                    runs[code].append((place, start))
        hits = []
        for length, runs in sorted(by_length.items()):
            for start, text, code in self._places(length, runs):
                run = self._words[start : start + length]
                for item, at in runs[code]:
                    # Codes of different runs may be equal, if hardly ever.
                    if np.array_equal(coded[item][at : at + length], run):
                        hits.append(Hit(text, item, " ".join(listed[item][at : at + length])))
        short = sum(len(words) < SHORTEST for words in listed)
        return Overlap(
            compared=len(listed) - short,
            too_short=short,
            items=tuple(sorted({hit.item for hit in hits})),
            training=tuple(sorted({hit.training for hit in hits})),
            first=min(hits, key=lambda hit: (hit.item, hit.training), default=None),
        )

    def _places(self, length: int, runs: Collection[int]) -> Iterator[tuple[int, int, int]]:
        """Start, text and code of every run of the training texts that is among the given."""
        if len(self._words) < length or not runs:
            return
        codes = _codes(self._words, length)
        among = np.isin(codes, np.fromiter(runs, np.uint64, len(runs)))
        starts = np.flatnonzero(among)
        texts = np.searchsorted(self._ends, starts, side="right")
        yield from zip(starts.tolist(), texts.tolist(), codes[starts].tolist(), strict=True)


def _runs(numbers: np.ndarray, length: int) -> Iterator[tuple[int, int]]:
    """Code and start of every run without an unknown word."""
    whole = sliding_window_view(numbers, length).all(axis=1)
    starts = np.flatnonzero(whole)
    yield from zip(_codes(numbers, length)[starts].tolist(), starts.tolist(), strict=True)


def _codes(numbers: np.ndarray, length: int) -> np.ndarray:
    """A 64-bit polynomial of each run, shape (len(numbers) - length + 1,)."""
    count = len(numbers) - length + 1
    codes = numbers[:count].copy()
    for step in range(1, length):
        codes *= _BASE
        codes += numbers[step : step + count]
    return codes
