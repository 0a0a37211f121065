"""Nodes and edges out of the catalog's tables.

Belongs here: which node and which edge a catalog row becomes. Does not belong here: any store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from amodels_assets.graph.model import EDGE_SCHEMA, NODE_SCHEMA, Graph

CATALOG_TABLES = (
    "databases",
    "tables",
    "columns",
    "column_lineage",
    "table_lineage",
    "jobs",
    "job_edges",
    "job_conditions",
    "job_schedules",
    "job_tables",
)
_WHOLE_VIEW = "*"
_ROLES = {"waits_for": "WAITS_FOR", "adds": "ADDS", "deletes": "DELETES"}
_ACCESS = {"reads": "READS", "writes": "WRITES", "mentions": "MENTIONS"}


class _Collector:
    def __init__(self) -> None:
        self.nodes: dict[str, tuple[str, str, str, str, bool]] = {}
        self.edges: set[tuple[str, str, str, str]] = set()

    def node(self, label: str, key: str, name: str, detail: str = "", *, known: bool = True) -> str:
        kind = "relation" if label in ("Table", "View") else label.lower()
        identifier = f"{kind}:{key}"
        present = self.nodes.get(identifier)
        if present is None or (known and not present[4]):
            self.nodes[identifier] = (identifier, label, name, detail, known)
        return identifier

    def edge(self, source: str, target: str, kind: str, detail: str = "") -> None:
        self.edges.add((source, target, kind, detail))

    def relation(self, database: str, table: str) -> str:
        """A table or view that is referred to; unknown unless the catalog has it."""
        return self.node("Table", f"{database}.{table}", table, known=False)

    def column(self, database: str, table: str, column: str) -> str:
        """A column that is referred to; unknown ones hang on their table all the same."""
        identifier = self.node("Column", f"{database}.{table}.{column}", column, known=False)
        self.edge(self.relation(database, table), identifier, "HAS_COLUMN")
        return identifier

    def graph(self) -> Graph:
        return Graph(
            nodes=_table(sorted(self.nodes.values()), NODE_SCHEMA),
            edges=_table(sorted(self.edges), EDGE_SCHEMA),
        )


def build_graph(catalog: Mapping[str, pa.Table]) -> Graph:
    """Make the graph.

    Args:
        catalog: The tables named in ``CATALOG_TABLES``.
    """
    collector = _Collector()
    _structure(collector, catalog)
    _lineage(collector, catalog)
    _jobs(collector, catalog)
    return collector.graph()


def _structure(collector: _Collector, catalog: Mapping[str, pa.Table]) -> None:
    for row in catalog["databases"].to_pylist():
        collector.node("Database", row["database"], row["database"], row["location"] or "")
    for row in catalog["tables"].to_pylist():
        label = "View" if row["kind"] == "view" else "Table"
        key = f"{row['database']}.{row['table']}"
        relation = collector.node(label, key, row["table"], row["comment"] or "")
        database = collector.node("Database", row["database"], row["database"])
        collector.edge(database, relation, "HAS_TABLE")
    for row in catalog["columns"].to_pylist():
        key = f"{row['database']}.{row['table']}.{row['column']}"
        column = collector.node("Column", key, row["column"], row["type"])
        relation = collector.relation(row["database"], row["table"])
        collector.edge(relation, column, "HAS_COLUMN")


def _lineage(collector: _Collector, catalog: Mapping[str, pa.Table]) -> None:
    for row in catalog["column_lineage"].to_pylist():
        source = collector.column(row["source_database"], row["source_table"], row["source_column"])
        # What chooses a view's rows matters to all its columns: it flows to the view itself.
        target = (
            collector.relation(row["target_database"], row["target_table"])
            if row["target_column"] == _WHOLE_VIEW
            else collector.column(row["target_database"], row["target_table"], row["target_column"])
        )
        collector.edge(source, target, "FLOWS_TO", row["transformation_subtype"])
    for row in catalog["table_lineage"].to_pylist():
        source = collector.relation(row["source_database"], row["source_table"])
        target = collector.relation(row["target_database"], row["target_table"])
        collector.edge(source, target, "FEEDS")


def _jobs(collector: _Collector, catalog: Mapping[str, pa.Table]) -> None:
    for row in catalog["jobs"].to_pylist():
        job = collector.node("Job", row["job"], row["job"], row["command"] or "")
        if row["script"]:
            collector.edge(job, collector.node("Script", row["script"], row["script"]), "RUNS")
    for row in catalog["job_edges"].to_pylist():
        collector.edge(
            _job(collector, row["from_job"]),
            _job(collector, row["to_job"]),
            "TRIGGERS",
            row["condition"] or "",
        )
    for row in catalog["job_conditions"].to_pylist():
        condition = collector.node("Condition", row["condition"], row["condition"])
        job = _job(collector, row["job"])
        collector.edge(job, condition, _ROLES[row["role"]], row["date_rule"] or "")
    for row in catalog["job_schedules"].to_pylist():
        if row["cron"]:
            key = f"{row['cron']} {row['timezone'] or ''}".strip()
            schedule = collector.node("Schedule", key, row["cron"], row["timezone"] or "")
            collector.edge(_job(collector, row["job"]), schedule, "SCHEDULED_BY")
    for row in catalog["job_tables"].to_pylist():
        relation = collector.relation(row["database"], row["table"])
        evidence = f"{row['evidence_file']}:{row['evidence_line']}"
        collector.edge(_job(collector, row["job"]), relation, _ACCESS[row["access"]], evidence)


def _job(collector: _Collector, name: str) -> str:
    return collector.node("Job", name, name, known=False)


def _table(rows: Iterable[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def count_problems(graph: Graph, catalog: Mapping[str, pa.Table]) -> list[str]:
    """Where the graph's known nodes are not as many as the catalog's rows, a sentence each."""
    known: dict[str, int] = {}
    for row in graph.nodes.select(["label", "known"]).to_pylist():
        known[row["label"]] = known.get(row["label"], 0) + bool(row["known"])
    kinds = catalog["tables"]["kind"].to_pylist()
    expected = {
        "Table": kinds.count("table"),
        "View": kinds.count("view"),
        "Column": catalog["columns"].num_rows,
        "Job": len(set(catalog["jobs"]["job"].to_pylist())),
    }
    return [
        f"the catalog has {count} of {label}, the graph {known.get(label, 0)}"
        for label, count in expected.items()
        if count != known.get(label, 0)
    ]


def end_problems(graph: Graph) -> list[str]:
    """Edges without an end and node ids that occur twice, a sentence each."""
    identifiers = graph.nodes["id"].to_pylist()
    present = set(identifiers)
    problems = []
    if len(present) != len(identifiers):
        problems.append(f"{len(identifiers) - len(present)} node ids occur more than once")
    problems += [
        f"edge {row['type']} from {row['source']} to {row['target']} has no {end} node"
        for row in graph.edges.to_pylist()
        for end in ("source", "target")
        if row[end] not in present
    ]
    return problems
