"""Which column a name in a query means: relations in FROM, and the queries around."""

from __future__ import annotations

from collections.abc import Mapping

from amodels_assets.sgmi.influence import IDENTITY, OutputColumn, Relation


class Scope:
    """Relations that an expression can name, and the scope around it."""

    def __init__(self, outer: Scope | None, queries: dict[str, Relation]) -> None:
        self.outer = outer
        self.queries = queries
        self.sources: dict[str, Relation] = {}
        self.aliases: Mapping[str, OutputColumn] = {}
        # Columns that USING or NATURAL made one of two, those of the last join first.
        self.merged: dict[str, OutputColumn] = {}

    def add(self, name: str, relation: Relation) -> None:
        """Two relations of one name are both kept: SQL lets them stand, unless named."""
        while name in self.sources:
            name += " "
        self.sources[name] = relation

    def lookup(self, parts: list[str]) -> tuple[OutputColumn, bool] | None:
        """A column by its dotted parts; the flag tells a whole column from a field of one."""
        if len(parts) > 1:
            owner = self.owner(parts)
            if owner is not None:
                relation, used = owner
                column = column_of(relation, parts[used])
                return None if column is None else (column, len(parts) == used + 1)
        column = self.bare(parts[0])
        if column is None and len(parts) == 1:
            column = self.aliases.get(parts[0]) or self.unknown(parts[0])
        return None if column is None else (column, len(parts) == 1)

    def owner(self, parts: list[str]) -> tuple[Relation, int] | None:
        """The relation that a dotted name begins with, and how many parts name it."""
        relation = self.sources.get(parts[0])
        if relation is not None:
            return relation, 1
        if len(parts) > 2:
            for relation in self.sources.values():
                if relation.table == (parts[0], parts[1]):
                    return relation, 2
        return None

    def bare(self, name: str) -> OutputColumn | None:
        """A column by its name alone."""
        if name in self.merged:
            return self.merged[name]
        for relation in self.sources.values():
            if name in relation.columns:
                return relation.columns[name]
        return None

    def unknown(self, name: str) -> OutputColumn | None:
        """A column of the only relation whose columns are not known."""
        opened = [relation for relation in self.sources.values() if relation.open]
        return column_of(opened[0], name) if len(opened) == 1 else None

    def presumed_owner(self, parts: list[str]) -> tuple[tuple[str, str], str] | None:
        """The table that a missing column must have belonged to."""
        if len(parts) > 1:
            around: Scope | None = self
            while around is not None:
                found = around.owner(parts)
                if found is not None:
                    relation, used = found
                    return (relation.table, parts[used]) if relation.table else None
                around = around.outer
            return None
        tables = [r.table for r in self.sources.values()]
        return (tables[0], parts[0]) if len(tables) == 1 and tables[0] else None


def column_of(relation: Relation, name: str) -> OutputColumn | None:
    """A column by name; of a relation whose columns are not known, any name is one."""
    if name in relation.columns:
        return relation.columns[name]
    if not relation.open:
        return None
    return OutputColumn({(*relation.table, name): IDENTITY} if relation.table else {})
