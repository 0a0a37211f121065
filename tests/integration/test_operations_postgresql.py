"""The record of operations in PostgreSQL: the same rows, sums and pruning as in SQLite."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from amodels_assets.operations.intake import take_in
from amodels_assets.operations.prices import Prices
from amodels_assets.operations.retention import prune
from amodels_assets.operations.schema import METADATA, OPERATIONS
from amodels_assets.operations.store import opened
from amodels_assets.operations.summary import by_day, costs, failures, summary
from tests.unit.operations.counting import counted_by_the_instance, counted_here
from tests.unit.operations.pipeline import run_everything

from .processes import ROOT, amodels

# One of the whole runs that its tests look at is enough.
pytestmark = pytest.mark.xdist_group("whole_run")

DAY = 86400.0


@pytest.fixture
def database(postgresql: str) -> str:
    """URL of an empty database."""
    server = sa.make_url(postgresql)
    name = f"operations_{time.time_ns()}"
    admin = sa.create_engine(
        server.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def home(undisturbed: Path, tmp_path: Path) -> Path:
    """Home of a whole run, for this test alone."""
    return Path(shutil.copytree(undisturbed, tmp_path / "home"))


STORAGE = """\
storage:
  postgres:
    postgres_url: {url}
"""


def test_a_log_in_postgresql_is_taken_in_too(database: str, tmp_path: Path) -> None:
    """There all runs, and events of none, have one numbering; record and log share a database."""
    url = sa.make_url(database).set(drivername="postgresql+psycopg2")
    text = STORAGE.format(url=json.dumps(url.render_as_string(hide_password=False)))
    (tmp_path / "dagster.yaml").write_text(text)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance, opened(database) as engine:

        def take(now: float) -> None:
            audit_log = tmp_path / "audit"
            take_in(instance, engine, prices=Prices(), audit_log=audit_log, now=now)

        for _ in range(2):
            instance.report_runless_asset_event(dg.AssetObservation(["serving", "endpoint"]))
            run_everything(instance)
            take(time.time())
        assert counted_here(engine) == counted_by_the_instance(instance)
        for _ in range(2):
            take(time.time() + 120)
            assert counted_here(engine) == counted_by_the_instance(instance)


def looks(engine: sa.Engine) -> list[list[dict[str, object]]]:
    with engine.begin() as connection:
        return [look(connection, 0.0) for look in (summary, failures, costs, by_day)]


def test_both_databases_say_the_same(
    home: Path, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    now = time.time() + 120
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(dg.AssetObservation(["serving", "endpoint"]))
        for url in (database, f"sqlite:///{tmp_path / 'operations.sqlite'}"):
            with opened(url) as engine:
                for _ in range(2):
                    take_in(
                        instance, engine, prices=Prices(cpu_price_per_hour=1.0),
                        audit_log=home / "gateway" / "audit", now=now,
                    )  # fmt: skip
    with opened(database) as one, opened(f"sqlite:///{tmp_path / 'operations.sqlite'}") as other:
        found = looks(one)
        assert approximately(found) == looks(other)
        assert {row["kind"] for row in found[0]} >= {"run", "step", "materialization", "check"}
        # The steps of amodels run are measured.
        assert all(row["cpu_seconds"] is not None for row in found[2])
        # All of it is old in a year, and adds up to the same.
        counts = [prune(engine, DAY, now + 365 * DAY) for engine in (one, other)]
        assert counts[0] == counts[1] > 100
        assert approximately(looks(one)[2:]) == found[2:]
        with one.begin() as connection:
            assert not connection.execute(
                sa.select(sa.func.count()).select_from(OPERATIONS)
            ).scalar()


def approximately(looked: list[list[dict[str, object]]]) -> list[list[object]]:
    """Databases add figures up in different orders."""
    return [[pytest.approx(row) for row in rows] for rows in looked]


def test_migrations_lead_to_the_declared_tables(database: str) -> None:
    with opened(database) as engine, engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "operations_version", "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_two_processes_that_open_an_empty_record_at_once(database: str) -> None:
    code = (
        "import sys; from amodels_assets.operations.store import opened\n"
        "with opened(sys.argv[1]) as engine: print('opened')"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, database],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    assert [process.communicate()[0] for process in processes] == ["opened\n"] * 2


def test_the_command_line_uses_it(home: Path, database: str) -> None:
    done = amodels("ops", "summary", home=home, AMODELS_OPERATIONS_URL=database)
    assert done.returncode == 0, done.stderr
    assert "materialization" in done.stdout
    assert not (home / "operations.sqlite").exists()
