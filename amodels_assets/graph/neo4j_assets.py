"""The knowledge graph in Neo4j: the asset and its check, there when a server is configured.

Belongs here: what Dagster sees. Does not belong here: loading (``load.py``), the connection
(``neo4j_store.py``).
"""

from pathlib import Path

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord, write_table
from amodels_assets.quality.factory import recorded
from resources.artifact_store import ArtifactStoreResource
from resources.graph_database import GraphDatabaseResource
from resources.locks import LockError, LockResource
from resources.redis_client import RedisUnavailableError

CODE_VERSION = "1"
ARTIFACT = "graph/neo4j"
KEY = dg.AssetKey(["graph", "neo4j"])
EQUAL = "graph_store_equals_artifact"


@dg.asset(
    key=KEY,
    deps=[dg.AssetKey(["graph", "knowledge_graph"])],
    group_name="graph",
    kinds={"python", "neo4j"},
    owners=["team:data-platform"],
    code_version=CODE_VERSION,
)
def neo4j_graph(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    graph_database: GraphDatabaseResource,
    locks: LockResource,
) -> dg.MaterializeResult:
    """The knowledge graph in Neo4j, with what was made from the catalog up to the release.

    Only what carries this platform's mark is changed or removed; what others keep in the same
    database stays. A run that was killed is finished by the next one.
    """
    from amodels_assets.graph.load import load_graph
    from amodels_assets.graph.made_from import whole_graph
    from amodels_assets.graph.model import GraphError
    from amodels_assets.graph.neo4j_store import connected_graph

    store = ArtifactStore(artifact_store.path())
    try:
        graph, version = whole_graph(store)
        with (
            locks.hold(ARTIFACT) as still_held,
            connected_graph(graph_database.url) as target,
        ):
            loaded = load_graph(
                target, graph, version, progress=context.log.info, before_batch=still_held
            )
    except (ArtifactError, GraphError, LockError, RedisUnavailableError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error

    def produce(folder: Path) -> None:
        write_table(folder, "nodes", graph.nodes)
        write_table(folder, "edges", graph.edges)

    made = store.publish(
        ARTIFACT, inputs={"graph": version}, code_version=CODE_VERSION, produce=produce
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": graph.nodes.num_rows,
            "relationships": graph.edges.num_rows,
            "written": loaded.nodes + loaded.relationships,
            "removed": loaded.removed,
            "unchanged": loaded.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )


@dg.asset_check(
    asset=KEY,
    name=EQUAL,
    description="Read back from the server, nodes and relationships are those of the graph.",
    blocking=True,
)
def graph_store_equals_artifact(
    artifact_store: ArtifactStoreResource, graph_database: GraphDatabaseResource
) -> dg.AssetCheckResult:
    """Read everything back and compare it, label by label and type by type."""
    from amodels_assets.graph.load import differences
    from amodels_assets.graph.model import GraphError
    from amodels_assets.graph.neo4j_store import connected_graph
    from amodels_assets.graph.store import read_graph

    store = ArtifactStore(artifact_store.path())
    try:
        artifact = store.get(ARTIFACT)
        with connected_graph(graph_database.url) as target:
            problems = differences(target, read_graph(artifact.path))
    except (ArtifactError, GraphError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    advice = "remove the node of AmodelsGraph and materialize graph/neo4j again"
    record = CheckRecord(
        check=EQUAL,
        data_version=artifact.data_version,
        passed=not problems,
        blocking=True,
        description=f"{'; '.join(problems[:3])}: {advice}" if problems else "all equal",
        metadata={"problems": len(problems)},
    )
    return recorded(store, ARTIFACT, record, KEY)
