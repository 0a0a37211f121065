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

    def add(self, name: str, relation: Relation) -> None:
        """Two relations of one name are both kept: SQL lets them stand, unless named."""
        while name in self.sources:
            name += " "
        self.sources[name] = relation

    def lookup(self, parts: list[str]) -> tuple[OutputColumn, bool] | None:
        """A column by its dotted parts; the flag tells a whole column from a field of one."""
        if len(parts) > 1:
            relation = self.sources.get(parts[0])
            if relation is not None:
                column = column_of(relation, parts[1])
                return None if column is None else (column, len(parts) == 2)
            if len(parts) > 2:
                for relation in self.sources.values():
                    if relation.table == (parts[0], parts[1]):
                        column = column_of(relation, parts[2])
                        return None if column is None else (column, len(parts) == 3)
        name = parts[0]
        for relation in self.sources.values():
            if name in relation.columns and (relation.visible or len(parts) == 1):
                return relation.columns[name], len(parts) == 1
        if len(parts) == 1:
            if name in self.aliases:
                return self.aliases[name], True
            opened = [r for r in self.sources.values() if r.open]
            if len(opened) == 1:
                column = column_of(opened[0], name)
                return None if column is None else (column, True)
        return None

    def presumed_owner(self, parts: list[str]) -> tuple[tuple[str, str], str] | None:
        """The table that a missing column must have belonged to."""
        if len(parts) > 1:
            around: Scope | None = self
            while around is not None:
                relation = around.sources.get(parts[0])
                if relation is not None:
                    return (relation.table, parts[1]) if relation.table else None
                for relation in around.sources.values():
                    if len(parts) > 2 and relation.table == (parts[0], parts[1]):
                        return relation.table, parts[2]
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
