"""Tables of the newest catalog and graph, page by page.

Belongs here: which tables there are, rows that match, and edges that are followed. Does not belong
here: HTTP (``catalog_routes.py``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from serving.gateway.artifacts import ArtifactError, Store, Version

if TYPE_CHECKING:
    import pyarrow as pa

CATALOG = "sgmi/catalog"
GRAPH = "graph/knowledge_graph"
_GRAPH_TABLES = {"graph_nodes": "nodes", "graph_edges": "edges"}
_KEPT = 24
Direction = Literal["up", "down"]


class UnknownError(ValueError):
    """There is no such table, column or object."""


class Edge(NamedTuple):
    """What flows where.

    Attributes:
        source: ``database.table`` or ``database.table.column``.
        target: The same; ``*`` as its column for what chooses the rows of a whole view.
        type: ``DIRECT``, ``INDIRECT``, or empty between tables.
        subtype: In OpenLineage's terms.
        resolved: Whether the source is in the catalog.
        distance: Steps from the object that was asked for, from 1.
    """

    source: str
    target: str
    type: str
    subtype: str
    resolved: bool
    distance: int


@dataclass(frozen=True)
class Page:
    """A part of a longer list.

    Attributes:
        version: Version of the artifact that it is of.
        total: Length of the list.
        rows: The part.
    """

    version: Version
    total: int
    rows: list[dict[str, Any]]


class Catalog:
    """Reads the tables of one version at a time, and keeps those that were read last."""

    def __init__(self, store: Store) -> None:
        """Read from ``store``."""
        self._store = store
        self._kept: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def tables(self) -> dict[str, list[str]]:
        """Names of all tables to the names of their columns."""
        catalog = self._store.current(CATALOG)
        names = sorted(f.removesuffix(".parquet") for f in catalog.files if f.endswith(".parquet"))
        found = {name: self._table(catalog, name).column_names for name in names}
        try:
            graph = self._store.current(GRAPH)
        except ArtifactError:
            # The graph is made after the catalog, and not everywhere.
            return found
        for name, file in _GRAPH_TABLES.items():
            found[name] = self._table(graph, file).column_names
        return found

    def version(self, artifact: str, name: str | None = None) -> Version:
        """A version of an artifact, the newest where none is named."""
        return self._store.version(artifact, name) if name else self._store.current(artifact)

    def page(
        self,
        table: str,
        where: list[tuple[str, str]],
        *,
        offset: int,
        limit: int,
        version: str | None,
    ) -> Page:
        """Rows of a table, those whose columns have the given values.

        Raises:
            ArtifactError: The table's artifact cannot be read.
            UnknownError: There is no such table or column, or a value is none of its type.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        artifact = GRAPH if table in _GRAPH_TABLES else CATALOG
        found = self.version(artifact, version)
        file = _GRAPH_TABLES.get(table, table)
        if f"{file}.parquet" not in found.files:
            raise UnknownError(f"there is no table {table}")
        rows = self._table(found, file)
        for column, text in where:
            if column not in rows.column_names:
                raise UnknownError(f"{table} has no column {column}")
            type_ = rows.schema.field(column).type
            if pa.types.is_nested(type_):
                raise UnknownError(f"{column} has parts and cannot be compared")
            try:
                value = pa.scalar(text).cast(type_)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                raise UnknownError(f"{column} has no value {text!r}: it is of {type_}") from None
            rows = rows.filter(pc.equal(rows[column], value))
        part = rows.slice(offset, limit).to_pylist(maps_as_pydicts="lossy")
        return Page(found, rows.num_rows, part)

    def lineage(
        self,
        name: str,
        direction: Direction,
        *,
        depth: int,
        rows: bool,
        offset: int,
        limit: int,
        version: str | None,
    ) -> Page:
        """What an object is made of, or what is made of it, nearest first.

        Args:
            name: ``database.table`` or ``database.table.column``.
            direction: ``up`` to its sources, ``down`` to what is made of it.
            depth: Most steps.
            rows: Whether columns count that only choose the rows of a view.
            offset: First edge.
            limit: Most edges.
            version: Of the catalog.

        Raises:
            ArtifactError: The catalog cannot be read.
            UnknownError: The catalog has no such object.
        """
        found = self.version(CATALOG, version)
        columns = name.count(".") == 2
        self._require(found, name)
        index = self._index(found, columns)[direction]
        edges = list(_followed(index, name, direction, depth, rows=rows))
        part = [edge._asdict() for edge in edges[offset : offset + limit]]
        return Page(found, len(edges), part)

    def _require(self, version: Version, name: str) -> None:
        import pyarrow.compute as pc

        parts = name.split(".")
        if len(parts) not in {2, 3}:
            raise UnknownError("give database.table or database.table.column")
        kind = "columns" if len(parts) == 3 else "tables"
        rows = self._table(version, kind)
        for column, part in zip(("database", "table", "column"), parts, strict=False):
            rows = rows.filter(pc.equal(rows[column], part))
        if not rows.num_rows:
            raise UnknownError(f"the catalog has no {name}")

    def _index(self, version: Version, columns: bool) -> dict[str, dict[str, list[Edge]]]:
        """Edges by where they start, in both directions."""
        kind = "column_lineage" if columns else "table_lineage"

        def make() -> dict[str, dict[str, list[Edge]]]:
            index: dict[str, dict[str, list[Edge]]] = {"up": {}, "down": {}}
            for edge in _edges(self._table(version, kind), columns=columns):
                index["up"].setdefault(edge.target, []).append(edge)
                index["down"].setdefault(edge.source, []).append(edge)
            return index

        return self._keep((version.name, f"{kind} by name"), make)

    def _table(self, version: Version, name: str) -> pa.Table:
        import pyarrow.parquet as pq

        path = self._store.file(version, f"{name}.parquet")
        return self._keep((version.name, name), lambda: pq.read_table(path))

    def _keep(self, key: tuple[str, str], make: Any) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


def _edges(table: pa.Table, *, columns: bool) -> Iterator[Edge]:
    for row in table.to_pylist():
        source = f"{row['source_database']}.{row['source_table']}"
        target = f"{row['target_database']}.{row['target_table']}"
        if not columns:
            yield Edge(source, target, "", "", True, 1)
            continue
        yield Edge(
            f"{source}.{row['source_column']}",
            f"{target}.{row['target_column']}",
            row["transformation_type"],
            row["transformation_subtype"],
            row["resolved"],
            1,
        )


def _followed(
    index: dict[str, list[Edge]], name: str, direction: Direction, depth: int, *, rows: bool
) -> Iterator[Edge]:
    """Edges from an object on, each once, by distance and then by name."""
    reached, level = {name}, [name]
    for distance in range(1, depth + 1):
        found: set[Edge] = set()
        for place in level:
            found.update(index.get(place, ()))
            if rows and direction == "up" and place.count(".") == 2:
                found.update(index.get(f"{place.rpartition('.')[0]}.*", ()))
        if direction == "down" and not rows:
            found = {edge for edge in found if not edge.target.endswith(".*")}
        edges = sorted(edge._replace(distance=distance) for edge in found)
        yield from edges
        ends = {e.source if direction == "up" else e.target for e in edges} - reached
        reached |= ends
        level = sorted(end for end in ends if not end.endswith(".*"))
        if not level:
            return
