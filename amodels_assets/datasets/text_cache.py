"""Vectors of texts kept on disk by content, so that no text is encoded twice.

Belongs here: the files. Does not belong here: how a text becomes a vector (``text_vectors.py``).

A folder holds parts that are never changed: Parquet files of digests and vectors, named by their
own content. They are written aside, flushed and renamed, so any number of processes may add to one
folder, and a killed one leaves nothing that is half.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from amodels_assets.artifacts import beside

_DIGEST_BYTES = 16


def digests(texts: Sequence[str]) -> pa.Array:
    """A digest of each text, fixed-size binary."""
    found = [
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
        for text in texts
    ]
    return pa.array(found, pa.binary(_DIGEST_BYTES))


class VectorCache:
    """Vectors of one encoder, read once when it is opened.

    Args:
        folder: Made where it is missing.
        width: Features of a vector.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self._folder = folder
        self._width = width
        folder.mkdir(parents=True, exist_ok=True)
        keys, vectors = [], []
        for path in sorted(folder.glob("*.parquet")):
            part = self._part(path)
            if part is not None:
                keys.append(part[0])
                vectors.append(part[1])
        self._keys = pa.chunked_array(keys, pa.binary(_DIGEST_BYTES))
        self._vectors = np.concatenate([*vectors, np.empty((0, width), dtype=np.float32)])

    def find(self, wanted: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Which digests are there, bool (n,), and their vectors, float32 (found, width)."""
        at = pc.index_in(wanted, value_set=self._keys)
        there = pc.is_valid(at).to_numpy(zero_copy_only=False)
        return there, self._vectors[at.drop_null().to_numpy()]

    def add(self, keys: pa.Array, vectors: np.ndarray) -> None:
        """Keep vectors, float32 (n, width), for those who open the folder later."""
        flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
        table = pa.table(
            {"digest": keys, "vector": pa.FixedSizeListArray.from_arrays(flat, self._width)}
        )
        name = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        for key in keys.to_pylist():
            name.update(key)
        path = self._folder / f"{name.hexdigest()}.parquet"
        aside = beside(path)
        with aside.open("wb") as handle:
            pq.write_table(table, handle, compression="zstd", use_byte_stream_split=["vector"])
            handle.flush()
            os.fsync(handle.fileno())
        aside.replace(path)

    def _part(self, path: Path) -> tuple[pa.Array, np.ndarray] | None:
        try:
            table = pq.read_table(path)
            keys = table["digest"].combine_chunks().cast(pa.binary(_DIGEST_BYTES))
            flat = table["vector"].combine_chunks().flatten().cast(pa.float32())
            vectors = flat.to_numpy(zero_copy_only=False).reshape(len(keys), self._width)
            if not np.isfinite(vectors).all():
                raise ValueError("a vector is not finite")
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            # Its texts are encoded again and get a sound part of the same name.
            warnings.warn(f"{path} is damaged and passed over: {error}", stacklevel=3)
            return None
        return keys, vectors
