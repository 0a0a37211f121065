"""Near-duplicates among texts, by MinHash.

Belongs here: finding them. Does not belong here: which texts are compared. MinHash and its
locality-sensitive index (Broder 1997) only propose pairs; whether two are near is then computed
from their shingles, so that an estimate never removes anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from amodels_assets.questions.overlap import words_of

SHINGLE = 3
THRESHOLD = 0.8
# Bands of four: a pair at the threshold is proposed in 9,997 of 10,000 cases, 1 - (1 - 0.8**4)**16.
_PERMUTATIONS = 64
_BANDS = 16
_SEED = 1


def near_duplicates(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int]:
    """Which texts are nearly the same as one before them that was kept.

    Args:
        texts: In order of preference: of two that are near the first stays.
        threshold: Jaccard similarity of sets of three words in a row from which on texts are near.

    Returns:
        Places of the texts to leave out, rising.
    """
    from datasketch import MinHash, MinHashLSH

    shingles = [_shingles(text) for text in texts]
    # Signatures are of the words' bytes, so they do not depend on PYTHONHASHSEED.
    signatures = MinHash.bulk(
        [[shingle.encode() for shingle in sorted(found)] for found in shingles],
        num_perm=_PERMUTATIONS,
        seed=_SEED,
    )
    index = MinHashLSH(num_perm=_PERMUTATIONS, params=(_BANDS, _PERMUTATIONS // _BANDS))
    kept: dict[object, set[str]] = {}
    left_out = []
    for place, signature in enumerate(signatures):
        mine = shingles[place]
        if any(_jaccard(mine, kept[other]) >= threshold for other in index.query(signature)):
            left_out.append(place)
        else:
            kept[place] = mine
            index.insert(place, signature)
    return left_out


def _shingles(text: str) -> set[str]:
    words = words_of(text)
    if len(words) <= SHINGLE:
        return {" ".join(words)}
    return {" ".join(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)}


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)
