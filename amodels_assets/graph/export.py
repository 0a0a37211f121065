"""The graph for other tools: GraphML, Glean facts, Parquet.

Belongs here: file formats. Does not belong here: what is in the graph.
Glean takes facts as ``[{predicate, facts: [{key}]}]`` and a schema in its Angle language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pyarrow.parquet as pq

from amodels_assets.graph.labels import EDGE_TYPES, NODE_LABELS
from amodels_assets.graph.model import Graph

_NODE = ("label", "name", "detail", "known")
_EDGE = ("type", "kind")
GLEAN_VERSION = 1
_ILLEGAL = re.compile("[^\\t\\n\\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PREDICATES = ("Node", "Relationship")


def as_graphml(graph: Graph) -> Iterator[str]:
    """Lines of a GraphML document; ids, names and details are attributes and texts."""
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    for domain, names in (("node", _NODE), ("edge", _EDGE)):
        for name in names:
            kind = "boolean" if name == "known" else "string"
            yield (
                f'<key id="{domain}_{name}" for="{domain}" attr.name="{name}" attr.type="{kind}"/>'
            )
    yield '<graph id="amodels" edgedefault="directed">'
    for row in graph.nodes.to_pylist():
        data = "".join(_data("node", name, row[name]) for name in _NODE)
        yield f"<node id={_attribute(row['id'])}>{data}</node>"
    for number, row in enumerate(graph.edges.to_pylist()):
        ends = f"source={_attribute(row['source'])} target={_attribute(row['target'])}"
        data = "".join(_data("edge", name, row[name]) for name in _EDGE)
        # With an id parallel relationships are kept apart.
        yield f'<edge id="e{number}" {ends}>{data}</edge>'
    yield "</graph>"
    yield "</graphml>"


def as_glean(graph: Graph) -> list[dict[str, object]]:
    """Facts of the predicates that :func:`glean_schema` describes."""
    nodes = [{"key": row} for row in graph.nodes.to_pylist()]
    edges = [{"key": row} for row in graph.edges.to_pylist()]
    return [
        {"predicate": f"amodels.{name}.{GLEAN_VERSION}", "facts": facts}
        for name, facts in zip(_PREDICATES, (nodes, edges), strict=True)
    ]


def glean_schema() -> str:
    """The facts' schema in Angle."""
    return f"""# Labels: {", ".join(NODE_LABELS)}.
# Types: {", ".join(EDGE_TYPES)}.
schema amodels.{GLEAN_VERSION} {{

predicate Node: {{
  id: string,
  label: string,
  name: string,
  detail: string,
  known: bool,
}}

predicate Relationship: {{
  source: string,
  target: string,
  type: string,
  kind: string,
}}

}}
"""


def export_graph(graph: Graph, form: str, out: Path) -> list[Path]:
    """Write a graph into a folder.

    Args:
        graph: What is written.
        form: ``graphml``, ``glean`` or ``parquet``.
        out: The folder; made where it is missing.

    Returns:
        The files that were written.

    Raises:
        OSError: The folder or a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        pq.write_table(graph.nodes, out / "nodes.parquet")
        pq.write_table(graph.edges, out / "edges.parquet")
        return [out / "nodes.parquet", out / "edges.parquet"]
    if form == "glean":
        facts, schema = out / "facts.json", out / "amodels.angle"
        facts.write_text(json.dumps(as_glean(graph), ensure_ascii=False) + "\n", "utf-8")
        schema.write_text(glean_schema(), "utf-8")
        return [facts, schema]
    path = out / "graph.graphml"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in as_graphml(graph))
    return [path]


def _data(domain: str, name: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else _legal(str(value))
    return f'<data key="{domain}_{name}">{escape(text)}</data>'


def _attribute(value: str) -> str:
    return quoteattr(_legal(value))


def _legal(text: str) -> str:
    """XML has no control characters but three; others become the replacement character."""
    return _ILLEGAL.sub("\ufffd", text)
