"""Where a column comes from, or where it goes: a walk over a catalog's lineage.

Belongs here: the walk, and the jobs that load what it meets. Does not belong here: making lineage
(``lineage.py``), printing it (``trace_text.py``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

TABLES = ("tables", "columns", "column_lineage", "job_tables", "job_schedules")
WHOLE_VIEW = "*"
Row = dict[str, object]


class TraceError(ValueError):
    """The catalog has no such column; the message names close ones."""


class Direction(StrEnum):
    """Towards the sources, or towards what is made of a column."""

    UP = "up"
    DOWN = "down"


class ColumnName(NamedTuple):
    """A column; ``column`` is ``*`` for the rows of a whole view."""

    database: str
    table: str
    column: str

    def __str__(self) -> str:
        return ".".join(self)


@dataclass(frozen=True, order=True)
class Edge:
    """One way in which a source matters to a target."""

    source: ColumnName
    target: ColumnName
    type: str
    subtype: str
    resolved: bool


@dataclass(frozen=True, order=True)
class Load:
    """Evidence that a job writes a table, and what starts the job."""

    table: tuple[str, str]
    job: str
    file: str
    line: int
    trigger: str
    cron: str


@dataclass
class Trace:
    """What a walk met.

    Attributes:
        start: Columns that it began with.
        direction: Of the walk.
        edges: Between columns; sorted, DIRECT first.
        rows: Edges to the rows of the views that were met.
        types: Type of each column that was met, empty where the catalog does not know it.
        views: Database and name of what was met and is a view.
        loads: Jobs that write the tables that were met.
    """

    start: list[ColumnName]
    direction: Direction
    edges: list[Edge] = field(default_factory=list)
    rows: list[Edge] = field(default_factory=list)
    types: dict[ColumnName, str] = field(default_factory=dict)
    views: set[tuple[str, str]] = field(default_factory=set)
    loads: list[Load] = field(default_factory=list)


def trace(
    catalog: Mapping[str, pa.Table],
    name: str,
    direction: Direction = Direction.UP,
    *,
    depth: int | None = None,
    direct_only: bool = False,
) -> Trace:
    """Follow a column.

    Args:
        catalog: The tables named in ``TABLES``.
        name: ``database.table.column``, or ``database.table`` for all its columns.
        direction: Where to.
        depth: Most steps; None for all.
        direct_only: Leave INDIRECT edges out.

    Raises:
        TraceError: The name is none, or the catalog does not have it.
    """
    found = Trace(_start(catalog["columns"], name), direction)
    here, there = ("target", "source") if direction is Direction.UP else ("source", "target")
    lineage = catalog["column_lineage"]
    if direct_only:
        lineage = lineage.filter(pc.equal(lineage.column("transformation_type"), "DIRECT"))
    met = set(found.start)
    frontier = met
    steps = 0
    while frontier and (depth is None or steps < depth):
        steps += 1
        following: set[ColumnName] = set()
        for edge in _edges_of(lineage, here, {column.table for column in frontier}):
            if getattr(edge, here) in frontier and edge.target.column != WHOLE_VIEW:
                found.edges.append(edge)
                following.add(getattr(edge, there))
        frontier = following - met
        met |= following
    found.edges.sort(key=lambda e: (e.type, e.source, e.target, e.subtype))
    tables = {column[:2] for column in met}
    if not direct_only:
        found.rows = _row_edges(lineage, met, direction)
    found.types = _types(catalog["columns"], met)
    found.views = _views(catalog["tables"], tables)
    found.loads = loads_of(catalog, tables)
    return found


def _start(columns: pa.Table, name: str) -> list[ColumnName]:
    parts = name.lower().split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise TraceError(f"{name!r} is no name: say DATABASE.TABLE.COLUMN or DATABASE.TABLE")
    chosen = columns.filter(
        pc.and_(
            pc.equal(columns.column("database"), parts[0]),
            pc.equal(columns.column("table"), parts[1]),
        )
    )
    names = chosen.column("column").to_pylist()
    if not names:
        pairs = columns.select(["database", "table"]).group_by(["database", "table"]).aggregate([])
        known = [".".join(pair.values()) for pair in pairs.to_pylist()]
        raise TraceError(_unknown("table or view", ".".join(parts[:2]), known))
    if len(parts) == 3:
        if parts[2] not in names:
            raise TraceError(_unknown(f"column in {'.'.join(parts[:2])}", parts[2], names))
        names = [parts[2]]
    return [ColumnName(parts[0], parts[1], column) for column in names]


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    advice = (
        f"did you mean {' or '.join(close)}?" if close else "amodels catalog lists what there is"
    )
    return f"the catalog has no {kind} {name!r}: {advice}"


def _edges_of(lineage: pa.Table, end: str, tables: Iterable[str]) -> Iterable[Edge]:
    chosen = lineage.filter(pc.is_in(lineage.column(f"{end}_table"), pa.array(sorted(set(tables)))))
    for row in chosen.to_pylist():
        yield Edge(
            ColumnName(*(row[f"source_{part}"] for part in ("database", "table", "column"))),
            ColumnName(*(row[f"target_{part}"] for part in ("database", "table", "column"))),
            row["transformation_type"],
            row["transformation_subtype"],
            row["resolved"],
        )


def _row_edges(lineage: pa.Table, met: set[ColumnName], direction: Direction) -> list[Edge]:
    """Up: what chooses the rows of the views met; down: the views whose rows a column chooses."""
    rows = lineage.filter(pc.equal(lineage.column("target_column"), WHOLE_VIEW))
    if direction is Direction.UP:
        tables = {column[:2] for column in met}
        edges = _edges_of(rows, "target", {table for _, table in tables})
        return sorted(edge for edge in edges if edge.target[:2] in tables)
    edges = _edges_of(rows, "source", {column.table for column in met})
    return sorted(edge for edge in edges if edge.source in met)


def _types(columns: pa.Table, met: set[ColumnName]) -> dict[ColumnName, str]:
    names = pa.array(sorted({column.table for column in met}), pa.string())
    chosen = columns.filter(pc.is_in(columns.column("table"), names))
    types = {
        ColumnName(row["database"], row["table"], row["column"]): row["type"] or ""
        for row in chosen.to_pylist()
    }
    return {column: types.get(column, "") for column in met}


def _views(tables: pa.Table, met: set[tuple[str, str]]) -> set[tuple[str, str]]:
    views = tables.filter(pc.equal(tables.column("kind"), "view"))
    names = zip(
        views.column("database").to_pylist(), views.column("table").to_pylist(), strict=True
    )
    return met & set(names)


def loads_of(catalog: Mapping[str, pa.Table], met: set[tuple[str, str]]) -> list[Load]:
    """What loads tables, sorted.

    Args:
        catalog: ``job_tables`` and ``job_schedules``.
        met: Database and name of the tables.
    """
    schedules = {row["job"]: row for row in catalog["job_schedules"].to_pylist()}
    loads = set()
    for row in catalog["job_tables"].to_pylist():
        table = (row["database"], row["table"])
        if row["access"] == "writes" and table in met:
            schedule = schedules.get(row["job"], {})
            trigger, cron = schedule.get("trigger") or "", schedule.get("cron") or ""
            place = (row["evidence_file"], row["evidence_line"])
            loads.add(Load(table, row["job"], *place, trigger, cron))
    return sorted(loads)
