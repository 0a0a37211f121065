"""PostgreSQL as Dagster's storage: pruned, and places in pools that only one step can take."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from amodels_assets.run_history.prune import prune
from resources.postgresql_event_log import PooledPostgresEventLogStorage
from tests.benchmarks.retention import history_in, simulate
from tests.integration.processes import ROOT, environment
from tests.unit.run_history.history import (
    current,
    fails,
    job,
    now,
    often,
    once,
    parted,
    report,
    run,
)

pytestmark = pytest.mark.xdist_group("deploy")
POOLS = [f"pool_{number}" for number in range(40)]
# Prunes a row at a time and ends itself when it is at work.
KILLED = """
import os, signal
import dagster as dg
from amodels_assets.run_history import prune as module
from tests.unit.run_history.history import now

def told(pruned):
    if pruned.events >= 10:
        os.kill(os.getpid(), signal.SIGKILL)

module.ROWS = 3
with dg.DagsterInstance.get() as instance:
    module.prune(instance, before=now(), progress=told)
"""


@pytest.fixture(scope="module")
def database(postgresql: str) -> str:
    """URL for Dagster of a database of its own."""
    server = sa.make_url(postgresql).set(drivername="postgresql+psycopg2")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text('CREATE DATABASE "history"'))
    engine.dispose()
    return server.set(database="history").render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's home with the settings that are deployed."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    return folder


@pytest.fixture
def instance(
    database: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", database)
    with dg.DagsterInstance.get() as found:
        yield found


def test_a_place_that_two_ask_for_at_once_goes_to_one(instance: dg.DagsterInstance) -> None:
    """Dagster's own storage gives some of them to both."""
    assert isinstance(instance.event_log_storage, PooledPostgresEventLogStorage)
    url = instance.event_log_storage.postgres_url
    storages = [PooledPostgresEventLogStorage(url) for _ in range(2)]
    for pool in POOLS:
        storages[0].set_concurrency_slots(pool, 1)
    together = threading.Barrier(2)
    claimed: dict[str, list[bool]] = {"one": [], "two": []}

    def ask(storage: PooledPostgresEventLogStorage, run_id: str) -> None:
        for pool in POOLS:
            together.wait()
            claimed[run_id].append(storage.claim_concurrency_slot(pool, run_id, "step").is_claimed)

    threads = [
        threading.Thread(target=ask, args=pair) for pair in zip(storages, claimed, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(a + b for a, b in zip(*claimed.values(), strict=True)) == {1: len(POOLS)}


def test_history_is_pruned_though_the_first_attempt_is_killed(
    instance: dg.DagsterInstance, home: Path, database: str
) -> None:
    kept = [run(instance, once, checked=True), run(instance, fails)]
    going = [
        run(instance, parted, partition="a"),
        run(instance, often, checked=True),
        job.execute_in_process(instance=instance).run_id,
    ]
    kept += [run(instance, parted, partition="a"), run(instance, often, checked=True)]
    for passed in (True, False):
        report(instance, passed=passed)
    before = current(instance)
    told = prune(instance, before=now(), dry_run=True)
    assert (told.runs, told.needed_runs) == (len(going), len(kept))
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        env=environment(home, DAGSTER_HOME=str(home), DAGSTER_POSTGRES_URL=database),
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert current(instance) == before
    rest = prune(instance, before=now())
    assert 10 <= told.events - rest.events < 13
    assert set(instance.get_run_ids()) == set(kept)
    assert current(instance) == before
    storage = instance.event_log_storage
    assert isinstance(storage, PooledPostgresEventLogStorage)
    with storage.index_connection() as connection:
        left = connection.execute(sa.text("select distinct run_id from event_logs")).scalars()
        assert set(left) == {*kept, ""}
        tagged = connection.execute(sa.text("select distinct event_id from asset_event_tags"))
        events = connection.execute(sa.text("select id from event_logs"))
        assert set(tagged.scalars()) <= set(events.scalars())
    assert prune(instance, before=now()).events == 0


def test_what_is_kept_has_the_same_size_week_after_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The benchmark with a hundredth of its events; it compares what is current itself."""
    # It sets them, and they are to be taken back.
    for name in ("DAGSTER_HOME", "DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(name, "")
    options = Namespace(events=6_000, weeks=6, keep_weeks=2, pairs=2)
    folders = [tmp_path / title for title in ("pruned", "kept")]
    with ExitStack() as stack:
        for folder in folders:
            folder.mkdir()
        pruned, kept = (stack.enter_context(history_in(folder, 3)) for folder in folders)
        found = simulate(pruned, kept, options)
    events = [week["events, pruned"] for week in found[2:]]
    assert len(set(events)) == 1
    assert events[0] < 2_500 < found[-1]["events, kept"]
    sizes = [week["MB, pruned"] for week in found[2:]]
    assert max(sizes) <= 1.2 * min(sizes) + 1
