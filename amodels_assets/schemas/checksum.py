"""A number for a column's content that does not depend on the order of its rows.

The sum, modulo 2 to the power of 64, of a 64-bit hash of each value; NULLs count too, so that the
number also tells apart columns that differ in how many there are. Numbers, dates and times are
hashed as whole arrays (the finaliser of SplitMix64, Steele et al. 2014); texts once for each
distinct value (BLAKE2b).
Belongs here: values as Arrow arrays in the form that a Hive type says. Does not belong here: where
they come from (``verify.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.schemas.convert import canonical_nested
from amodels_assets.schemas.types import parse_hive_type

_MODULUS = 1 << 64
_NULL = 0x9E3779B97F4A7C15
_INTEGER = pa.int64()
_FORMS = {
    "boolean": pa.bool_(),
    "tinyint": _INTEGER,
    "smallint": _INTEGER,
    "int": _INTEGER,
    "bigint": _INTEGER,
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "binary": pa.large_binary(),
}


class NotComparableError(Exception):
    """Values that are not of the column's type; the message says which type."""


def form_of(hive_type: str) -> pa.DataType:
    """The Arrow type in which values of a Hive type are compared; text for nested ones."""
    parsed = parse_hive_type(hive_type)
    if parsed.base == "decimal":
        return pa.decimal128(38, parsed.arguments[1])
    return _FORMS.get(parsed.base, pa.large_string())


def checksum(values: pa.Array | pa.ChunkedArray, hive_type: str) -> int:
    """The number of a batch of values; those of several batches are added.

    Raises:
        NotComparableError: The values are not of this type.
    """
    parsed = parse_hive_type(hive_type)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if parsed.base == "nested":
        return _sum_distinct(_nested_text(values), lambda text: str(text).encode())
    form = form_of(hive_type)
    try:
        values = values if values.type == form else values.cast(form)
    except pa.ArrowException as error:
        raise NotComparableError(f"holds values that are not {hive_type}") from error
    if parsed.base == "char":
        # Padding with spaces means nothing in this type.
        values = pc.utf8_rtrim(values, " ")
    if pa.types.is_large_string(values.type):
        return _sum_distinct(values, lambda text: str(text).encode())
    if pa.types.is_large_binary(values.type):
        return _sum_distinct(values, bytes)
    nulls = values.null_count
    words = _words(values.drop_null())
    mixed = np.zeros(len(values) - nulls, dtype=np.uint64)
    for word in words:
        mixed = _mixed(mixed ^ word)
    return (int(mixed.sum(dtype=np.uint64)) + nulls * _NULL) % _MODULUS


def _nested_text(values: pa.Array) -> pa.Array:
    texts = [None if v is None else canonical_nested(v) for v in values.to_pylist()]
    return pa.array(texts, pa.large_string())


def _words(values: pa.Array) -> list[np.ndarray]:
    """The values' bits as 64-bit words; equal values have equal words."""
    if pa.types.is_decimal(values.type):
        start = values.offset * 2
        words = np.frombuffer(values.buffers()[1], np.uint64)[start : start + 2 * len(values)]
        return [words[0::2], words[1::2]]
    if pa.types.is_floating(values.type):
        numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        # Minus zero equals zero, and of all the patterns of "not a number" one is taken.
        numbers = np.where(np.isnan(numbers), np.nan, numbers + 0.0)
        return [numbers.view(np.uint64)]
    if pa.types.is_boolean(values.type):
        return [values.cast(pa.uint8()).to_numpy().astype(np.uint64)]
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    return [values.cast(_INTEGER).to_numpy().view(np.uint64)]


def _mixed(word: np.ndarray) -> np.ndarray:
    word = word + np.uint64(_NULL)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def _sum_distinct(values: pa.Array, encoded: Callable[[Any], bytes]) -> int:
    total = 0
    for pair in values.value_counts().to_pylist():
        value, count = pair["values"], pair["counts"]
        hashed = _NULL if value is None else _hash(encoded(value))
        total = (total + count * hashed) % _MODULUS
    return total


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
