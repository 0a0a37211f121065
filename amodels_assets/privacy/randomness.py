"""Where noise and draws come from: a key that nobody else has, and the step's number.

Belongs here: keys, and the random numbers that follow from them. Does not belong here: what they
are used for (``gradients.py``, ``private_work.py``).

Noise that somebody can compute again is no noise, and a draw that somebody can repeat does not
amplify privacy. The training's seed stands in the checkpoint's manifest, so neither may follow from
it. They follow from a key of the operating system instead, which lies beside the steps of a run
that may be killed and is destroyed when the run is finished. A step that is repeated after a kill
has the same draw and the same noise and so the very same outcome: whoever sees it once more learns
nothing more, and the accountant counts it once.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from amodels_assets.artifacts import beside, fsync

KEY_FILE = "noise.key"
_KEY_BYTES = 32
_SUMMED = 4


class Randomness:
    """Random numbers that follow from a key, a purpose and a step.

    The bytes are those of SHAKE-256, which nobody continues without the key; a generator such as
    torch's Mersenne Twister gives its state away with its numbers.
    """

    def __init__(self, key: bytes, kind: str) -> None:
        """Use a key.

        Args:
            key: At least 32 bytes.
            kind: Of ``statement.NOISE``: what may be said of the key.
        """
        self.kind = kind
        self._key = key

    @classmethod
    def secret(cls, folder: Path) -> Randomness:
        """By the key of a run, which is made on first use.

        Args:
            folder: Of the run.
        """
        return cls(_kept_key(folder), "secret")

    @classmethod
    def seeded(cls, seed: int) -> Randomness:
        """By a seed that others know: for tests, and to compare; there is no guarantee."""
        return cls(hashlib.sha256(f"seed {seed}".encode()).digest(), "seeded")

    def uniform(self, purpose: str, step: int, count: int) -> np.ndarray:
        """Numbers from 0 to below 1, float64, shape (count,)."""
        words = np.frombuffer(self._bytes(purpose, step, 8 * count), dtype="<u8")
        return (words >> np.uint64(11)) * 2.0**-53

    def normal(self, purpose: str, step: int, shape: Sequence[int]) -> np.ndarray:
        """Standard normal numbers, float32.

        Each is half the sum of four, so that the gaps between floating-point numbers do not tell
        what was added to them (Holohan and Braghin, arXiv 2107.10138).
        """
        size = int(np.prod(shape, dtype=np.int64))
        pairs = -(-size // 2)
        total = np.zeros((2, pairs))
        for part in range(_SUMMED):
            drawn = self.uniform(f"{purpose} {part}", step, 2 * pairs).reshape(2, pairs)
            # Box and Muller, 1958; 1 - u is never 0.
            radius = np.sqrt(-2 * np.log(1 - drawn[0]))
            total[0] += radius * np.cos(2 * np.pi * drawn[1])
            total[1] += radius * np.sin(2 * np.pi * drawn[1])
        return (total.reshape(-1)[:size] / np.sqrt(_SUMMED)).astype(np.float32).reshape(shape)

    def _bytes(self, purpose: str, step: int, count: int) -> bytes:
        return hashlib.shake_256(self._key + f"{purpose}|{step}".encode()).digest(count)


def destroy_key(folder: Path) -> None:
    """Remove the key of a finished run."""
    (folder / KEY_FILE).unlink(missing_ok=True)
    fsync(folder)


def _kept_key(folder: Path) -> bytes:
    """The key of a run; of several processes that make one at once, one wins."""
    path = folder / KEY_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = beside(path)
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, secrets.token_bytes(_KEY_BYTES))
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            # Unlike a rename it replaces nothing.
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        fsync(folder)
    return path.read_bytes()
