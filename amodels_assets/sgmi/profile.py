"""Figures on a whole catalog: counts, how types are distributed, how unusual that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Set

ObjectName = tuple[str, str]

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
    counts: Counter[str] = Counter()
    for type_, count in Counter(types).items():
        counts[canonical_type(type_)] += count
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


def catalog_profile(
    counts: Mapping[str, int],
    columns: Mapping[ObjectName, Mapping[str, str]],
    tables: Set[ObjectName],
    previous: Mapping[ObjectName, Mapping[str, str]] | None,
) -> dict[str, object]:
    """Figures on a whole catalog.

    Args:
        counts: Rows of each of its tables.
        columns: Types by column, by table or view.
        tables: Which of those are tables; only their types are profiled.
        previous: Like ``columns``, of the catalog before; None when there is none.

    Returns:
        ``counts``, ``types`` (:func:`type_profile`) and ``differences``, None without ``previous``.
    """
    types = (type_ for key in sorted(tables) for type_ in columns[key].values())
    return {
        "counts": dict(counts),
        "types": type_profile(types),
        "differences": None if previous is None else differences(columns, previous),
    }


def differences(
    columns: Mapping[ObjectName, Mapping[str, str]],
    previous: Mapping[ObjectName, Mapping[str, str]],
) -> dict[str, list[str]]:
    """What changed since an earlier catalog, by full name, sorted.

    Args:
        columns: Types by column, by table or view.
        previous: The same of the earlier catalog.
    """
    common = columns.keys() & previous.keys()

    def names(tables: Iterable[ObjectName]) -> list[str]:
        return sorted(".".join(table) for table in tables)

    def missing(
        here: Mapping[ObjectName, Mapping[str, str]], there: Mapping[ObjectName, Mapping[str, str]]
    ) -> list[str]:
        return sorted(f"{'.'.join(t)}.{c}" for t in common for c in here[t] if c not in there[t])

    return {
        "tables_added": names(columns.keys() - previous.keys()),
        "tables_removed": names(previous.keys() - columns.keys()),
        "columns_added": missing(columns, previous),
        "columns_removed": missing(previous, columns),
        "types_changed": sorted(
            f"{'.'.join(t)}.{c}: {previous[t][c] or 'unknown'} to {type_ or 'unknown'}"
            for t in common
            for c, type_ in columns[t].items()
            if c in previous[t] and previous[t][c] != type_
        ),
    }
