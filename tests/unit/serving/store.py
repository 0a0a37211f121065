"""A small artifact store, published by the platform's own code."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from amodels_assets.artifacts import Artifact, ArtifactStore, write_table
from amodels_assets.search.documents import Document
from amodels_assets.search.sqlite_index import write_index

TABLES = {
    "tables": [{"database": "d", "table": f"t{n}", "kind": "table", "properties": {"a": str(n)}}
               for n in range(5)],
    "columns": [{"database": "d", "table": f"t{t}", "position": p, "column": f"c{p}",
                 "is_partition": p == 0} for t in range(5) for p in range(50)],
    "column_lineage": [
        {"target": ("t1", "c1"), "source": ("t0", "c1"), "subtype": "IDENTITY"},
        {"target": ("t2", "c1"), "source": ("t1", "c1"), "subtype": "AGGREGATION"},
        {"target": ("t2", "*"), "source": ("t3", "c3"), "subtype": "FILTER"},
        # Round in a circle.
        {"target": ("t0", "c1"), "source": ("t2", "c1"), "subtype": "IDENTITY"},
    ],
    "table_lineage": [
        {"target_database": "d", "target_table": f"t{n + 1}", "source_database": "d",
         "source_table": f"t{n}"} for n in range(3)
    ],
}  # fmt: skip


def publish(root: Path, code_version: str = "1") -> Artifact:
    """Publish a catalog and an index."""
    store = ArtifactStore(root)
    published = store.publish("sgmi/catalog", inputs={}, code_version=code_version, produce=_write)
    store.publish("search/index", inputs={}, code_version="1", produce=_index)
    return published


def _write(folder: Path) -> None:
    for name, rows in TABLES.items():
        found = rows if name != "column_lineage" else [_edge(row) for row in rows]
        table = pa.Table.from_pylist(found)
        if name == "tables":
            maps = pa.array([list(r["properties"].items()) for r in rows],
                            pa.map_(pa.string(), pa.string()))  # fmt: skip
            table = table.set_column(3, "properties", maps)
        write_table(folder, name, table)


def _edge(row: dict) -> dict:
    (target, target_column), (source, source_column) = row["target"], row["source"]
    return {
        "target_database": "d",
        "target_table": target,
        "target_column": target_column,
        "source_database": "d",
        "source_table": source,
        "source_column": source_column,
        "transformation_type": "INDIRECT" if target_column == "*" else "DIRECT",
        "transformation_subtype": row["subtype"],
        "resolved": True,
    }


def _index(folder: Path) -> None:
    names = [("table", f"d.t{n}", f"t{n} facility", "", "") for n in range(30)]
    names += [("column", "d.t0.amount", "amount", "what is owed", "")]
    write_index(folder / "search.sqlite", [Document(*name) for name in names])
