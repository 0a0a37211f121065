"""The warehouse's views: how many, over what, in which order.

Belongs here: choosing sources and shapes. Does not belong here: the shapes (``view_shapes.py``),
text and lineage, which the query tree knows itself (``sql.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from amodels_assets.sample.dice import Dice
from amodels_assets.sample.sql import Column, Query, Select, TableReference
from amodels_assets.sample.view_draw import Draw, Kinds, Readable, readable_table
from amodels_assets.sample.view_shapes import SHAPES, everything
from amodels_assets.sample.warehouse import PRESENTATION, TRANSFORMATION, Table

FEWEST_VIEWS = 9
LEVELS = 3


@dataclass(frozen=True)
class View:
    """A view.

    Attributes:
        database: Where it lies.
        name: Its name.
        query: Its body.
        kinds: Rough type of each output column: string, number, date, array, map or other.
        level: 1 reads tables only, 2 reads a view of level 1, and so on.
        multiline: Whether the dump breaks its lines.
    """

    database: str
    name: str
    query: Query
    kinds: Kinds
    level: int
    multiline: bool

    def text(self) -> str:
        """Its body as the dump has it."""
        return self.query.sql("\n" if self.multiline else " ")


def readable_view(view: View) -> Readable:
    """What a query needs to know of a view."""
    return Readable(view.database, view.name, view.kinds, view.level)


def generate_views(seed: int, scale: float, tables: Sequence[Table]) -> list[View]:
    """All views, each reading tables and views before it; scale 1 makes 20."""
    dice = Dice(seed, 12)
    count = max(FEWEST_VIEWS, round(20 * scale))
    pool: list[list[Readable]] = [[readable_table(table) for table in tables], [], [], []]
    views: list[View] = []
    for number in range(count):
        whole = number % 20 == 0
        level = 1 if whole else 1 + (number * LEVELS) // count
        database = PRESENTATION if level == LEVELS else TRANSFORMATION
        # The first source is of the level below, the others of any level below.
        first = dice.pick(pool[level - 1])
        if whole:
            # One view in twenty passes on a whole table, the widest one.
            first = max(pool[0], key=lambda source: len(source.kinds))
        others = [source for below in pool[:level] for source in below if source is not first]
        name = f"v{level}_{first.name.split('_', 1)[-1]}"[:60] + f"_{number:03d}"
        shape = everything if whole else SHAPES[number % len(SHAPES)]
        draw = Draw(dice, database, first, others)
        query, kinds = shape(draw)
        view = View(database, name, query, kinds, level, multiline=dice.chance(0.4))
        views.append(view)
        pool[level].append(readable_view(view))
    return views


def drifted(view: View, missing: str) -> View:
    """The same view over a first table that has lost the column ``missing``.

    Raises:
        ValueError: The view does not read a table directly.
    """
    query = view.query
    if not isinstance(query, Select) or not isinstance(query.relation, TableReference):
        raise ValueError(f"{view.name} does not read a table directly")
    relation = replace(query.relation, missing=(missing,))
    columns = (*query.columns, (missing, Column(relation.qualifier, missing)))
    return replace(
        view,
        query=replace(query, relation=relation, columns=columns),
        kinds={**view.kinds, missing: "string"},
    )
