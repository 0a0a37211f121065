"""Draws the parts of a view: which source, which columns, which expressions over them.

Belongs here: what every shape of view draws from. Does not belong here: the shapes themselves
(``view_shapes.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from amodels_assets.sample.dice import Dice
from amodels_assets.sample.sql import (
    Case,
    Column,
    Expression,
    Formula,
    TableReference,
)
from amodels_assets.sample.warehouse import Table

Kinds = dict[str, str]


@dataclass(frozen=True)
class Readable:
    """A table or view that a query can read.

    ``kinds`` holds the rough type of each column: string, number, date, array, map or other.
    """

    database: str
    name: str
    kinds: Kinds
    level: int = 0


def readable_table(table: Table) -> Readable:
    """What a query needs to know of a table."""
    return Readable(table.database, table.name, {c.name: _kind(c.type) for c in table.all_columns})


class Draw:
    """What one view is drawn from."""

    def __init__(
        self, dice: Dice, database: str, first: Readable, others: Sequence[Readable]
    ) -> None:
        """Read ``first``, and some of ``others``, from a view of ``database``."""
        self.dice, self.database, self.first, self.others = dice, database, first, others

    def other(self, wanted: str = "string") -> Readable:
        """Another source that has a column of the wanted kind."""
        return self.dice.pick([o for o in self.others if wanted in o.kinds.values()])

    def reference(self, source: Readable, alias: str | None) -> TableReference:
        """Refer to a source, by bare name now and then where that is possible."""
        bare = source.database == self.database and self.dice.chance(0.5)
        return TableReference(
            source.database, source.name, tuple(source.kinds), alias, with_database=not bare
        )

    def column(self, source: Readable, qualifier: str, kind: str) -> Column | None:
        """A column of this kind, if there is one."""
        names = [name for name, found in source.kinds.items() if found == kind]
        return Column(qualifier, self.dice.pick(names)) if names else None

    def key(self, source: Readable, qualifier: str) -> Column:
        """The first string column, or the first of any kind."""
        names = [name for name, kind in source.kinds.items() if kind == "string"]
        return Column(qualifier, (names or list(source.kinds))[0])

    def literals(self, low: int, high: int) -> str:
        """A list of string literals, some hundred long now and then."""
        count = self.dice.between(low, high)
        return ", ".join(f"'{self.dice.below(10**6):06d}'" for _ in range(count))

    def outputs(
        self, source: Readable, qualifier: str, count: int, taken: Iterable[str] = ()
    ) -> list[tuple[str, Expression, str]]:
        """Name, expression and kind of some output columns over a source."""
        used = set(taken)
        chosen = self.dice.sample(list(source.kinds), count)
        found: list[tuple[str, Expression, str]] = []
        for column in chosen:
            expression, kind = self._expression(source, qualifier, column)
            name = column
            if name in used or (not isinstance(expression, Column) and self.dice.chance(0.6)):
                name = f"{column}_{len(used)}"
            used.add(name)
            found.append((name, expression, kind))
        return found

    def _expression(self, source: Readable, qualifier: str, name: str) -> tuple[Expression, str]:
        column, kind = Column(qualifier, name), source.kinds[name]
        if kind not in {"string", "number", "date"} or self.dice.chance(0.35):
            return column, kind
        shapes: dict[str, list[Callable[[], tuple[Expression, str]]]] = {
            "string": [
                lambda: (Formula("upper(trim({0}))", (column,)), "string"),
                lambda: (Formula("nvl({0}, 'n/a')", (column,)), "string"),
                lambda: (Formula("substr({0}, 1, 4)", (column,)), "string"),
                lambda: (Formula("concat_ws('-', {0}, {1})", (column, string())), "string"),
                lambda: (self._mapping(column), "string"),
                lambda: (
                    Case(
                        ((Formula("({0} is null)", (string(),)), Formula("'unknown'")),),
                        column,
                        as_if=True,
                    ),
                    "string",
                ),
            ],
            "number": [
                lambda: (Formula("nvl({0}, 0)", (column,)), "number"),
                lambda: (Formula("cast({0} as decimal(18,2))", (column,)), "number"),
                lambda: (Formula("({0} * (1 - nvl({1}, 0)))", (column, number())), "number"),
                lambda: (
                    Case(
                        (
                            (Formula("({0} = 'A')", (string(),)), column),
                            (Formula("({0} in ('B', 'C'))", (string(),)), number()),
                        ),
                        Formula("0"),
                    ),
                    "number",
                ),
            ],
            "date": [
                lambda: (Formula("months_between(current_date(), {0})", (column,)), "number"),
                lambda: (Formula("date_format({0}, 'yyyy-MM')", (column,)), "string"),
                lambda: (Formula("to_date({0})", (column,)), "date"),
            ],
        }

        def string() -> Expression:
            return self.column(source, qualifier, "string") or column

        def number() -> Expression:
            return self.column(source, qualifier, "number") or column

        return self.dice.pick(shapes[kind])()

    def _mapping(self, column: Column) -> Case:
        branches = tuple(
            (Formula(f"({{0}} = '{code}')", (column,)), Formula(f"'{label}'"))
            for code, label in (("1", "open"), ("2", "closed"), ("3", "in review; see note"))
        )
        return Case(branches, column)


def _kind(hive_type: str) -> str:
    stem = hive_type.split("(", maxsplit=1)[0].split("<", maxsplit=1)[0]
    if stem in {"string", "char", "varchar"}:
        return "string"
    if stem in {"decimal", "bigint", "int", "double", "float"}:
        return "number"
    if stem in {"date", "timestamp"}:
        return "date"
    return stem if stem in {"array", "map"} else "other"
