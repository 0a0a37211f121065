"""The knowledge graph: built from catalog tables, loaded, asked, checked."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.graph.assets import SOURCES, knowledge_graph
from amodels_assets.graph.build import (
    CATALOG_TABLES,
    build_graph,
    count_problems,
    end_problems,
)
from amodels_assets.graph.checks import NODES, counts_match_catalog, edges_have_ends
from amodels_assets.graph.model import EDGE_SCHEMA, NODE_SCHEMA, Graph, GraphError, joined
from amodels_assets.graph.questions import (
    QUESTIONS,
    Answer,
    Question,
    answer,
    answer_all,
    as_markdown,
    question_named,
)
from amodels_assets.graph.store import EmbeddedGraph, open_graph
from amodels_assets.quality.runner import run_suite
from amodels_assets.sgmi.schema import SCHEMAS
from resources.artifact_store import ArtifactStoreResource


def rows(name: str, *values: dict) -> pa.Table:
    full = [{**dict.fromkeys(SCHEMAS[name].names), **value} for value in values]
    return pa.Table.from_pylist(full, schema=SCHEMAS[name])


def lineage(target: str, source: str, column: str = "a", subtype: str = "IDENTITY") -> dict:
    return {
        "target_database": "d", "target_table": target, "target_column": column,
        "source_database": "d", "source_table": source, "source_column": column,
        "transformation_type": "DIRECT", "transformation_subtype": subtype, "resolved": True,
    }  # fmt: skip


def relation(name: str, kind: str = "table") -> dict:
    return {"database": "d", "table": name, "kind": kind}


def edge(first: str, second: str) -> dict:
    return {"from_job": first, "to_job": second, "condition": f"{first}-OK"}


@pytest.fixture(scope="module")
def catalog() -> dict[str, pa.Table]:
    """Two tables, three views in a row, an unknown table, three jobs in a row."""
    names = ("base", "other", "v1", "v2", "v3")
    return {
        "databases": rows("databases", {"database": "d", "location": "/d"}),
        "tables": rows(
            "tables", *(relation(n, "view" if n.startswith("v") else "table") for n in names)
        ),
        "columns": rows(
            "columns",
            *({"database": "d", "table": n, "column": "a", "type": "string"} for n in names),
        ),
        "column_lineage": rows(
            "column_lineage",
            lineage("v1", "base"),
            lineage("v2", "v1", subtype="AGGREGATION"),
            lineage("v3", "v2"),
            lineage("v3", "lost", column="gone"),
            {**lineage("v1", "base", subtype="FILTER"), "target_column": "*"},
        ),
        "table_lineage": rows(
            "table_lineage",
            *(
                {
                    "target_database": "d",
                    "target_table": t,
                    "source_database": "d",
                    "source_table": s,
                }
                for t, s in (("v1", "base"), ("v2", "v1"), ("v3", "v2"), ("v3", "lost"))
            ),
        ),
        "jobs": rows("jobs", *({"job": j, "command": f"run {j}", "script": "s.sh"} for j in "xyz")),
        "job_edges": rows("job_edges", edge("x", "y"), edge("y", "z")),
        "job_conditions": rows(
            "job_conditions",
            {"job": "x", "condition": "x-OK", "role": "adds"},
            {"job": "y", "condition": "x-OK", "role": "waits_for"},
            {"job": "y", "condition": "x-OK", "role": "deletes"},
        ),
        "job_schedules": rows(
            "job_schedules",
            {"job": "x", "trigger": "cron", "cron": "0 2 * * *", "timezone": "UTC"},
            {"job": "y", "trigger": "conditions"},
        ),
        "job_tables": rows(
            "job_tables",
            {"job": "z", "database": "d", "table": "base", "access": "reads"},
            {"job": "z", "database": "d", "table": "other", "access": "writes"},
            {"job": "y", "database": "d", "table": "other", "access": "mentions"},
        ),
    }


@pytest.fixture(scope="module")
def graph(catalog: dict[str, pa.Table]) -> Graph:
    return build_graph(catalog)


def test_the_asset_reads_what_the_graph_is_built_from() -> None:
    assert SOURCES == CATALOG_TABLES


def test_nodes_and_edges(graph: Graph) -> None:
    nodes = {row["id"]: row for row in graph.nodes.to_pylist()}
    assert nodes["relation:d.base"]["label"] == "Table"
    assert nodes["relation:d.v1"]["label"] == "View"
    assert nodes["relation:d.lost"]["known"] is False
    assert nodes["column:d.lost.gone"]["known"] is False
    edges = {tuple(row.values()) for row in graph.edges.to_pylist()}
    assert ("column:d.v1.a", "column:d.v2.a", "FLOWS_TO", "AGGREGATION") in edges
    assert ("column:d.base.a", "relation:d.v1", "FLOWS_TO", "FILTER") in edges
    assert "column:d.v1.*" not in nodes
    assert ("job:x", "job:y", "TRIGGERS", "x-OK") in edges
    assert ("job:x", "schedule:0 2 * * * UTC", "SCHEDULED_BY", "") in edges
    assert ("relation:d.lost", "column:d.lost.gone", "HAS_COLUMN", "") in edges
    assert {edge[2] for edge in edges} >= {"READS", "WRITES", "MENTIONS", "WAITS_FOR", "DELETES"}


def test_the_order_of_catalog_rows_does_not_matter(
    catalog: dict[str, pa.Table], graph: Graph
) -> None:
    turned = {name: t.take(list(reversed(range(t.num_rows)))) for name, t in catalog.items()}
    assert build_graph(turned) == graph


def found(answer: Answer) -> list[str]:
    return [row["id"] for row in answer.rows]


def test_questions(graph: Graph) -> None:
    store = EmbeddedGraph(graph)
    answers = {found.name: found for found in answer_all(store)}
    assert list(answers) == [question.name for question in QUESTIONS]
    assert answers["readers_of_a_table"].subject == "relation:d.base"
    assert found(answers["readers_of_a_table"]) == ["job:z", "relation:d.v1"]
    assert answers["delayed_by_a_failing_job"].subject == "job:x"
    assert found(answers["delayed_by_a_failing_job"]) == ["job:y", "job:z", "relation:d.other"]
    impact = answer(store, question("impact_of_a_column"), "d.base.a")
    assert set(found(impact)) == {
        "column:d.v1.a", "column:d.v2.a", "column:d.v3.a",
        "relation:d.v1", "relation:d.v2", "relation:d.v3", "job:z",
    }  # fmt: skip
    upstream = answer(store, question("upstream_sources_of_a_table"), "d.v3")
    assert set(found(upstream)) == {
        "relation:d.base", "relation:d.lost", "relation:d.v1", "relation:d.v2"
    }  # fmt: skip
    assert answers["orphan_tables"].rows == []
    assert set(found(answers["unused_columns"])) == {
        row["id"]
        for row in graph.nodes.to_pylist()
        if row["label"] == "Column"
        and row["known"]
        and row["id"].split(".")[1] in {"base", "other"}
    } - {"column:d.base.a"}
    assert answers["cycles"].rows == []
    (path,) = answers["longest_lineage_path"].rows
    assert path["steps"] == 3
    assert path["path"] == [f"relation:d.{name}" for name in ("base", "v1", "v2", "v3")]
    text = as_markdown(list(answers.values()))
    assert "`d.base` → `d.v1` → `d.v2` → `d.v3`" in text
    assert "**What reads d.base?**\n\n- job `z`\n- view `d.v1`" in text
    read_back = json.loads(json.dumps([asdict(a) for a in answers.values()], sort_keys=True))
    assert as_markdown([Answer(**raw) for raw in read_back]) == text


def test_an_impact_goes_on_to_what_was_made_of_the_table(graph: Graph) -> None:
    names = ("datasets/default", "training/model", "release/model")
    labels = ("DataSet", "Checkpoint", "Release")
    nodes = [
        {"id": f"artifact:{n}", "label": label, "name": n, "detail": "", "known": True}
        for n, label in zip(names, labels, strict=True)
    ]
    edges = [("column:d.base.a", f"artifact:{names[0]}", "USED_BY")]
    edges += [(f"artifact:{a}", f"artifact:{b}", "MADE_INTO") for a, b in itertools.pairwise(names)]
    made = Graph(
        pa.Table.from_pylist(sorted(nodes, key=lambda n: n["id"]), schema=NODE_SCHEMA),
        pa.Table.from_pylist(
            [dict(zip(EDGE_SCHEMA.names, (*edge, ""), strict=True)) for edge in edges],
            schema=EDGE_SCHEMA,
        ),
    )
    store = EmbeddedGraph(joined(graph, made))
    impact = found(answer(store, question("impact_of_a_column"), "d.base.a"))
    assert {f"artifact:{name}" for name in names} <= set(impact)


@pytest.mark.parametrize("kind", ["FEEDS", "TRIGGERS"])
def test_circles_are_found(kind: str) -> None:
    label = "View" if kind == "FEEDS" else "Job"
    edges = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "d")]
    (first, second) = answer(EmbeddedGraph(graph_of(label, kind, edges)), question("cycles")).rows
    assert {frozenset(first["path"]), frozenset(second["path"])} == {
        frozenset("bc"), frozenset("d")
    }  # fmt: skip


def test_a_table_that_nothing_touches_is_an_orphan() -> None:
    store = EmbeddedGraph(graph_of("Table", "FEEDS", [("a", "b")]))
    assert found(answer(store, question("orphan_tables"))) == ["b"]


def test_what_is_not_there_is_told_with_what_is_near(graph: Graph) -> None:
    store = EmbeddedGraph(graph)
    with pytest.raises(GraphError, match=r"no table or view d\.bse; did you mean d\.base"):
        answer(store, question("readers_of_a_table"), "d.bse")
    with pytest.raises(GraphError, match="did you mean orphan_tables"):
        question_named("orphan_table")


def graph_of(label: str, kind: str, edges: list[tuple[str, str]], *, roots: int = 0) -> Graph:
    """Nodes of one label, the first ``roots`` of them tables, and edges of one type."""
    names = sorted({name for pair in edges for name in pair})
    nodes = [
        {"id": n, "label": "Table" if i < roots else label, "name": n, "detail": "", "known": True}
        for i, n in enumerate(names)
    ]
    found = [{"source": a, "target": b, "type": kind, "kind": ""} for a, b in sorted(edges)]
    return Graph(
        pa.Table.from_pylist(nodes, schema=NODE_SCHEMA),
        pa.Table.from_pylist(found, schema=EDGE_SCHEMA),
    )


def question(name: str) -> Question:
    return next(q for q in QUESTIONS if q.name == name)


def test_many_paths_through_views_cost_no_more_than_their_edges() -> None:
    """10^16 paths: an answer that counts them one by one never comes."""
    edges = [
        (f"l{level:02d}w{a}", f"l{level + 1:02d}w{b}")
        for level in range(16)
        for a in range(10)
        for b in range(10)
    ]
    store = EmbeddedGraph(graph_of("View", "FEEDS", edges, roots=10))
    (row,) = answer(store, question("longest_lineage_path")).rows
    assert row == {"steps": 16, "path": [f"l{level:02d}w0" for level in range(17)]}


def test_many_ways_from_job_to_job_cost_no_more_than_their_edges() -> None:
    edges = [(f"j{a:03d}", f"j{b:03d}") for a in range(80) for b in range(a + 1, min(80, a + 5))]
    store = EmbeddedGraph(graph_of("Job", "TRIGGERS", edges))
    late = answer(store, question("delayed_by_a_failing_job"))
    assert late.subject == "j000"
    assert {row["id"] for row in late.rows} == {f"j{n:03d}" for n in range(1, 80)}


def test_views_that_read_each_other_in_a_circle_have_a_longest_path() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("d", "d")]
    store = EmbeddedGraph(graph_of("View", "FEEDS", edges, roots=1))
    (row,) = answer(store, question("longest_lineage_path")).rows
    assert row == {"steps": 3, "path": ["a", "b", "c", "d"]}


def test_views_over_what_a_failed_job_writes_are_affected() -> None:
    jobs, views = graph_of("Job", "TRIGGERS", [("j1", "j2")]), [("t", "v"), ("v", "w")]
    relations = graph_of("View", "FEEDS", views, roots=1)
    writes = pa.Table.from_pylist(
        [{"source": "j2", "target": "t", "type": "WRITES", "kind": ""}], schema=EDGE_SCHEMA
    )
    store = EmbeddedGraph(
        Graph(
            pa.concat_tables([jobs.nodes, relations.nodes]),
            pa.concat_tables([jobs.edges, relations.edges, writes]),
        )
    )
    late = answer(store, question("delayed_by_a_failing_job"), "j1").rows
    assert [(row["id"], row["kind"]) for row in late] == [
        ("j2", "Job"), ("t", "Table"), ("v", "View"), ("w", "View")
    ]  # fmt: skip


def test_questions_are_asked_of_an_empty_graph_too() -> None:
    empty = EmbeddedGraph(Graph(NODE_SCHEMA.empty_table(), EDGE_SCHEMA.empty_table()))
    assert not any(found.rows for found in answer_all(empty))


@pytest.mark.parametrize("subject", ["'}) DETACH DELETE n //", "relation:d.base' OR 1=1", "`"])
def test_a_subject_is_a_value_and_never_cypher(graph: Graph, subject: str) -> None:
    store = EmbeddedGraph(graph)
    for asked in QUESTIONS:
        if asked.labels:
            with pytest.raises(GraphError, match="the graph has no"):
                answer(store, asked, subject)
    assert store.ask("MATCH (n) WHERE n.loaded_by = 'amodels' RETURN count(n) AS n") == [
        {"n": graph.nodes.num_rows}
    ]


@pytest.mark.parametrize(
    ("column", "value"), [("label", "Table) DETACH DELETE n //"), ("id", "elsewhere")]
)
def test_what_is_no_label_or_has_no_end_is_refused(graph: Graph, column: str, value: str) -> None:
    changed = graph.nodes.to_pylist()
    changed[0][column] = value
    nodes = pa.Table.from_pylist(changed, schema=NODE_SCHEMA)
    with pytest.raises(GraphError):
        EmbeddedGraph(Graph(nodes, graph.edges))


def publish_catalog(store: ArtifactStore, catalog: dict[str, pa.Table]) -> None:
    def produce(folder: Path) -> None:
        for name, table in catalog.items():
            write_table(folder, name, table)

    store.publish("sgmi/catalog", inputs={}, code_version="1", produce=produce)


def test_asset_and_checks(catalog: dict[str, pa.Table], graph: Graph, tmp_path: Path) -> None:
    store, resource = ArtifactStore(tmp_path), ArtifactStoreResource(root=str(tmp_path))
    publish_catalog(store, catalog)
    made = knowledge_graph(resource)
    assert made.metadata["dagster/row_count"] == graph.nodes.num_rows
    assert knowledge_graph(resource).metadata["unchanged"]
    assert open_graph(store.get("graph/knowledge_graph").path).ask(
        "MATCH (n:View) RETURN count(n) AS n"
    ) == [{"n": 3}]
    for check in (edges_have_ends, counts_match_catalog):
        result = check(resource)
        assert isinstance(result, dg.AssetCheckResult)
        assert result.passed


def test_checks_fail_on_a_bad_graph(
    catalog: dict[str, pa.Table], graph: Graph, tmp_path: Path
) -> None:
    store, resource = ArtifactStore(tmp_path), ArtifactStoreResource(root=str(tmp_path))
    publish_catalog(store, catalog)
    bad = Graph(graph.nodes.slice(3), graph.edges)
    assert end_problems(bad)
    assert count_problems(bad, catalog)
    assert end_problems(Graph(pa.concat_tables([graph.nodes, graph.nodes]), graph.edges))

    def produce(folder: Path) -> None:
        write_table(folder, "nodes", bad.nodes)
        write_table(folder, "edges", bad.edges)

    store.publish("graph/knowledge_graph", inputs={}, code_version="1", produce=produce)
    for check in (edges_have_ends, counts_match_catalog):
        result = check(resource)
        assert isinstance(result, dg.AssetCheckResult)
        assert not result.passed
        assert result.description


def test_expectations_fail_on_bad_nodes(graph: Graph) -> None:
    assert all(outcome.passed for outcome in run_suite(NODES, graph.nodes))
    bad = pa.Table.from_pylist(
        [{"id": "a", "label": "Planet", "name": "a", "detail": "", "known": True}] * 2,
        schema=NODE_SCHEMA,
    )
    assert [outcome.passed for outcome in run_suite(NODES, bad)] == [False, False]
