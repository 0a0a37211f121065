"""Dagster's history is pruned: what goes, and what stays whatever its age."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    TickData,
    TickStatus,
)
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage

from amodels_assets.commands.materialize import DAGSTER_YAML
from amodels_assets.run_history import prune as module
from amodels_assets.run_history.prune import PruneError, prune
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

ORIGIN = RemoteInstigatorOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("amodels"), "__repository__"), "sensor"
)


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Dagster's tables in memory, which no migration looks after."""
    with dg.DagsterInstance.ephemeral() as found:
        version = (module.SCHEMA, module.SCHEMA)
        monkeypatch.setattr(type(found.event_log_storage), "alembic_version", lambda _: version)
        yield found


def runs(instance: dg.DagsterInstance) -> set[str]:
    return set(instance.get_run_ids())


def test_old_runs_go_with_all_that_they_left(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    old = [run(instance, often, checked=True) for _ in range(3)]
    plain = job.execute_in_process(instance=instance).run_id
    last = run(instance, often)
    before = current(instance)
    done = prune(instance, before=now())
    assert runs(instance) == {last, *old[2:]}, "the last check was in the third"
    assert (done.runs, done.needed_runs, done.checks) == (3, 2, 2)
    for gone in (*old[:2], plain):
        assert instance.all_logs(gone) == []
    assert current(instance) == before
    again = prune(instance, before=now())
    assert (again.runs, again.events, again.checks, again.needed_runs) == (0, 0, 0, 2)


def test_what_is_current_stays_however_old(instance: dg.DagsterInstance) -> None:
    kept = [
        run(instance, once, checked=True),
        run(instance, parted, partition="a"),
        run(instance, fails),
    ]
    superseded = [run(instance, parted, partition="b"), run(instance, often, checked=True)]
    kept += [run(instance, parted, partition="b"), run(instance, often, checked=True)]
    report(instance, passed=False)
    before = current(instance)
    done = prune(instance, before=now())
    assert runs(instance) == set(kept)
    assert (done.runs, done.needed_runs) == (len(superseded), len(kept))
    assert current(instance) == before


def test_a_run_that_is_not_finished_stays(instance: dg.DagsterInstance) -> None:
    at_work = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    waiting = instance.create_run_for_job(job, status=dg.DagsterRunStatus.CANCELING)
    instance.report_engine_event("still at work", at_work)
    job.execute_in_process(instance=instance)
    last = run(instance, often)
    prune(instance, before=now())
    assert runs(instance) == {at_work.run_id, waiting.run_id, last}
    assert len(instance.all_logs(at_work.run_id)) == 1


def test_what_is_young_stays(instance: dg.DagsterInstance) -> None:
    job.execute_in_process(instance=instance)
    moment = now()
    young = {job.execute_in_process(instance=instance).run_id for _ in range(2)}
    prune(instance, before=moment)
    assert runs(instance) == young


def test_a_first_attempt_stays_as_long_as_another(instance: dg.DagsterInstance) -> None:
    first = job.execute_in_process(instance=instance).run_id
    moment = now()
    tags = {"dagster/root_run_id": first, "dagster/parent_run_id": first}
    second = job.execute_in_process(instance=instance, tags=tags).run_id
    last = run(instance, often)
    prune(instance, before=moment)
    assert runs(instance) == {first, second, last}
    prune(instance, before=now())
    prune(instance, before=now())
    assert runs(instance) == {last}


def test_runs_of_a_backfill_stay_until_it_is_done(instance: dg.DagsterInstance) -> None:
    tags = {"dagster/backfill": "one"}
    first = job.execute_in_process(instance=instance, tags=tags).run_id
    last = run(instance, often)
    backfill = PartitionBackfill(
        "one",
        BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=now().timestamp(),
        asset_selection=[parted.key],
        serialized_asset_backfill_data="{}",
    )
    instance.add_backfill(backfill)
    prune(instance, before=now())
    assert runs(instance) == {first, last}
    instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    prune(instance, before=now())
    assert runs(instance) == {last}


def test_reports_outside_of_runs_go_but_for_the_newest(instance: dg.DagsterInstance) -> None:
    for passed in (True, False, True):
        report(instance, passed=passed)
    before = current(instance)
    done = prune(instance, before=now())
    assert (done.events, done.checks) == (4, 2)
    assert current(instance) == before


def test_numbers_of_events_are_never_given_out_again(instance: dg.DagsterInstance) -> None:
    """Sensors go on from the last number that they saw."""
    job.execute_in_process(instance=instance)
    last = job.execute_in_process(instance=instance).run_id
    seen = instance.event_log_storage.get_maximum_record_id()
    prune(instance, before=now())
    assert runs(instance) == {last}
    job.execute_in_process(instance=instance)
    (newest,) = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_SUCCESS, limit=1).records
    assert seen is not None
    assert newest.storage_id > seen


def test_a_dry_run_tells_the_same_and_removes_nothing(instance: dg.DagsterInstance) -> None:
    for _ in range(3):
        run(instance, often, checked=True)
        report(instance, passed=True)
    before = runs(instance)
    told = prune(instance, before=now(), dry_run=True)
    assert runs(instance) == before
    assert told == prune(instance, before=now())
    assert told.runs == 2


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", range(1, 9))
def test_a_second_attempt_ends_what_a_first_one_left(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(module, "ROWS", 7)
    monkeypatch.setattr(module, "RUNS", 2)
    for _ in range(4):
        run(instance, often, checked=True)
    before = current(instance)
    told = 0

    def kill(_: object) -> None:
        nonlocal told
        told += 1
        if told == at:
            raise Killed

    with pytest.raises(Killed):
        prune(instance, before=now(), progress=kill)
    assert current(instance) == before
    prune(instance, before=now())
    (last,) = runs(instance)
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.index_connection() as connection:
        for table, column in (("event_logs", "run_id"), ("asset_check_executions", "run_id")):
            query = sa.select(sa.column(column)).select_from(sa.table(table)).distinct()
            assert set(connection.execute(query).scalars()) == {last}
        tagged = connection.execute(sa.text("select distinct event_id from asset_event_tags"))
        events = connection.execute(sa.text("select id from event_logs"))
        assert set(tagged.scalars()) <= set(events.scalars())
    assert current(instance) == before


def test_a_schema_that_is_not_known_is_left_alone(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.execute_in_process(instance=instance)
    job.execute_in_process(instance=instance)
    monkeypatch.setattr(module, "SCHEMA", "another")
    with pytest.raises(PruneError, match="pruning knows another only: nothing was removed"):
        prune(instance, before=now())
    assert len(runs(instance)) == 2


def test_a_schema_that_waits_for_a_migration_is_left_alone(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(instance.event_log_storage), "alembic_version", lambda _: ("a", "b"))
    with pytest.raises(PruneError, match="dagster instance migrate"):
        prune(instance, before=now())


@pytest.fixture
def on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """SQLite as ``amodels run`` sets it up, one file a run."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    with dg.DagsterInstance.get() as found:
        yield found


def test_files_of_sqlite_go_with_their_runs(on_disk: dg.DagsterInstance, tmp_path: Path) -> None:
    old = job.execute_in_process(instance=on_disk).run_id
    last = run(on_disk, often, checked=True)
    for passed in (True, False):
        report(on_disk, passed=passed)
    before = current(on_disk)
    assert len(list(tmp_path.rglob(f"{old}*"))) > 1
    done = prune(on_disk, before=now())
    assert (done.runs, done.needed_runs, done.checks) == (1, 1, 1)
    assert runs(on_disk) == {last}
    assert list(tmp_path.rglob(f"{old}*")) == []
    assert current(on_disk) == before
    assert isinstance(on_disk.event_log_storage, SqliteEventLogStorage)
    with on_disk.event_log_storage.run_connection("") as connection:
        assert connection.execute(sa.text("select count(*) from event_logs")).scalar() == 1


def test_ticks_go_but_for_the_newest_and_those_at_work(on_disk: dg.DagsterInstance) -> None:
    schedules = on_disk.schedule_storage
    assert schedules is not None
    state = InstigatorState(ORIGIN, InstigatorType.SENSOR, InstigatorStatus.RUNNING)
    schedules.add_instigator_state(state)
    moment = now()
    statuses = [
        TickStatus.STARTED, TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.SUCCESS,
        TickStatus.SKIPPED,
    ]  # fmt: skip
    for hours, status in zip(range(9, 0, -1), statuses, strict=False):
        schedules.create_tick(
            TickData(
                state.instigator_origin_id, state.name, InstigatorType.SENSOR, status,
                (moment - timedelta(hours=hours)).timestamp(), [],
                selector_id=state.selector_id,
            )
        )  # fmt: skip
    done = prune(on_disk, before=moment)
    left = schedules.get_ticks(state.instigator_origin_id, state.selector_id)
    assert done.ticks == 3
    assert [tick.status for tick in left] == [TickStatus.SKIPPED, TickStatus.STARTED]
    assert prune(on_disk, before=moment).ticks == 0
