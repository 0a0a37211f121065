"""What happens to graph, stream and index when their server dies, is full, locked or not there.

Each test ends with one more run, which gives what an undisturbed run gives and touches nothing of
anybody else's. The replica's own faults are in ``test_replica_server_faults.py``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.graph import load as loading
from amodels_assets.graph.load import differences, load_graph, state_of
from amodels_assets.graph.model import Graph, GraphError
from amodels_assets.graph.neo4j_store import Neo4jGraph, connected_graph
from amodels_assets.schemas import connect
from amodels_assets.schemas.assets import replica_assets
from amodels_assets.schemas.checks import replica_checks
from amodels_assets.schemas.connect import ReplicaError, connected
from amodels_assets.schemas.targets import Target
from amodels_assets.search.documents import Document
from amodels_assets.search.postgresql_index import names_in, replace_index
from amodels_assets.sgmi.change_assets import STREAM, change_events
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource
from resources.event_stream import EventStream, EventStreamResource
from resources.locks import LockResource
from tests.bolt_server import BoltServer
from tests.integration.replica_source import Source, apply, catalog_of, content, published
from tests.integration.test_change_events import AFTER, BEFORE, CHANGED, VIEWS, publish
from tests.integration.test_graph_stores import graph
from tests.integration.test_replica_server_faults import SOURCE, Server
from tests.redis_server import RedisServer

pytestmark = pytest.mark.xdist_group("store_faults")


@contextmanager
def filled(folder: Path, left: int) -> Generator[None]:
    """While it lasts a file system has only so many bytes left."""
    filler = folder / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - left))
    yield
    filler.unlink()


# The graph.
@pytest.fixture(scope="module")
def bolt(tmp_path_factory: pytest.TempPathFactory) -> Generator[BoltServer]:
    started = BoltServer(tmp_path_factory.mktemp("bolt"))
    yield started
    started.stop()


@pytest.fixture
def server(bolt: BoltServer, monkeypatch: pytest.MonkeyPatch) -> Generator[BoltServer]:
    """With a graph of ours, and nodes of somebody else's."""
    monkeypatch.setattr(loading, "BATCH_ROWS", 20)
    monkeypatch.setattr("amodels_assets.graph.neo4j_store._RETRY_SECONDS", 1)
    with connected_graph(bolt.url) as found:
        found.write("MATCH (n) DETACH DELETE n")
        load_graph(found, graph(30, seed=2, most=50), "before")
        found.write("CREATE (:Theirs {id: 'a'})-[:LIKES {much: 1}]->(:Table {id: 'b'})")
    yield bolt
    bolt.start()


def assert_one_more_run_is_enough(server: BoltServer, whole: Graph) -> None:
    with connected_graph(server.url) as found:
        load_graph(found, whole, "after")
        assert differences(found, whole) == []
        assert state_of(found) == "after"
        theirs = found.ask("MATCH (n:Theirs)-[r:LIKES]->(m:Table) RETURN r.much AS much, m.id AS m")
        assert theirs == [{"much": 1, "m": "b"}]


@pytest.mark.parametrize(
    ("statement", "number", "after"),
    [
        ("CREATE CONSTRAINT", 5, True),
        ("UNWIND $rows AS row MERGE", 4, False),
        ("UNWIND $rows AS row MATCH", 9, True),
        ("MATCH (n:Job) WHERE n.loaded_by", 1, False),
    ],
)
def test_a_graph_server_killed_at_any_statement(
    server: BoltServer,
    statement: str,
    number: int,
    after: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, seen, whole = Neo4jGraph._run, 0, graph(200, most=600)

    def dying(self: Neo4jGraph, query: str, *arguments: Any) -> list[dict[str, Any]]:
        nonlocal seen
        seen += query.startswith(statement)
        if seen != number or not query.startswith(statement):
            return run(self, query, *arguments)
        if not after:
            server.kill()
        found = run(self, query, *arguments)
        server.kill()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Neo4jGraph, "_run", dying)
        with pytest.raises(GraphError, match="again"), connected_graph(server.url) as found:
            load_graph(found, whole, "after")
    server.start()
    assert_one_more_run_is_enough(server, whole)


@pytest.mark.parametrize("how", ["refused", "wrong password"])
def test_a_graph_server_that_lets_nobody_in(server: BoltServer, how: str) -> None:
    url = server.url
    if how == "refused":
        server.kill()
    else:
        url = url.replace(server.password, "falsch")
    with pytest.raises(GraphError, match="cannot be reached"), connected_graph(url):
        pytest.fail("connected")
    server.start()
    with connected_graph(server.url) as found:
        assert state_of(found) == "before"
        assert differences(found, graph(30, seed=2, most=50)) == []
    assert_one_more_run_is_enough(server, graph())


def test_nodes_that_another_session_is_changing(server: BoltServer) -> None:
    from neo4j import GraphDatabase

    address, _, database = server.url.rpartition("/")
    port = address.rpartition(":")[2]
    driver = GraphDatabase.driver(f"bolt://127.0.0.1:{port}", auth=("root", server.password))
    whole = graph()
    with driver, driver.session(database=database) as session:
        other = session.begin_transaction()
        other.run("MATCH (n:Job) WHERE n.loaded_by = 'amodels' SET n.name = 'being changed'")
        # A server may let us through, or wait for the other one and give up.
        with suppress(GraphError), connected_graph(server.url) as found:
            load_graph(found, whole, "meanwhile")
        other.rollback()
    assert_one_more_run_is_enough(server, whole)


def test_a_node_that_somebody_removes_while_a_run_loads(server: BoltServer) -> None:
    whole = graph()
    removed = False

    def remove() -> None:
        nonlocal removed
        with connected_graph(server.url) as other:
            jobs = other.ask("MATCH (n:Job) WHERE n.version = 'after' RETURN n.id AS id LIMIT 1")
            if jobs and not removed:
                other.write("MATCH (n:Job {id: $id}) DETACH DELETE n", id=jobs[0]["id"])
                removed = True

    with connected_graph(server.url) as found:
        load_graph(found, whole, "after", before_batch=remove)
        assert removed
        # What the check says, and its advice.
        assert differences(found, whole)
        found.write("MATCH (n:AmodelsGraph) DELETE n")
    assert_one_more_run_is_enough(server, whole)


def test_a_graph_server_whose_disk_is_full(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amodels_assets.graph.neo4j_store._RETRY_SECONDS", 1)
    started = BoltServer(small_disk / "bolt")
    large = graph(40_000, most=60_000)
    try:
        with connected_graph(started.url) as found:
            found.write("CREATE (:Theirs {id: 'a'})-[:LIKES {much: 1}]->(:Table {id: 'b'})")
        with (
            filled(small_disk, 2 << 20),
            pytest.raises(GraphError, match="again"),
            connected_graph(started.url) as found,
        ):
            load_graph(found, large, "too much")
        started.kill()
        started.start()
        assert_one_more_run_is_enough(started, graph())
    finally:
        started.kill()


# The stream of changes.
@pytest.fixture
def redis(tmp_path: Path) -> Generator[RedisServer]:
    started = RedisServer(tmp_path / "redis")
    yield started
    started.stop()


def tell(store: ArtifactStore, url: str) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [change_events],
        resources={
            "artifact_store": ArtifactStoreResource(root=str(store.root)),
            "event_streams": EventStreamResource(redis_url=url),
        },
        raise_on_error=False,
    )


def told(url: str) -> list[dict[str, Any]]:
    with EventStreamResource(redis_url=url).stream(STREAM) as stream:
        return [message.event for message in reversed(stream.newest(10_000))]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_stream_whose_server_is_killed_when_changes_are_added(
    redis: RedisServer, after: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = RedisServer(tmp_path / "undisturbed")
    store = ArtifactStore(tmp_path / "artifacts")
    add = EventStream.add

    def dying(self: EventStream, *arguments: Any, **options: Any) -> bool:
        if not after:
            redis.kill()
        done = add(self, *arguments, **options)
        redis.kill()
        # The answer is lost on the way.
        self.mark()
        return done

    for source, views in ((BEFORE, VIEWS), (AFTER, CHANGED)):
        publish(store, source, views)
        assert tell(store, undisturbed.url).success
        with monkeypatch.context() as patched:
            patched.setattr(EventStream, "add", dying)
            assert not tell(store, redis.url).success
        redis.start()
        assert tell(store, redis.url).success
    assert told(redis.url) == told(undisturbed.url)
    undisturbed.stop()


@pytest.mark.parametrize("how", ["refused", "wrong password"])
def test_a_stream_whose_server_lets_nobody_in(redis: RedisServer, how: str, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    publish(store, BEFORE, VIEWS)
    if how == "refused":
        redis.kill()
        failed = tell(store, redis.url)
        redis.start()
    else:
        failed = tell(store, redis.url.replace(redis.password, "falsch"))
    assert not failed.success
    assert told(redis.url) == []
    assert tell(store, redis.url).success
    assert len(told(redis.url)) == 3


def test_a_stream_whose_disk_is_full(small_disk: Path, tmp_path: Path) -> None:
    redis = RedisServer(small_disk / "redis")
    store = ArtifactStore(tmp_path / "artifacts")
    wide: Source = {f"d.t{i}": ({"x": "string"}, None) for i in range(20_000)}
    publish(store, wide, {})
    try:
        with filled(small_disk, 1 << 16):
            assert not tell(store, redis.url).success
        redis.kill()
        redis.start()
        assert told(redis.url) == []
        assert tell(store, redis.url).success
        assert {e["name"] for e in told(redis.url)} <= wide.keys()
        with EventStreamResource(redis_url=redis.url).stream(STREAM) as stream:
            assert len(stream.read("g", "c", most=30_000)) == 20_000
    finally:
        redis.stop()


# The replica, locked through Redis; the index in PostgreSQL.
@pytest.fixture
def database(tmp_path: Path) -> Generator[Server]:
    started = Server(tmp_path / "postgresql")
    yield started
    started.start()
    started.stop()


def replicate(
    store: ArtifactStore, database: Server, redis: RedisServer, wait_seconds: float = 60
) -> str:
    """Materialize the replica and check it; why it failed, or nothing."""
    target = Target("postgresql", "")
    result = dg.materialize(
        [*replica_assets([target]), *replica_checks([target])],
        resources={
            "artifact_store": ArtifactStoreResource(root=str(store.root)),
            "replica_databases": DatabaseResource(postgresql=database.url),
            "locks": LockResource(
                redis_url=redis.url,
                folder=str(store.root),
                lease_seconds=3,
                wait_seconds=wait_seconds,
            ),
        },
        raise_on_error=False,
    )
    failures = [e.step_failure_data for e in result.all_events if e.is_step_failure]
    data = failures[0].user_failure_data if failures else None
    if data:
        return str(data.description)
    return "; ".join(
        str(check.description) for check in result.get_asset_check_evaluations() if not check.passed
    )


def test_a_replica_whose_lock_another_run_holds(
    database: Server, redis: RedisServer, tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    published(store, catalog_of(SOURCE), SOURCE)
    other = LockResource(redis_url=redis.url, folder=str(tmp_path))
    with other.hold("schemas/postgresql"):
        assert "another run has held schemas/postgresql" in replicate(
            store, database, redis, wait_seconds=1
        )
    assert ("amodels_replica", "applied_objects") not in content(database.url)
    assert replicate(store, database, redis) == ""
    assert ("a", "second") in content(database.url)


def test_a_replica_whose_lock_dies_commits_nothing_more(
    database: Server, redis: RedisServer, tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    published(store, catalog_of(SOURCE), SOURCE)

    def kill(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.lstrip().startswith('CREATE TABLE "a"."second"'):
            redis.kill()

    event.listen(sa.Engine, "after_cursor_execute", kill)
    try:
        assert "redis://" in replicate(store, database, redis)
    finally:
        event.remove(sa.Engine, "after_cursor_execute", kill)
    assert {name for schema, name in content(database.url) if schema == "a"} == {"first"}
    redis.start()
    assert replicate(store, database, redis) == ""
    assert ("a", "second") in content(database.url)


def storage(database: Server) -> set[tuple[str, int]]:
    """Each table with the file that it lies in and the last transaction that wrote a row of it."""
    query = sa.text("SELECT oid::regclass::text, relfilenode FROM pg_class WHERE relkind = 'r' "
                    "AND relnamespace::regnamespace::text IN ('a', 'b', 'public')")  # fmt: skip
    with connected(database.url) as connection:
        files = connection.execute(query).all()
        return {(name, file) for name, file in files} | {
            (f"{name} row", int(number))
            for name, _ in files
            for number in connection.execute(
                sa.text(f"SELECT DISTINCT xmin::text::bigint FROM {name}")
            ).scalars()
        }


def test_a_kill_in_the_middle_touches_no_other_table(database: Server) -> None:
    apply(database.url, SOURCE)
    with connected(database.url) as connection:
        connection.exec_driver_sql("CREATE TABLE public.theirs AS SELECT 42 AS x")
        connection.commit()
    before = storage(database)
    rows = pa.table({"x": [f"other {i}" for i in range(50)]})
    changed: Source = {**SOURCE, "a.second": ({"x": "string"}, rows)}

    def kill(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.startswith("TRUNCATE"):
            database.kill()

    event.listen(sa.Engine, "after_cursor_execute", kill)
    try:
        with pytest.raises(ReplicaError):
            apply(database.url, changed)
    finally:
        event.remove(sa.Engine, "after_cursor_execute", kill)
    database.start()
    assert storage(database) == before
    assert apply(database.url, changed) == [("unchanged", ""), ("changed", ""), ("unchanged", "")]
    moved = {name.split()[0] for name, _ in storage(database) ^ before}
    assert moved == {"a.second"}


DOCUMENTS = [Document("table", f"d.t{i}", f"t{i} word", "comment", "") for i in range(200)]
MORE = [*DOCUMENTS, Document("job", "J", "J", "", "word")]


def index(database: Server, documents: list[Document]) -> None:
    with connected(database.url) as connection:
        replace_index(connection, documents)


def indexed(database: Server) -> set[tuple[str, str]]:
    with connected(database.url) as connection:
        return names_in(connection)


@pytest.mark.parametrize("statement", ["CREATE TABLE", "INSERT", "DROP TABLE", "CREATE INDEX"])
def test_an_index_whose_server_is_killed(database: Server, statement: str) -> None:
    index(database, DOCUMENTS)

    def kill(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.lstrip().startswith(statement):
            database.kill()

    fails_and_is_made_again(database, "after_cursor_execute", kill, database.start)


def test_an_index_that_another_session_reads(
    database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(database, DOCUMENTS)
    monkeypatch.setattr(connect, "LOCK_SECONDS", 1)
    with connected(database.url) as other:
        other.exec_driver_sql("LOCK TABLE amodels_search.documents IN ACCESS SHARE MODE")
        with pytest.raises(ReplicaError, match="lock timeout"):
            index(database, MORE)
    assert indexed(database) == {(d.kind, d.name) for d in DOCUMENTS}
    index(database, MORE)
    assert indexed(database) == {(d.kind, d.name) for d in MORE}


def fails_and_is_made_again(
    database: Server, when: str, do: Callable[..., None], mend: Callable[[], None]
) -> None:
    event.listen(sa.Engine, when, do)
    try:
        with pytest.raises(ReplicaError):
            index(database, MORE)
    finally:
        event.remove(sa.Engine, when, do)
    mend()
    assert indexed(database) == {(d.kind, d.name) for d in DOCUMENTS}
    index(database, MORE)
    assert indexed(database) == {(d.kind, d.name) for d in MORE}
