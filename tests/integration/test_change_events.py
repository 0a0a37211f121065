"""The stream of catalog changes: what it says, that it says it once, and its command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from amodels_assets.artifacts import Artifact, ArtifactStore, write_table
from amodels_assets.cli import cli
from amodels_assets.sgmi.change_assets import STREAM, change_events
from amodels_assets.sgmi.changes import CATALOG_TABLES
from amodels_assets.sgmi.schema import SCHEMAS, arrow_table
from resources.artifact_store import ArtifactStoreResource
from resources.event_stream import EventStreamResource
from tests.integration.replica_source import Source, Views, catalog_of
from tests.redis_server import RedisServer

pytestmark = pytest.mark.xdist_group("redis")
BEFORE: Source = {"d.t": ({"a": "int", "b": "string"}, None), "d.gone": ({"x": "int"}, None)}
AFTER: Source = {"d.t": ({"a": "bigint", "c": "string"}, None), "d.new": ({"x": "int"}, None)}
VIEWS: Views = {"d.v": ("select a from t", ["a"], ["d.t"])}
CHANGED: Views = {"d.v": ("select a + 1 as a from t", ["a"], ["d.t"])}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def store(tmp_path: Path, server: RedisServer) -> ArtifactStore:
    with EventStreamResource(redis_url=server.url).stream("x") as stream:
        stream._client.flushdb()
    return ArtifactStore(tmp_path / "artifacts")


def publish(store: ArtifactStore, source: Source, views: Views) -> Artifact:
    tables = {name: arrow_table(name, []) for name in CATALOG_TABLES}
    tables.update({k: v for k, v in catalog_of(source, views).items() if k in tables})
    assert all(tables[name].schema == SCHEMAS[name] for name in tables)

    def produce(folder: Path) -> None:
        for name, table in tables.items():
            write_table(folder, name, table)

    inputs = {"content": str((source, views))}
    return store.publish("sgmi/catalog", inputs=inputs, code_version="1", produce=produce)


def materialize(store: ArtifactStore, server: RedisServer) -> int:
    result = dg.materialize(
        [change_events],
        resources={
            "artifact_store": ArtifactStoreResource(root=str(store.root)),
            "event_streams": EventStreamResource(redis_url=server.url),
        },
    )
    (made,) = result.get_asset_materialization_events()
    return int(str(made.materialization.metadata["dagster/row_count"].value))


def told(server: RedisServer, group: str) -> list[dict]:
    with EventStreamResource(redis_url=server.url).stream(STREAM) as stream:
        found = stream.read(group, "test")
        stream.acknowledge(group, found)
    return [message.event for message in found]


def test_changes_are_told_once(store: ArtifactStore, server: RedisServer) -> None:
    first = publish(store, BEFORE, VIEWS)
    assert materialize(store, server) == 3
    assert {(e["name"], e["change"]) for e in told(server, "g")} == {
        ("d.t", "added"),
        ("d.gone", "added"),
        ("d.v", "added"),
    }
    assert materialize(store, server) == 0
    second = publish(store, AFTER, CHANGED)
    materialize(store, server)
    assert materialize(store, server) == 0
    events = told(server, "g")
    assert [(e["object"], e["name"], e["change"]) for e in events] == [
        ("table", "d.gone", "removed"),
        ("table", "d.new", "added"),
        ("view", "d.v", "changed"),
        ("column", "d.t.a", "changed"),
        ("column", "d.t.b", "removed"),
        ("column", "d.t.c", "added"),
    ]
    assert events[3]["properties"] == {"type": {"before": "int", "after": "bigint"}}
    assert {(e["catalog_before"], e["catalog"]) for e in events} == {
        (first.data_version, second.data_version)
    }


def test_a_catalog_whose_predecessor_is_gone(store: ArtifactStore, server: RedisServer) -> None:
    first = publish(store, BEFORE, VIEWS)
    materialize(store, server)
    publish(store, AFTER, CHANGED)
    store.delete_version(first)
    materialize(store, server)
    events = told(server, "g")
    assert ("catalog", "replaced") in {(e["object"], e["change"]) for e in events}
    assert {e["name"] for e in events if e["change"] == "added"} >= {"d.t", "d.new", "d.v"}


def test_the_command(
    store: ArtifactStore, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, BEFORE, VIEWS)
    materialize(store, server)
    monkeypatch.setenv("AMODELS_REDIS_URL", server.url)
    shown = CliRunner().invoke(cli, ["events", "list", "--json"])
    assert {json.loads(line)["name"] for line in shown.output.splitlines()} == {
        "d.t", "d.gone", "d.v"
    }  # fmt: skip
    followed = CliRunner().invoke(cli, ["events", "follow", "--group", "a", "--once"])
    assert followed.output.count("added") == 3
    again = CliRunner().invoke(cli, ["events", "follow", "--group", "a", "--once"])
    assert again.output == ""
    monkeypatch.delenv("AMODELS_REDIS_URL")
    assert "AMODELS_REDIS_URL" in CliRunner().invoke(cli, ["events", "list"]).output
