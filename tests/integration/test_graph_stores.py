"""The same tests on every graph store: embedded, and a real server that speaks Bolt.

The server is ArcadeDB, which is compatible with Neo4j's protocol and Cypher and is not Neo4j; with
``AMODELS_TEST_NEO4J_URL`` the tests run against that server too, in a database that they may fill.
"""

from __future__ import annotations

import json
import os
import random
import threading
import xml.etree.ElementTree as ET
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.cli import cli
from amodels_assets.definitions import build_definitions
from amodels_assets.graph import load as loading
from amodels_assets.graph.export import export_graph
from amodels_assets.graph.labels import EDGE_TYPES, NODE_LABELS
from amodels_assets.graph.load import differences, load_graph, state_of
from amodels_assets.graph.model import EDGE_SCHEMA, NODE_SCHEMA, Graph, GraphError
from amodels_assets.graph.neo4j_assets import graph_store_equals_artifact, neo4j_graph
from amodels_assets.graph.neo4j_store import connected_graph
from amodels_assets.graph.questions import QUESTIONS, answer, answer_all
from amodels_assets.graph.store import EmbeddedGraph, GraphStore
from resources.artifact_store import ArtifactStoreResource
from resources.graph_database import GraphDatabaseResource
from resources.locks import LockResource
from tests.bolt_server import PASSWORD, BoltServer
from tests.free_ports import free_port

pytestmark = pytest.mark.xdist_group("bolt")
ATTACKS = (
    "'}) DETACH DELETE n //",
    '"}) MATCH (n) DETACH DELETE n RETURN ("',
    "`) DETACH DELETE n //",
    "$mark",
    "\\",
    "名前 ü \u2028 🦊",
    "select",
    "x" * 200,
)


def graph(number: int = 60, *, seed: int = 1, most: int = 200) -> Graph:
    """Every label and type, names that attack, parallel relationships of different kinds."""
    draw = random.Random(seed)
    nodes = [
        {
            "id": f"n{n}:{ATTACKS[n % len(ATTACKS)]}",
            "label": NODE_LABELS[n % len(NODE_LABELS)],
            "name": ATTACKS[(n + 1) % len(ATTACKS)],
            "detail": ATTACKS[(n + 2) % len(ATTACKS)],
            "known": n % 5 != 0,
        }
        for n in range(number)
    ]
    ids = [node["id"] for node in nodes]
    edges = {
        (draw.choice(ids), draw.choice(ids), EDGE_TYPES[n % len(EDGE_TYPES)], kind)
        for n in range(most)
        for kind in ("IDENTITY", ATTACKS[n % len(ATTACKS)])
    }
    return Graph(
        pa.Table.from_pylist(sorted(nodes, key=lambda n: n["id"]), schema=NODE_SCHEMA),
        pa.Table.from_pylist(
            [dict(zip(EDGE_SCHEMA.names, edge, strict=True)) for edge in sorted(edges)],
            schema=EDGE_SCHEMA,
        ),
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[BoltServer]:
    started = BoltServer(tmp_path_factory.mktemp("bolt"))
    yield started
    started.stop()


@contextmanager
def embedded() -> Generator[EmbeddedGraph]:
    yield EmbeddedGraph()


NEO4J = os.environ.get("AMODELS_TEST_NEO4J_URL", "")
STORES = ["embedded", "bolt", *(["neo4j"] if NEO4J else [])]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Generator[GraphStore]:
    opened: AbstractContextManager[GraphStore]
    if request.param == "embedded":
        opened = embedded()
    else:
        url = NEO4J or request.getfixturevalue("server").url
        opened = connected_graph(url)
    with opened as found:
        found.write("MATCH (n) DETACH DELETE n")
        yield found


def test_what_is_loaded_is_read_back(store: GraphStore) -> None:
    whole = graph()
    loaded = load_graph(store, whole, "one")
    assert (loaded.nodes, loaded.relationships) == (whole.nodes.num_rows, whole.edges.num_rows)
    assert differences(store, whole) == []
    assert state_of(store) == "one"
    assert load_graph(store, whole, "one").unchanged


def test_loading_again_changes_nothing(store: GraphStore) -> None:
    whole = graph()
    load_graph(store, whole, "one")
    assert load_graph(store, whole, "two").removed == 0
    assert differences(store, whole) == []


def test_what_vanished_goes_and_what_others_have_stays(store: GraphStore) -> None:
    load_graph(store, graph(), "one")
    store.write("CREATE (:Table {id: 'theirs', name: 'not ours'})")
    smaller = graph(30, seed=2, most=50)
    assert load_graph(store, smaller, "two").removed > 0
    assert differences(store, smaller) == []
    assert store.ask("MATCH (n:Table {id: 'theirs'}) RETURN n.name AS name") == [
        {"name": "not ours"}
    ]


def test_a_change_behind_our_back_is_found(store: GraphStore) -> None:
    whole = graph()
    load_graph(store, whole, "one")
    store.write("MATCH (n:Job) WHERE n.loaded_by = 'amodels' SET n.name = 'changed'")
    store.write("MATCH (:Column)-[r]->() WITH r LIMIT 1 DELETE r")
    found = differences(store, whole)
    assert any("Job differs" in text for text in found)
    assert any("where there should be" in text for text in found)


def test_answers_are_the_same_in_every_store(store: GraphStore) -> None:
    whole = graph(120, most=400)
    load_graph(store, whole, "one")
    assert answer_all(store) == answer_all(EmbeddedGraph(whole))


@pytest.mark.parametrize("subject", ATTACKS)
def test_no_subject_is_cypher(store: GraphStore, subject: str) -> None:
    whole = graph()
    load_graph(store, whole, "one")
    for question in QUESTIONS:
        if question.labels:
            with pytest.raises(GraphError, match="the graph has no"):
                answer(store, question, subject)
    assert differences(store, whole) == []


@pytest.mark.parametrize("batch", [3, 9, 17, 40])
def test_a_run_that_dies_is_finished_by_the_next(
    store: GraphStore, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH_ROWS", 10)
    load_graph(store, graph(30, seed=2, most=50), "one")
    calls = 0

    def dies() -> None:
        nonlocal calls
        calls += 1
        if calls == batch:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        load_graph(store, graph(), "two", before_batch=dies)
    assert state_of(store) == ""
    load_graph(store, graph(), "two")
    assert differences(store, graph()) == []


def test_a_server_killed_in_the_middle_is_finished_after_it_is_back(
    server: BoltServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH_ROWS", 20)
    monkeypatch.setattr("amodels_assets.graph.neo4j_store._RETRY_SECONDS", 1)
    whole, calls = graph(200, most=600), 0
    # While the batch that comes is on its way.
    killing = threading.Timer(0.001, server.kill)
    with connected_graph(server.url) as found:
        found.write("MATCH (n) DETACH DELETE n")
        found.write("CREATE (:Theirs {id: 'kept'})")

    def kill_later() -> None:
        nonlocal calls
        calls += 1
        if calls == 20:
            killing.start()

    try:
        with (
            pytest.raises(GraphError, match="materialize graph/neo4j again") as caught,
            connected_graph(server.url) as found,
        ):
            load_graph(found, whole, "one", before_batch=kill_later)
        assert PASSWORD not in str(caught.value)
        # The client may notice before the process is gone, and a second one needs its port.
        killing.join()
    finally:
        server.start()
    with connected_graph(server.url) as found:
        load_graph(found, whole, "one")
        assert differences(found, whole) == []
        assert found.ask("MATCH (n:Theirs) RETURN count(n) AS n") == [{"n": 1}]


def test_a_wrong_password_and_a_closed_port_are_one_sentence(server: BoltServer) -> None:
    closed = free_port()
    for url, text in (
        (server.url.replace(PASSWORD, "falsches-wort"), "cannot be reached"),
        (f"bolt://root:{PASSWORD}@127.0.0.1:{closed}/amodels", "cannot be reached"),
        (f"ftp://root:{PASSWORD}@127.0.0.1/amodels", "cannot be read"),
        (f"bolt://root:{PASSWORD}@127.0.0.1:port/amodels", "cannot be read"),
    ):
        with pytest.raises(GraphError, match=text) as caught, connected_graph(url):
            pytest.fail("connected")
        message = str(caught.value)
        assert "\n" not in message
        assert PASSWORD not in message
        assert "falsches-wort" not in message


def publish_graph(home: Path, whole: Graph) -> ArtifactStore:
    store = ArtifactStore(home / "artifacts")

    def produce(folder: Path) -> None:
        write_table(folder, "nodes", whole.nodes)
        write_table(folder, "edges", whole.edges)

    made = {"seed": str(whole.nodes.num_rows)}
    store.publish("graph/knowledge_graph", inputs=made, code_version="1", produce=produce)
    return store


def test_the_asset_and_its_check(server: BoltServer, tmp_path: Path) -> None:
    whole = graph()
    publish_graph(tmp_path, whole)
    resources = {
        "artifact_store": ArtifactStoreResource(root=str(tmp_path / "artifacts")),
        "graph_database": GraphDatabaseResource(url=server.url),
        "locks": LockResource(folder=str(tmp_path / "locks")),
    }
    with connected_graph(server.url) as found:
        found.write("MATCH (n) DETACH DELETE n")

    def run() -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [neo4j_graph, graph_store_equals_artifact], resources=resources, raise_on_error=False
        )

    def passed(result: dg.ExecuteInProcessResult) -> list[bool]:
        return [evaluation.passed for evaluation in result.get_asset_check_evaluations()]

    first = run()
    assert passed(first) == [True]
    (event,) = first.asset_materializations_for_node("graph__neo4j")
    assert event.metadata["relationships"].value == whole.edges.num_rows
    assert PASSWORD not in str([str(e) for e in first.all_events])
    with connected_graph(server.url) as found:
        found.write("MATCH (n:Job) WHERE n.loaded_by = 'amodels' SET n.name = 'changed'")
    assert passed(run()) == [False]


def test_the_asset_is_there_where_a_server_is_configured(
    server: BoltServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMODELS_NEO4J_URL", server.url)
    with_server = build_definitions().resolve_asset_graph()
    assert dg.AssetKey(["graph", "neo4j"]) in with_server.get_all_asset_keys()
    monkeypatch.delenv("AMODELS_NEO4J_URL")
    without = build_definitions().resolve_asset_graph()
    assert dg.AssetKey(["graph", "neo4j"]) not in without.get_all_asset_keys()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    publish_graph(tmp_path, graph())
    return tmp_path


def test_ask(home: Path) -> None:
    listed = CliRunner().invoke(cli, ["ask"])
    assert all(question.name in listed.output for question in QUESTIONS)
    found = CliRunner().invoke(cli, ["ask", "cycles", "--json"])
    assert json.loads(found.output)["name"] == "cycles"
    assert CliRunner().invoke(cli, ["ask", "longest_lineage_path"]).exit_code == 0
    for arguments in (["cycle"], ["readers_of_a_table", ATTACKS[0]]):
        failed = CliRunner().invoke(cli, ["ask", *arguments])
        assert failed.exit_code == 1
        assert failed.output.startswith("Error: ")


def test_export(home: Path, tmp_path: Path) -> None:
    for form in ("graphml", "glean", "parquet"):
        done = CliRunner().invoke(cli, ["export", "graph", "--format", form, "--out", str(home)])
        assert done.exit_code == 0, done.output
    whole = graph()
    root = ET.parse(home / "graph.graphml").getroot()
    space = "{http://graphml.graphdrawing.org/xmlns}"
    ids = [node.get("id") for node in root.iter(f"{space}node")]
    assert ids == whole.nodes["id"].to_pylist()
    ends = [(e.get("source"), e.get("target")) for e in root.iter(f"{space}edge")]
    assert ends == list(
        zip(*(whole.edges[n].to_pylist() for n in ("source", "target")), strict=False)
    )
    nodes, edges = json.loads((home / "facts.json").read_text())
    assert [fact["key"] for fact in nodes["facts"]] == whole.nodes.to_pylist()
    assert [fact["key"] for fact in edges["facts"]] == whole.edges.to_pylist()
    schema = (home / "amodels.angle").read_text()
    for predicate in (nodes, edges):
        assert f"predicate {predicate['predicate'].split('.')[1]}:" in schema
        assert all(f"  {field}: " in schema for field in predicate["facts"][0]["key"])
    assert pq.ParquetFile(home / "nodes.parquet").read().equals(whole.nodes)


def test_graphml_has_no_character_that_xml_forbids(tmp_path: Path) -> None:
    row = {"id": "a\x00\x1f\ufffe", "label": "Job", "name": '<&">', "detail": "", "known": True}
    one = Graph(pa.Table.from_pylist([row], schema=NODE_SCHEMA), EDGE_SCHEMA.empty_table())
    (path,) = export_graph(one, "graphml", tmp_path)
    (node,) = ET.parse(path).getroot().iter("{http://graphml.graphdrawing.org/xmlns}node")
    assert node.get("id") == "a\ufffd\ufffd\ufffd"
