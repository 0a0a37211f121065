"""Texts that attack, fed through every public entry: nothing else changes, names come back exactly.

Belongs here: entries and stores. What single functions make of such names is tested beside them
(``test_replica.py``, ``test_graph_stores.py``, ``test_search.py``).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from redis import Redis

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.cli import cli
from amodels_assets.controlm.ledger import CHANGES, SET_BY_HAND
from amodels_assets.graph.assets import knowledge_graph
from amodels_assets.graph.labels import NODE_LABELS
from amodels_assets.graph.load import STATE_LABEL
from amodels_assets.graph.model import GraphError
from amodels_assets.graph.neo4j_assets import graph_store_equals_artifact, neo4j_graph
from amodels_assets.graph.neo4j_store import connected_graph
from amodels_assets.graph.store import open_graph
from amodels_assets.schemas.assets import replica_assets
from amodels_assets.schemas.checks import replica_checks
from amodels_assets.schemas.connect import connected
from amodels_assets.schemas.identifiers import target_identifier
from amodels_assets.schemas.targets import Target
from amodels_assets.search.assets import postgresql_search_index, search_index
from amodels_assets.search.checks import index_has_the_catalog, postgresql_index_has_the_catalog
from amodels_assets.sgmi.change_assets import STREAM, change_events
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource
from resources.event_stream import EventStreamResource
from resources.graph_database import GraphDatabaseResource
from resources.locks import LockResource
from resources.sgmi_source import SgmiSourceResource
from tests.bolt_server import BoltServer
from tests.integration.attacked_catalog import (
    ALL,
    TEXTS,
    WITHOUT_ZERO,
    literal,
    publish,
    rows,
    view_of,
    write_dumps,
)
from tests.integration.attacked_catalog import quoted as hive_name
from tests.integration.processes import ROOT
from tests.integration.replica_source import Source, apply
from tests.redis_server import RedisServer

pytestmark = pytest.mark.xdist_group("injection")
Content = dict[str, list[str]]


@dataclass
class Stores:
    """Every store, each with something of somebody else's in it."""

    home: Path
    source: Path
    postgresql: str
    sqlite: str
    bolt: str
    redis: str

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(self.home / "artifacts")

    def url(self, dialect: str) -> str:
        return {"sqlite": self.sqlite, "postgresql": self.postgresql}[dialect]

    def put_canaries(self) -> None:
        for url in (self.postgresql, self.sqlite):
            with connected(url) as connection:
                for name in ("canary", "x", "documents"):
                    connection.exec_driver_sql(f"CREATE TABLE {name} (id INTEGER)")
                    connection.exec_driver_sql(f"INSERT INTO {name} VALUES (42)")
                connection.commit()
        with connected_graph(self.bolt) as graph:
            graph.write("CREATE (:Canary {id: 'kept'})-[:SINGS]->(:Table {id: 'theirs'})")
        with closing(Redis.from_url(self.redis)) as client:
            client.set("canary", "42")

    def run(self) -> dg.ExecuteInProcessResult:
        targets = [Target("sqlite", ""), Target("postgresql", "")]
        return dg.materialize(
            [
                *replica_assets(targets),
                *replica_checks(targets),
                knowledge_graph,
                neo4j_graph,
                graph_store_equals_artifact,
                search_index,
                index_has_the_catalog,
                postgresql_search_index,
                postgresql_index_has_the_catalog,
                change_events,
            ],
            resources={
                "artifact_store": ArtifactStoreResource(root=str(self.home / "artifacts")),
                "sgmi_source": SgmiSourceResource(directory=str(self.source)),
                "replica_databases": DatabaseResource(
                    sqlite=self.sqlite, postgresql=self.postgresql
                ),
                "graph_database": GraphDatabaseResource(url=self.bolt),
                "event_streams": EventStreamResource(redis_url=self.redis),
                "locks": LockResource(redis_url=self.redis, folder=str(self.home / "locks")),
            },
            raise_on_error=False,
        )

    def content(self) -> Content:
        """Everything that is in every store."""
        found: Content = {}
        for url in (self.postgresql, self.sqlite):
            with connected(url) as connection:
                for schema, name in relations(connection):
                    table = sa.table(quoted(name), schema=quoted(schema) if schema else None)
                    rows = connection.execute(sa.select(sa.text("*")).select_from(table))
                    found[f"{connection.dialect.name} {schema} {name}"] = sorted(map(repr, rows))
        with connected_graph(self.bolt) as graph:
            found["nodes"] = sorted(map(repr, graph.ask("MATCH (n) RETURN labels(n) AS l, n AS n")))
            query = "MATCH (a)-[r]->(b) RETURN a.id AS a, type(r) AS t, r.kind AS k, b.id AS b"
            found["relationships"] = sorted(map(repr, graph.ask(query)))
        with closing(Redis.from_url(self.redis, decode_responses=True)) as client:
            found["keys"] = sorted(map(str, client.keys()))
            found["canary"] = [str(client.get("canary"))]
            found["events"] = sorted(map(repr, client.xrange(STREAM)))
        return found


def quoted(name: str) -> sa.sql.quoted_name:
    return sa.sql.quoted_name(name, quote=True)


def relations(connection: sa.Connection) -> set[tuple[str | None, str]]:
    """Schema and name of every table and view that the database itself does not need."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE sql IS NOT NULL")
        return {(None, name) for (name,) in rows}
    rows = connection.exec_driver_sql(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    return {(schema, name) for schema, name in rows}


@pytest.fixture(scope="module")
def stores(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stores]:
    """All stores after the attacked catalog went into them."""
    home = tmp_path_factory.mktemp("home")
    bolt = BoltServer(tmp_path_factory.mktemp("bolt"))
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    sqlite = f"sqlite:///{home / 'replica.sqlite'}"
    found = Stores(home, home / "source", postgresql, sqlite, bolt.url, redis.url)
    write_dumps(found.source)
    publish(found.artifacts)
    found.put_canaries()
    yield found
    bolt.stop()
    redis.stop()


@pytest.fixture(scope="module")
def result(stores: Stores) -> dg.ExecuteInProcessResult:
    return stores.run()


def test_every_asset_is_made_and_every_check_passes(result: dg.ExecuteInProcessResult) -> None:
    checks = result.get_asset_check_evaluations()
    assert [(c.asset_key, c.description) for c in checks if not c.passed] == []
    assert len(checks) == 7
    assert [e.step_key for e in result.all_events if e.is_step_failure] == []


@pytest.fixture(scope="module")
def untouched(result: dg.ExecuteInProcessResult, stores: Stores) -> Content:
    """What is in the stores after the run: no command that only asks may change it."""
    assert result.success
    return stores.content()


def in_target(name: str, dialect: str) -> str:
    """A name as it has to come back: itself, unless the target has no such name."""
    if "\x00" in name or (dialect == "postgresql" and len(name.encode()) > 63):
        return target_identifier(name, dialect)
    return name


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_databases_hold_the_names_and_nothing_more(
    untouched: Content, stores: Stores, dialect: str
) -> None:
    def place(database: str, name: str) -> tuple[str | None, str]:
        if dialect == "sqlite":
            return None, f"{database}.{name}"
        return in_target(database, dialect), in_target(name, dialect)

    wanted = {place("d", "all"), place("d", "literals")}
    wanted |= {place(name, table) for name in WITHOUT_ZERO for table in (name, view_of(name))}
    record = ("applied_objects", "applied_steps")
    others = {"canary", "x", "documents"}
    if dialect == "sqlite":
        wanted |= {(None, f"amodels_replica.{name}") for name in record}
        wanted |= {(None, name) for name in others}
    else:
        wanted |= {("amodels_replica", name) for name in record}
        wanted |= {("public", name) for name in others} | {("amodels_search", "documents")}
    with connected(stores.url(dialect)) as connection:
        assert relations(connection) == wanted
        columns = column_names(connection, *place(*ALL))
    assert columns == [in_target(name, dialect) for name in TEXTS]
    for name in others:
        schema = None if dialect == "sqlite" else "public"
        assert untouched[f"{dialect} {schema} {name}"] == ["(42,)"]


def column_names(connection: sa.Connection, schema: str | None, name: str) -> list[str]:
    if connection.dialect.name == "sqlite":
        query = sa.text("SELECT name FROM pragma_table_info(:name) ORDER BY cid")
    else:
        query = sa.text(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = :schema AND table_name = :name ORDER BY ordinal_position"
        )
    values = {"name": name} | ({"schema": schema} if schema else {})
    return list(connection.execute(query, values).scalars())


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_values_and_literals_of_views_come_back(
    result: dg.ExecuteInProcessResult, stores: Stores, dialect: str
) -> None:
    assert result.success
    schema, prefix = ("d", "") if dialect == "postgresql" else (None, "d.")
    with connected(stores.url(dialect)) as connection:
        table = sa.table(quoted(f"{prefix}all"), schema=schema)
        found = connection.execute(sa.select(sa.text("*")).select_from(table)).all()
        view = sa.table(quoted(f"{prefix}literals"), schema=schema)
        shown = connection.execute(sa.select(sa.text("*")).select_from(view)).first()
    by_row = zip(*rows().to_pydict().values(), strict=True)
    assert sorted(map(repr, map(tuple, found))) == sorted(map(repr, by_row))
    assert shown is not None
    assert tuple(shown) == WITHOUT_ZERO


def test_comments_come_back(result: dg.ExecuteInProcessResult, stores: Stores) -> None:
    assert result.success
    query = sa.text(
        "SELECT n.nspname, obj_description(c.oid, 'pg_class'), col_description(c.oid, 2) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname = ANY(:schemas) AND c.relname = n.nspname"
    )
    names = {in_target(name, "postgresql"): name for name in WITHOUT_ZERO}
    with connected(stores.postgresql) as connection:
        found = connection.execute(query, {"schemas": list(names)}).all()
    assert {schema: (table, column) for schema, table, column in found} == {
        shortened: (name, name) for shortened, name in names.items()
    }


def test_the_record_names_what_the_source_names(
    result: dg.ExecuteInProcessResult, stores: Stores
) -> None:
    assert result.success
    for target in ("sqlite", "postgresql"):
        shown = invoke(stores, "schemas", "history", "--target", target, "--number", "1000",
                       "--json")  # fmt: skip
        steps = json.loads(shown.output)
        assert {row["source_database"] for row in steps} == {"d", *WITHOUT_ZERO}
        tables = {row["source_table"] for row in steps if row["step"] == "create_table"}
        assert tables == {"all", *WITHOUT_ZERO}


def test_graphs_hold_the_names_and_nothing_more(untouched: Content, stores: Stores) -> None:
    embedded = open_graph(stores.artifacts.get("graph/knowledge_graph").path)
    with connected_graph(stores.bolt) as server:
        for graph in (embedded, server):
            for label in ("Job", "Condition", "Database"):
                query = f"MATCH (n:{label}) RETURN n.name AS name"
                names = {row["name"] for row in graph.ask(query)}
                assert names - {"d"} == set(WITHOUT_ZERO if label == "Database" else TEXTS)
        labels = {row["l"][0] for row in server.ask("MATCH (n) RETURN DISTINCT labels(n) AS l")}
        assert labels <= {*NODE_LABELS, STATE_LABEL, "Canary"}
        kept = server.ask("MATCH (n:Canary)-[r:SINGS]->(m) RETURN n.id AS n, m.id AS m")
    assert kept == [{"n": "kept", "m": "theirs"}]


def test_the_stream_tells_the_names_and_nothing_else_is_there(
    untouched: Content, stores: Stores
) -> None:
    with EventStreamResource(redis_url=stores.redis).stream(STREAM) as stream:
        told = [message.event for message in stream.newest(10_000)]
    assert {event["name"] for event in told if event["object"] == "job"} == set(TEXTS)
    tables = {f"{name}.{name}" for name in WITHOUT_ZERO}
    assert {e["name"] for e in told if e["object"] == "table"} == {"d.all", *tables}
    assert untouched["keys"] == sorted([STREAM, f"{STREAM}:mark", "canary"])


# Entries: what a user types. {} is where the attack goes; the code that has to come out.
ASKING = [
    (["ask", "{}"], 1),
    (["ask", "readers_of_a_table", "{}.{}"], None),
    (["ask", "impact_of_a_column", "{}.{}.{}", "--json"], 0),
    (["search", "{}"], None),
    (["search", "--kind", "{}", "x"], 2),
    (["search", "--number", "{}", "x"], 2),
    (["trace", "{}"], 1),
    (["trace", "{}.{}.{}"], None),
    (["trace", "d.all", "--depth", "{}"], 2),
    (["trace", "d.all", "--catalog", "{}"], 1),
    (["schemas", "plan", "--target", "{}"], 2),
    (["schemas", "history", "--target", "{}"], 2),
    (["schemas", "history", "--number", "{}"], 2),
    (["schemas", "apply", "--target", "{}"], 2),
    (["export", "graph", "--format", "{}", "--out", "out"], 2),
    (["events", "list", "--number", "{}"], 2),
    (["openlineage", "--event-time", "{}"], 2),
    (["openlineage", "--namespace", "{}", "--job-namespace", "{}"], None),
    (["controlm", "list", "{}"], None),
    (["run", "--select", "{}"], 2),
    (["release", "show", "{}"], 2),
    (["status", "{}"], 2),
]


def invoke(stores: Stores, *arguments: str, **variables: str) -> Result:
    environment = {
        "AMODELS_HOME": str(stores.home),
        "AMODELS_SGMI_DIR": str(stores.source),
        "AMODELS_POSTGRES_URL": stores.postgresql,
        "AMODELS_NEO4J_URL": stores.bolt,
        "AMODELS_REDIS_URL": stores.redis,
        **variables,
    }
    if "sqlite" in arguments:
        del environment["AMODELS_POSTGRES_URL"]
    return CliRunner().invoke(cli, list(arguments), env=environment)


@pytest.mark.parametrize(
    ("arguments", "code"), ASKING, ids=lambda v: " ".join(v or ()) if not isinstance(v, int) else ""
)
def test_commands_that_ask(
    arguments: list[str],
    code: int | None,
    untouched: Content,
    stores: Stores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    # No command line has a zero byte.
    for attack in WITHOUT_ZERO:
        done = invoke(stores, *(part.replace("{}", attack) for part in arguments))
        assert_clear(done)
        if code is not None:
            assert done.exit_code == code, (attack, done.output)
    assert list(tmp_path.iterdir()) == []
    assert stores.content() == untouched


def test_what_is_asked_about_by_name_is_found(untouched: Content, stores: Stores) -> None:
    assert untouched
    for name in WITHOUT_ZERO:
        asked = invoke(stores, "ask", "delayed_by_a_failing_job", name, "--json")
        assert json.loads(asked.output)["subject"] == f"job:{name}"
        if "." not in name:
            traced = invoke(stores, "trace", f"{name}.{name}.{name}", "--down", "--json")
            assert traced.exit_code == 0, traced.output
            assert json.dumps(view_of(name)) in traced.output


@pytest.mark.parametrize("variable", ["AMODELS_POSTGRES_URL", "AMODELS_NEO4J_URL"])
def test_a_database_of_that_name_is_not_there(
    untouched: Content, stores: Stores, variable: str
) -> None:
    for name in WITHOUT_ZERO:
        url = sa.make_url(stores.postgresql)
        bolt, _, _ = stores.bolt.rpartition("/")
        value = {
            "AMODELS_POSTGRES_URL": url.set(database=name).render_as_string(hide_password=False),
            "AMODELS_NEO4J_URL": f"{bolt}/{quote(name, safe='')}",
        }[variable]
        if variable == "AMODELS_POSTGRES_URL":
            done = invoke(stores, "schemas", "plan", **{variable: value})
            assert_clear(done)
            assert done.exit_code == 1, name
            continue
        with pytest.raises(GraphError), connected_graph(value) as graph:
            graph.ask("MATCH (n) RETURN count(n) AS n")
    assert stores.content() == untouched


def test_groups_and_consumers_of_any_name(untouched: Content, stores: Stores) -> None:
    with EventStreamResource(redis_url=stores.redis).stream(STREAM) as stream:
        for name in WITHOUT_ZERO[1:]:
            stream.create_group(name, from_now=True)
    for name in WITHOUT_ZERO:
        reader = ("--group", name, "--consumer", name)
        read = invoke(stores, "events", "follow", *reader, "--once", "--json")
        assert read.exit_code == 0, read.output
        wanted = len(untouched["events"]) if name == WITHOUT_ZERO[0] else 0
        assert len(read.output.splitlines()) == wanted
    with closing(Redis.from_url(stores.redis, decode_responses=True)) as client:
        groups = {group["name"] for group in client.xinfo_groups(STREAM)}
        consumers = {
            consumer["name"]
            for group in groups
            for consumer in client.xinfo_consumers(STREAM, group)
        }
        for group in groups:
            client.xgroup_destroy(STREAM, group)
    assert groups == consumers == set(WITHOUT_ZERO)
    assert stores.content() == untouched


def test_exports_go_where_they_are_told(untouched: Content, stores: Stores, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for i, name in enumerate(n for n in WITHOUT_ZERO if "/" not in n and len(n.encode()) < 255):
        form = ("graphml", "glean", "parquet")[i % 3]
        done = invoke(stores, "export", "graph", "--format", form, "--out", str(home / name))
        assert done.exit_code == 0, done.output
        assert (home / name).is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    facts = json.loads((home / WITHOUT_ZERO[1] / "facts.json").read_text())
    names = {fact["key"]["name"] for fact in facts[0]["facts"] if fact["key"]["label"] == "Job"}
    assert names == set(TEXTS)
    assert stores.content() == untouched


def test_the_config_of_an_asset(untouched: Content, stores: Stores) -> None:
    reload = [f"{name}.{name}" for name in WITHOUT_ZERO]
    done = dg.materialize(
        replica_assets([Target("postgresql", "")]),
        resources={
            "artifact_store": ArtifactStoreResource(root=str(stores.home / "artifacts")),
            "replica_databases": DatabaseResource(postgresql=stores.postgresql),
            "locks": LockResource(folder=str(stores.home / "locks")),
        },
        run_config={"ops": {"schemas__postgresql": {"config": {"reload": reload}}}},
    )
    (made,) = done.get_asset_materialization_events()
    assert made.materialization.metadata["unchanged"].value
    assert stores.content() == untouched


def test_conditions_of_any_name(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = WITHOUT_ZERO[::3]
    for name in chosen:
        done = invoke(stores, "controlm", "set-condition", name, DAGSTER_HOME=str(tmp_path))
        assert done.exit_code == 0, done.output
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        found = instance.fetch_materializations(dg.AssetKey(SET_BY_HAND), limit=1000).records
    told = [r.asset_materialization.metadata[CHANGES].value for r in found]
    assert {change[0]["condition"] for change in told} == set(chosen)


def assert_clear(done: Result) -> None:
    """It worked, or ended with a message: a ``SystemExit`` or an error that the command shows."""
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception


DUMPED = [text for text in WITHOUT_ZERO if "`" not in text and text.strip()]


def test_dumps_that_attack(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    (source / "hive-ddl").mkdir(parents=True)
    (source / "controlm").mkdir()
    statements = [
        f"create table {hive_name(name)}.{hive_name(name)} ({hive_name(name)} string comment "
        f"{literal(name)}) comment {literal(name)} partitioned by ({hive_name('p' + name)} int);\n"
        for name in DUMPED
    ]
    (source / "hive-ddl" / "d.hql").write_text("".join(statements), "utf-8", newline="")
    jobs = {
        name: {"Type": "Job:Command", "Command": name, "RunAs": name,
               "eventsToAdd": {"Type": "AddEvents", "Events": [{"Event": name}]}}
        for name in TEXTS
    }  # fmt: skip
    (source / "controlm" / "d.json").write_text(json.dumps({"F": {"Type": "Folder", **jobs}}))
    done = CliRunner().invoke(cli, ["catalog", str(source), "--out", str(out)])
    assert done.exit_code == 0, done.output
    found = {
        n: pq.read_table(out / f"{n}.parquet").to_pylist() for n in ("tables", "columns", "jobs")
    }
    # A text file has no control characters, whatever its bytes are.
    wanted = {plain(name) for name in DUMPED}
    assert {(row["database"], row["table"], plain(row["comment"])) for row in found["tables"]} == {
        (name, name, name) for name in wanted
    }
    assert {row["column"] for row in found["columns"]} == wanted | {f"p{name}" for name in wanted}
    assert {(plain(row["job"]), plain(row["command"])) for row in found["jobs"]} == {
        (plain(name), plain(name)) for name in TEXTS
    }
    assert not any("\x00" in text for row in found["jobs"] for text in (row["job"], row["command"]))


def plain(name: str) -> str:
    """Without control characters, and without the space that dumps have around a name."""
    return re.sub(r"[\x00-\x08\x0e-\x1f]|\r", " ", name.replace("\r\n", "\n")).strip()


# Every part that varies in a statement: names that were quoted, question marks, members of closed
# lists, and queries written from a syntax tree. SAP HANA's comments are literals of their own,
# tested beside them (``hana_definitions.py``, ``hana_views.py``).
VARYING = {
    "graph/load.py": {"label", "source", "target", "kind", "name", "STATE_LABEL"},
    "graph/questions.py": {"label", "pattern", "kind", "target"},
    "graph/walks.py": {"step.label", "arrow"},
    "schemas/apply_views.py": {
        "quoted_name_of(connection, *known.place)",
        "target",
        "names",
        "view.statement",
    },
    "schemas/connect.py": {"LOCK_SECONDS", "LOCK_SECONDS * 1000"},
    "schemas/hana.py": {"target", "names", "places"},
    "schemas/load.py": {"target", "names", "places"},
    "schemas/read_back.py": {"', '.join(columns)", "target"},
    "search/postgresql_index.py": {"SCHEMA"},
    "search/sqlite_index.py": {"_WEIGHTS", "places"},
}
STATEMENT = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|TRUNCATE|COPY|MERGE|MATCH|UNWIND|SET)\b"
)


def test_no_value_is_formatted_into_a_statement() -> None:
    package = ROOT / "amodels_assets"
    found: dict[str, set[str]] = {}
    for room in ("schemas", "graph", "search"):
        for path in sorted((package / room).glob("*.py")):
            if path.name in ("hana_definitions.py", "hana_views.py"):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr) and begins_like_a_statement(node):
                    parts = {
                        ast.unparse(value.value)
                        for value in node.values
                        if isinstance(value, ast.FormattedValue)
                    }
                    found.setdefault(f"{room}/{path.name}", set()).update(parts)
    assert found == VARYING


def begins_like_a_statement(node: ast.JoinedStr) -> bool:
    first = node.values[0]
    return isinstance(first, ast.Constant) and bool(STATEMENT.match(str(first.value)))


def test_long_names_with_the_same_beginning_stay_apart(url: str) -> None:
    names = ["x" * 199 + end for end in "ab"] + ["ü" * 100 + end for end in "ab"]
    table = pa.table({name: [f"value of {name}"] for name in names})
    source: Source = {
        f"{names[0]}.{name}": (dict.fromkeys(names, "string"), table) for name in names
    }
    source |= {f"{names[1]}.{names[0]}": ({"x": "int"}, None)}
    assert apply(url, source) == [("created", "")] * 5
    with connected(url) as connection:
        made = relations(connection)
        longest = max(len(name.encode()) for _, name in made)
    assert len(made) == 5 + 2
    assert longest <= 63 or connection.dialect.name == "sqlite"


def test_a_zero_byte_costs_its_own_table_only(url: str) -> None:
    source: Source = {
        "d.a\x00b": ({"x": "int"}, None),
        "d.good": ({"x": "string"}, pa.table({"x": ["text"]})),
        "d.value": ({"x": "string"}, pa.table({"x": ["be\x00fore"]})),
    }
    found = dict(zip(source, apply(url, source), strict=True))
    assert found["d.a\x00b"] == ("skipped", "its name has a zero byte")
    assert found["d.good"] == ("created", "")
    if url.startswith("sqlite"):
        assert found["d.value"] == ("created", "")
    else:
        assert found["d.value"][0] == "skipped"
        with connected(url) as connection:
            assert ("d", "value") not in relations(connection)
