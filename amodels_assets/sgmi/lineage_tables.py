"""The catalog's lineage tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pyarrow as pa

from amodels_assets.sgmi.arrow_arrays import array, numbers, text
from amodels_assets.sgmi.influence import DIRECT, SUBTYPES, Influences, SourceColumn
from amodels_assets.sgmi.lineage import QueryLineage
from amodels_assets.sgmi.lineage_graph import ViewLineage
from amodels_assets.sgmi.schema import SCHEMAS

ObjectName = tuple[str, str]
WHOLE_VIEW = "*"


def lineage_table(
    lineage: Mapping[ObjectName, QueryLineage], known: Mapping[ObjectName, set[str]]
) -> pa.Table:
    """``column_lineage`` or ``column_lineage_base``.

    What chooses, groups or sorts the rows of a view matters to all its columns alike and stands
    there once, with the target column ``*`` and the position -1.

    Args:
        lineage: By view.
        known: Column names of every table and view.

    Returns:
        Sorted by target and its position, then by source, then by subtype in ``SUBTYPES``' order.
    """
    views = sorted(lineage)
    targets: list[str] = []
    positions: list[int] = []
    places: dict[SourceColumn, int] = {}
    edges: tuple[list[int], list[int], list[int]] = ([], [], [])
    ends: list[int] = []
    for view in views:
        query = lineage[view]
        for position, (name, column) in enumerate(query.columns.items()):
            _add_edges(edges, len(targets), column.sources, places)
            targets.append(name)
            positions.append(position)
        _add_edges(edges, len(targets), query.rows, places)
        targets.append(WHOLE_VIEW)
        positions.append(-1)
        ends.append(len(targets))
    view_of_target = np.repeat(np.arange(len(views)), np.diff([0, *ends]))
    target, source, subtype = (np.array(part, dtype=np.int32) for part in edges)
    view = view_of_target[target] if views else target
    resolved = [column in known.get((database, table), ()) for database, table, column in places]
    kinds = ["DIRECT" if DIRECT >> bit & 1 else "INDIRECT" for bit in range(len(SUBTYPES))]
    arrays = (
        _taken([database for database, _ in views], view),
        _taken([name for _, name in views], view),
        _taken(targets, target),
        numbers(np.array(positions, dtype=np.int32)[target]),
        *(_taken([place[part] for place in places], source) for part in range(3)),
        _taken(kinds, subtype),
        _taken(list(SUBTYPES), subtype),
        array(resolved, pa.bool_()).take(numbers(source)),
    )
    return pa.Table.from_arrays(list(arrays), schema=SCHEMAS["column_lineage"])


def _add_edges(
    edges: tuple[list[int], list[int], list[int]],
    target: int,
    sources: Influences,
    places: dict[SourceColumn, int],
) -> None:
    targets, origins, subtypes = edges
    for source in sorted(sources) if len(sources) > 1 else sources:
        place = places.setdefault(source, len(places))
        for subtype in _bits(sources[source]):
            targets.append(target)
            origins.append(place)
            subtypes.append(subtype)


@lru_cache(maxsize=512)
def _bits(kinds: int) -> tuple[int, ...]:
    return tuple(bit for bit in range(len(SUBTYPES)) if kinds >> bit & 1)


def _taken(values: list[str], places: np.ndarray) -> pa.Array:
    return text(values).take(numbers(places))


def table_lineage_rows(lineage: ViewLineage) -> list[tuple[str, str, str, str]]:
    """Rows of ``table_lineage``: every table or view that a view names."""
    return [
        (*target, *source)
        for target, query in sorted(lineage.direct.items())
        for source in sorted(query.tables)
    ]
