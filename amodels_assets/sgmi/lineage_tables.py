"""The catalog's lineage tables.

Belongs here: from edges to Arrow. Does not belong here: lineage itself.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from amodels_assets.sgmi.arrow_arrays import booleans, numbers, text
from amodels_assets.sgmi.influence import DIRECT, SUBTYPES
from amodels_assets.sgmi.lineage_edges import Edges
from amodels_assets.sgmi.lineage_graph import ViewLineage
from amodels_assets.sgmi.schema import SCHEMAS

Known = Mapping[tuple[str, str], Container[str]]


def lineage_table(parts: Sequence[Edges], known: Known) -> pa.Table:
    """``column_lineage`` or ``column_lineage_base``.

    Args:
        parts: Edges of all views.
        known: Column names of every table and view.

    Returns:
        Sorted by target and its position (the whole view last), then by source and subtype.
    """
    views = list(chain.from_iterable(part.views for part in parts))
    targets = list(chain.from_iterable(part.targets for part in parts))
    sources = list(chain.from_iterable(part.sources for part in parts))
    ends = _shifted([_integers(part.ends) for part in parts], [len(p.targets) for p in parts])
    view_of_target = np.repeat(np.arange(len(views)), np.diff(ends, prepend=0))
    target = _shifted([_integers(part.target) for part in parts], [len(p.targets) for p in parts])
    source = _shifted([_integers(part.source) for part in parts], [len(p.sources) for p in parts])
    positions, subtype = (
        np.concatenate([_integers(getattr(part, name)) for part in parts] or [_integers([])])
        for name in ("positions", "subtype")
    )
    rank = np.empty(len(views), dtype=np.int64)
    rank[sorted(range(len(views)), key=views.__getitem__)] = np.arange(len(views))
    order = np.argsort(rank[view_of_target[target]], kind="stable")
    target, source, subtype = target[order], source[order], subtype[order]
    view = view_of_target[target]
    resolved = [column in known.get((database, table), ()) for database, table, column in sources]
    kinds = ["DIRECT" if DIRECT >> bit & 1 else "INDIRECT" for bit in range(len(SUBTYPES))]
    arrays = [
        _taken([database for database, _ in views], view),
        _taken([name for _, name in views], view),
        _taken(targets, target),
        numbers(positions[target]),
        *(_taken([place[part] for place in sources], source) for part in range(3)),
        _taken(kinds, subtype),
        _taken(list(SUBTYPES), subtype),
        booleans(np.array(resolved, dtype=bool)[source]),
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMAS["column_lineage"])


def _integers(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def _shifted(parts: list[np.ndarray], sizes: list[int]) -> np.ndarray:
    """Indices into the parts, put together as indices into all."""
    starts = np.cumsum([0, *sizes])
    moved = [part + int(start) for part, start in zip(parts, starts, strict=False)]
    return np.concatenate([*moved, _integers([])])


def table_lineage_rows(lineage: ViewLineage) -> list[tuple[str, str, str, str]]:
    """Rows of ``table_lineage``: every table or view that a view names."""
    return [
        (*target, *source)
        for target, reads in sorted(lineage.reads.items())
        for source in sorted(reads)
    ]


def _taken(values: list[str], places: np.ndarray) -> pa.Array:
    return text(values).take(numbers(places))
