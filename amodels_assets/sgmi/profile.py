"""Figures on a whole catalog: counts, how types are distributed, how unusual that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

# What a warehouse of this kind is expected to hold, by canonical type; stated here so that the
# divergence below has a fixed meaning. Adds up to 1.
REFERENCE_TYPES: dict[str, float] = {
    "string": 0.66,
    "decimal": 0.24,
    "date": 0.03,
    "timestamp": 0.02,
    "bigint": 0.015,
    "int": 0.01,
    "double": 0.01,
    "char": 0.005,
    "boolean": 0.005,
    "other": 0.005,
}
_CANONICAL = {
    "varchar": "char",
    "integer": "int",
    "smallint": "int",
    "tinyint": "int",
    "float": "double",
    "real": "double",
    "doubleprecision": "double",
    "numeric": "decimal",
    "dec": "decimal",
}


def canonical_type(hive_type: str) -> str:
    """One of the names of ``REFERENCE_TYPES`` for a Hive type."""
    stem = hive_type.split("(", 1)[0].split("<", 1)[0]
    stem = _CANONICAL.get(stem, stem)
    return stem if stem in REFERENCE_TYPES else "other"


def type_profile(types: Iterable[str]) -> dict[str, object]:
    """Distribution of column types.

    Returns:
        ``distribution`` (count by canonical type), ``entropy_bits``, and
        ``divergence_bits``: Kullback-Leibler divergence of the catalog from the reference, in
        bits; types that the catalog lacks add nothing, so that it is always finite.
    """
    counts = Counter(canonical_type(type_) for type_ in types)
    total = sum(counts.values())
    shares = {name: count / total for name, count in sorted(counts.items())}
    entropy = -sum(p * math.log2(p) for p in shares.values())
    divergence = sum(p * math.log2(p / REFERENCE_TYPES[name]) for name, p in shares.items())
    return {
        "distribution": dict(sorted(counts.items())),
        "entropy_bits": round(entropy, 6) + 0.0,
        "divergence_bits": round(divergence, 6) + 0.0,
        "reference": REFERENCE_TYPES,
    }


def differences(
    columns: Mapping[str, Mapping[str, str]], previous: Mapping[str, Mapping[str, str]]
) -> dict[str, list[str]]:
    """What changed since an earlier catalog.

    Args:
        columns: Types by column, by ``database.table``.
        previous: The same of the earlier catalog.
    """
    common = columns.keys() & previous.keys()
    return {
        "tables_added": sorted(columns.keys() - previous.keys()),
        "tables_removed": sorted(previous.keys() - columns.keys()),
        "columns_added": sorted(
            f"{t}.{c}" for t in common for c in columns[t] if c not in previous[t]
        ),
        "columns_removed": sorted(
            f"{t}.{c}" for t in common for c in previous[t] if c not in columns[t]
        ),
        "types_changed": sorted(
            f"{t}.{c}: {previous[t][c]} to {type_}"
            for t in common
            for c, type_ in columns[t].items()
            if c in previous[t] and previous[t][c] != type_
        ),
    }
