"""The graph room's asset."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, write_table
from resources.artifact_store import ArtifactStoreResource

CODE_VERSION = "2"
SOURCES = (
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


@dg.asset(
    key=["graph", "knowledge_graph"],
    # Also after the diagnostics, whose check stops what would be built on a damaged source.
    deps=[dg.AssetKey(["sgmi", name]) for name in (*SOURCES, "diagnostics")],
    group_name="graph",
    kinds={"python", "cypher"},
    owners=["team:data-platform"],
    code_version=CODE_VERSION,
)
def knowledge_graph(artifact_store: ArtifactStoreResource) -> dg.MaterializeResult:
    """The whole catalog as one graph, so that a question over tables, views and jobs is one query.

    Every named question is answered with it, each about what has most to tell: what is made of a
    column, what waits if a job fails, what nothing uses. `amodels ask` asks about anything else.
    """
    import json
    from dataclasses import asdict
    from pathlib import Path

    from amodels_assets.graph.build import build_graph
    from amodels_assets.graph.questions import Answer, answer_all, as_markdown
    from amodels_assets.graph.store import EmbeddedGraph

    store = ArtifactStore(artifact_store.path())
    try:
        catalog = store.get("sgmi/catalog")
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error

    def produce(folder: Path) -> None:
        graph = build_graph({name: catalog.table(name) for name in SOURCES})
        answers = answer_all(EmbeddedGraph(graph))
        write_table(folder, "nodes", graph.nodes)
        write_table(folder, "edges", graph.edges)
        text = json.dumps([asdict(a) for a in answers], indent=2, sort_keys=True)
        (folder / "questions.json").write_text(text + "\n")

    made = store.publish(
        "graph/knowledge_graph",
        inputs={f"sgmi/{name}": catalog.file_version(f"{name}.parquet") for name in SOURCES},
        code_version=CODE_VERSION,
        libraries=("kglite",),
        produce=produce,
    )
    answers = [Answer(**raw) for raw in json.loads((made.path / "questions.json").read_text())]
    nodes, edges = made.table("nodes").num_rows, made.table("edges").num_rows
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": nodes,
            "relationships": edges,
            "answers": dg.MetadataValue.md(as_markdown(answers)),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
