"""Checks on the knowledge graph."""

import dagster as dg

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.graph.assets import SOURCES
from amodels_assets.graph.labels import NODE_LABELS
from amodels_assets.quality.expectation import Expectation, Suite
from amodels_assets.quality.factory import opened, suite_checks, verdict
from resources.artifact_store import ArtifactStoreResource

ARTIFACT = "graph/knowledge_graph"
KEY = dg.AssetKey(["graph", "knowledge_graph"])

NODES = Suite(
    asset_key=("graph", "knowledge_graph"),
    artifact=ARTIFACT,
    table="nodes",
    columns=("id", "label"),
    expectations=(
        Expectation(
            "node_ids_are_unique",
            "expect_column_values_to_be_unique",
            {"column": "id"},
            "No two nodes share an id.",
        ),
        Expectation(
            "node_labels_are_known",
            "expect_column_values_to_be_in_set",
            {"column": "label", "value_set": list(NODE_LABELS)},
            "Every node has one of the graph's labels.",
        ),
    ),
)

node_expectations = suite_checks(NODES)


@dg.asset_check(
    asset=KEY,
    name="edges_have_ends",
    description="Both ends of every relationship are nodes of the graph.",
    blocking=True,
)
def edges_have_ends(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Look up both ends of every edge."""
    from amodels_assets.graph.build import end_problems
    from amodels_assets.graph.model import Graph

    store, artifact = opened(artifact_store, ARTIFACT)
    problems = end_problems(Graph(artifact.table("nodes"), artifact.table("edges")))
    return _result(store, artifact, "edges_have_ends", problems)


@dg.asset_check(
    asset=KEY,
    name="counts_match_catalog",
    description="The graph has as many tables, views, columns and jobs as the catalog.",
    blocking=True,
)
def counts_match_catalog(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Count the graph's known nodes against the catalog's rows."""
    from amodels_assets.graph.build import count_problems
    from amodels_assets.graph.model import Graph

    store, artifact = opened(artifact_store, ARTIFACT)
    catalog = store.get("sgmi/catalog")
    graph = Graph(artifact.table("nodes"), artifact.table("edges"))
    problems = count_problems(graph, {name: catalog.table(name) for name in SOURCES})
    return _result(store, artifact, "counts_match_catalog", problems)


def _result(
    store: ArtifactStore, artifact: Artifact, check: str, problems: list[str]
) -> dg.AssetCheckResult:
    return verdict(
        store,
        artifact,
        check,
        passed=not problems,
        description=problems[0] if problems else "nothing is amiss",
        figures={"problems": len(problems)},
    )
