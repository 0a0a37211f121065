"""Views of the size that warehouses have in practice: hundreds of columns over a dozen joins.

Belongs here: sharing out columns, joins, CASEs and windows among the views, and the one shape that
such views have. Does not belong here: the small views of every shape (``view_shapes.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

from amodels_assets.sample.dice import Dice
from amodels_assets.sample.profiles import VIEW_SIZES, ViewSizes
from amodels_assets.sample.sql import (
    Case,
    Column,
    Expression,
    Formula,
    Join,
    Query,
    Select,
    Step,
    Subquery,
    TableReference,
    UnionAll,
    Window,
)
from amodels_assets.sample.view_draw import Kinds, Readable, readable_table
from amodels_assets.sample.views import LEVELS, View, readable_view
from amodels_assets.sample.warehouse import PRESENTATION, TRANSFORMATION, Table

LONG_UNION_COLUMNS = 40
LONG_UNION_CASES = 3
SUBQUERY_COLUMNS = 22


@dataclass(frozen=True)
class Share:
    """What one view gets of the totals."""

    columns: int
    cases: int
    joins: int
    windows: int


def generate_mart_views(
    seed: int, scale: float, tables: Sequence[Table], sizes: ViewSizes = VIEW_SIZES
) -> list[View]:
    """All views, each reading tables and views before it.

    Args:
        seed: Same seed, scale and tables, same views.
        scale: Multiplies every total of ``sizes``.
        tables: What they read.
        sizes: Totals at scale 1.
    """
    dice = Dice(seed, 13)
    shares = _shares(sizes, scale)
    pool: list[list[Readable]] = [[readable_table(table) for table in tables], [], [], []]
    views: list[View] = []
    for number, share in enumerate([None, *shares]):
        level = 1 + (number * LEVELS) // (len(shares) + 1)
        database = PRESENTATION if level == LEVELS else TRANSFORMATION
        sources = [source for below in pool[:level] for source in below]
        mart = _Mart(dice, database, dice.pick(pool[level - 1]), sources)
        if share is None:
            query, kinds = mart.long_union(sizes.largest_selects)
        else:
            query, kinds = mart.query(share)
        name = f"v{level}_mart_{number:04d}"
        view = View(database, name, query, kinds, level, multiline=dice.chance(0.4))
        views.append(view)
        pool[level].append(readable_view(view))
    return views


def _shares(sizes: ViewSizes, scale: float) -> list[Share]:
    """Wide and narrow views in turn, totals spread evenly; without the long union."""
    count = max(3, round(sizes.views * scale)) - 1
    wide = max(1, round(sizes.wide_views * scale))
    narrow = count - wide
    wide_columns = _spread(round(sizes.wide_columns * scale), wide)
    narrow_columns = _spread(
        round((sizes.columns - sizes.wide_columns) * scale) - LONG_UNION_COLUMNS, narrow
    )
    branches = sizes.largest_selects // 4
    rest = zip(
        _spread(max(count, round(sizes.cases * scale) - branches * LONG_UNION_CASES), count),
        _spread(max(count, round(sizes.joins * scale) - branches), count),
        _spread(round(sizes.windows * scale), count),
        strict=True,
    )
    columns = [
        next(wide_columns) if (number * wide) % count < wide else next(narrow_columns)
        for number in range(count)
    ]
    return [Share(c, *others) for c, others in zip(columns, rest, strict=True)]


def _spread(total: int, parts: int) -> Iterator[int]:
    return iter([(total * (i + 1)) // parts - (total * i) // parts for i in range(parts)])


class _Mart:
    """Draws one view of many columns."""

    def __init__(
        self, dice: Dice, database: str, first: Readable, sources: Sequence[Readable]
    ) -> None:
        self.dice, self.database, self.first, self.sources = dice, database, first, sources

    def long_union(self, selects: int) -> tuple[Query, Kinds]:
        """A UNION ALL of branches, each a SELECT in a SELECT in a SELECT, and one to join."""
        parts: list[Select] = []
        kinds: Kinds = {}
        for number in range(selects // 4):
            inner, drawn = self.query(Share(LONG_UNION_COLUMNS, LONG_UNION_CASES, 1, 0))
            passed = tuple((name, Column("whole", name)) for name in drawn)
            where = self._condition("whole", drawn)
            middle = Select(passed, Subquery(inner, "whole"), where=where)
            columns = tuple(
                (f"c{place:02d}" if number else name, Column("checked", name))
                for place, name in enumerate(drawn)
            )
            parts.append(Select(columns, Subquery(middle, "checked")))
            kinds = kinds or drawn
        return UnionAll(tuple(parts)), kinds

    def query(self, share: Share) -> tuple[Select, Kinds]:
        """A SELECT over joins, every third with a subquery."""
        first = _alias(self.first, 0)
        relations: list[tuple[TableReference | Subquery, Kinds]] = [
            (self._reference(self.first, first), self.first.kinds)
        ]
        windows = share.windows
        joins: list[Join] = []
        key = _key(self.first.kinds)
        for number in range(1, share.joins + 1):
            source = self.dice.pick(self.sources)
            alias = _alias(source, number)
            if number % 3 == 0 or share.joins == number == 1:
                relation, kinds = self._subquery(source, alias, window=windows > 0)
                windows -= 1 if windows > 0 else 0
            else:
                relation, kinds = self._reference(source, alias), source.kinds
            on = Formula("({0} = {1})", (Column(first, key), Column(alias, _key(kinds))))
            joins.append(Join("LEFT OUTER JOIN" if number % 2 else "JOIN", relation, on))
            relations.append((relation, kinds))
        columns = self._columns(relations, share.columns, share.cases)
        for number in range(windows):
            columns[-1 - number] = self._window(f"rank_{number}", relations[0])
        where = self._condition(first, self.first.kinds)
        query = Select(
            tuple((name, expression) for name, expression, _ in columns),
            relations[0][0],
            tuple(joins),
            where=where,
        )
        return query, {name: kind for name, _, kind in columns}

    def _reference(self, source: Readable, alias: str | None) -> TableReference:
        bare = source.database == self.database and self.dice.chance(0.5)
        return TableReference(
            source.database, source.name, tuple(source.kinds), alias, with_database=not bare
        )

    def _subquery(self, source: Readable, alias: str, *, window: bool) -> tuple[Subquery, Kinds]:
        inner = source.name
        key = _key(source.kinds)
        names = [
            key,
            *(n for n in self.dice.sample(list(source.kinds), SUBQUERY_COLUMNS) if n != key),
        ]
        columns: list[tuple[str, Expression]] = [(name, Column(inner, name)) for name in names]
        kinds = {name: source.kinds[name] for name in names}
        if window:
            columns.append(("row_rank", self._window("", (inner, source.kinds))[1]))
            kinds["row_rank"] = "number"
        reference = self._reference(source, None)
        return Subquery(Select(tuple(columns), reference), alias), kinds

    def _window(
        self, name: str, relation: tuple[TableReference | Subquery | str, Kinds]
    ) -> tuple[str, Expression, str]:
        place, kinds = relation
        alias = place if isinstance(place, str) else place.qualifier
        dates = [column for column, kind in kinds.items() if kind == "date"]
        order = (Column(alias, self.dice.pick(dates)),) if dates else ()
        return name, Window(Formula("row_number()"), (Column(alias, _key(kinds)),), order), "number"

    def _condition(self, alias: str, kinds: Kinds) -> Formula:
        codes = ", ".join(f"'{self.dice.below(10**6):06d}'" for _ in range(self.dice.between(2, 9)))
        return Formula(f"({{0}} in ({codes}))", (Column(alias, _key(kinds)),))

    def _columns(
        self,
        relations: Sequence[tuple[TableReference | Subquery, Kinds]],
        count: int,
        cases: int,
    ) -> list[tuple[str, Expression, str]]:
        """Columns of all relations in turn; CASEs evenly among them."""
        walks = [
            [(relation.qualifier, name, kind, kinds) for name, kind in kinds.items()]
            for relation, kinds in relations
        ]
        found: list[tuple[str, Expression, str]] = []
        taken: set[str] = set()
        for walk in cycle(walks):
            if len(found) == count:
                break
            qualifier, name, kind, kinds = walk[len(found) * 7 % len(walk)]
            column = Column(qualifier, name)
            expression: Expression = column
            number = len(found)
            if number * cases // count != (number + 1) * cases // count:
                expression, kind = self._case(qualifier, kinds)
            elif self.dice.chance(0.15):
                expression, kind = self._changed(column, kind)
            label = name if name not in taken else f"{name}_{number}"
            while label in taken:
                label += "_"
            taken.add(label)
            found.append((label, expression, kind))
        return found

    def _case(self, qualifier: str, kinds: Kinds) -> tuple[Expression, str]:
        """A CASE of one to four branches over columns of one relation."""
        names = list(kinds)
        branches = tuple(
            (
                Formula(f"({{0}} = '{code}')", (Column(qualifier, self.dice.pick(names)),)),
                Column(qualifier, self.dice.pick(names)),
            )
            for code in range(self.dice.between(1, 4))
        )
        return Case(branches, Formula("NULL")), "other"

    def _changed(self, column: Column, kind: str) -> tuple[Expression, str]:
        templates = {
            "string": ("upper(trim({0}))", "nvl({0}, 'n/a')", "concat({0}, '-', {0})"),
            "number": ("nvl({0}, 0)", "cast({0} as decimal(18,2))", "({0} * 100)"),
            "date": ("to_date({0})", "date_add({0}, 1)"),
        }.get(kind)
        if templates is None:
            return column, kind
        return Formula(self.dice.pick(templates), (column,), Step.TRANSFORMATION), kind


def _key(kinds: Kinds) -> str:
    """The first string column, or the first of any kind."""
    return next((name for name, kind in kinds.items() if kind == "string"), next(iter(kinds)))


def _alias(source: Readable, number: int) -> str:
    return f"{source.name}_{number}"
