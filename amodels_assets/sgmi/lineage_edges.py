"""Lineage as edges: plain numbers, cheap to send from process to process.

Belongs here: edges of views. Does not belong here: Arrow (``lineage_tables.py``).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from functools import lru_cache

from amodels_assets.sgmi.influence import SUBTYPES, Influences, OutputColumn, SourceColumn

ObjectName = tuple[str, str]
WHOLE_VIEW = "*"
_Packed = tuple[list[ObjectName], list[int], list[str], list[SourceColumn], list[bytes]]


class Edges:
    """Edges from source columns to the columns of some views.

    What chooses, groups or sorts the rows of a view matters to all its columns alike and stands
    there once, with the target ``WHOLE_VIEW`` and the position -1.

    Attributes:
        views: Database and name.
        ends: Number of targets up to and including each view.
        targets: Column names.
        sources: Database, table and column.
        positions: Of each target in its view.
        target: Of each edge, an index into ``targets``; those of a view by position, then by
            source, then in the order of ``SUBTYPES``.
        source: Of each edge, an index into ``sources``.
        subtype: Of each edge, an index into ``SUBTYPES``.
    """

    def __init__(self) -> None:
        self.views: list[ObjectName] = []
        self.ends: list[int] = []
        self.targets: list[str] = []
        self.sources: list[SourceColumn] = []
        self.positions, self.target, self.source, self.subtype = (array("i") for _ in range(4))
        self._places: dict[SourceColumn, int] = {}

    def add(self, view: ObjectName, columns: Mapping[str, OutputColumn], rows: Influences) -> None:
        """Add one view."""
        for position, (name, column) in enumerate(columns.items()):
            self._target(name, position, column.sources)
        self._target(WHOLE_VIEW, -1, rows)
        self.views.append(view)
        self.ends.append(len(self.targets))

    def _target(self, name: str, position: int, sources: Influences) -> None:
        target = len(self.targets)
        self.targets.append(name)
        self.positions.append(position)
        for source in sorted(sources) if len(sources) > 1 else sources:
            place = self._places.get(source)
            if place is None:
                place = self._places[source] = len(self.sources)
                self.sources.append(source)
            for subtype in _bits(sources[source]):
                self.target.append(target)
                self.source.append(place)
                self.subtype.append(subtype)

    def packed(self) -> _Packed:
        """Lists, strings and bytes only."""
        numbers = (self.positions, self.target, self.source, self.subtype)
        return (
            self.views,
            self.ends,
            self.targets,
            self.sources,
            [values.tobytes() for values in numbers],
        )

    @classmethod
    def unpacked(cls, packed: _Packed) -> Edges:
        """The same edges; no more can be added."""
        edges = cls()
        edges.views, edges.ends, edges.targets, edges.sources, numbers = packed
        edges.positions, edges.target, edges.source, edges.subtype = (
            array("i", values) for values in numbers
        )
        return edges


@lru_cache(maxsize=512)
def _bits(kinds: int) -> tuple[int, ...]:
    return tuple(bit for bit in range(len(SUBTYPES)) if kinds >> bit & 1)
