"""Kinds of influence, the columns that carry them, and how they combine along a path.

Kinds are OpenLineage's, kept as bits of one integer. Along a path the weakest direct step counts;
an indirect step makes the whole path indirect, and of several the one nearest to the output names
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

IDENTITY, TRANSFORMATION, AGGREGATION, CONDITIONAL, WINDOW, JOIN, FILTER, GROUP_BY, SORT = (
    1 << i for i in range(9)
)
SUBTYPES = (
    "IDENTITY",
    "TRANSFORMATION",
    "AGGREGATION",
    "CONDITIONAL",
    "WINDOW",
    "JOIN",
    "FILTER",
    "GROUP_BY",
    "SORT",
)
DIRECT = IDENTITY | TRANSFORMATION | AGGREGATION

SourceColumn = tuple[str, str, str]  # database, table, column; the column is "*" for all
Influences = dict[SourceColumn, int]  # source to the bits of how it matters
Schema = Callable[[str, str], Mapping[str, str] | None]  # columns and types; None when unknown


@dataclass(slots=True)
class OutputColumn:
    """One column of a relation: its sources, and its type where that is evident."""

    sources: Influences = field(default_factory=dict)
    type: str = ""


class TableColumns(Mapping[str, OutputColumn]):
    """Columns of a named table or view, each its own source, made when asked for.

    Tables have hundreds of columns and queries name few of them.
    """

    __slots__ = ("_table", "_types")

    def __init__(self, database: str, table: str, types: Mapping[str, str]) -> None:
        """Columns and types of ``database.table``, in order."""
        self._table = (database, table)
        self._types = types

    def __getitem__(self, name: str) -> OutputColumn:
        return OutputColumn({(*self._table, name): IDENTITY}, self._types[name])

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)


@dataclass(slots=True)
class Relation:
    """Something with columns in a FROM clause, or a whole query.

    Attributes:
        columns: By lower-case name, in order.
        rows: What chooses, repeats or orders the rows.
        table: Set for a named table or view, which is a leaf.
        open: Columns are not known: any name may be one.
        visible: Whether ``*`` includes its columns.
    """

    columns: Mapping[str, OutputColumn] = field(default_factory=dict)
    rows: Influences = field(default_factory=dict)
    table: tuple[str, str] | None = None
    open: bool = False
    visible: bool = True


def step(outer: int, inner: int) -> int:
    """One bit for a step taken on the result of another.

    Both direct: the weaker of the two. Otherwise the indirect one, and of two the outer.
    """
    return outer if outer >= CONDITIONAL else max(outer, inner)


@lru_cache(maxsize=4096)
def after(outer: int, inner: int) -> int:
    """Every step of one set of bits taken on every step of another."""
    bits = 0
    for i in range(9):
        for j in range(9):
            if outer >> i & 1 and inner >> j & 1:
                bits |= step(1 << i, 1 << j)
    return bits


def add_sources(into: Influences, sources: Influences, bits: int) -> None:
    """Add sources after one more step of the given bits."""
    for source, inner in sources.items():
        into[source] = into.get(source, 0) | after(bits, inner)
