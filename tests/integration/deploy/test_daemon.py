"""Daemon, queue, pool and run monitoring with PostgreSQL, by the settings that are deployed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import cast

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorTick,
    ScheduleInstigatorData,
)

from tests.integration.deploy.platform import Platform, status, until

pytestmark = pytest.mark.xdist_group("deploy")
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.fixture(scope="module")
def platform(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Code location and daemon, at work."""
    found = Platform(tmp_path_factory.mktemp("platform"), postgresql)
    try:
        found.start("code-location")
        found.start("daemon")
        yield found
    finally:
        found.stop()


@pytest.fixture
def instance(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The same instance, as another process sees it."""
    for name in ("DAGSTER_HOME", "DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(name, platform.variables[name])
    with dg.DagsterInstance.get() as found:
        yield found


def ended(instance: dg.DagsterInstance, run_id: str, seconds: float = 120) -> dg.DagsterRunStatus:
    def look() -> dg.DagsterRunStatus | None:
        now = status(instance, run_id)
        return now if now in (SUCCESS, FAILURE) else None

    return until(look, f"the end of {run_id}", seconds)


def tagged(instance: dg.DagsterInstance, **tags: str) -> list[dg.DagsterRun]:
    wanted = {f"dagster/{name}": value for name, value in tags.items()}
    return list(instance.get_runs(dg.RunsFilter(tags=wanted)))


def test_a_queued_run_is_launched(platform: Platform, instance: dg.DagsterInstance) -> None:
    run = platform.launch(instance, "short_job")
    assert ended(instance, run) is SUCCESS
    kinds = [entry.dagster_event_type for entry in instance.all_logs(run)]
    assert kinds[0] is dg.DagsterEventType.RUN_ENQUEUED


def test_a_sensor_fires_once(platform: Platform, instance: dg.DagsterInstance) -> None:
    (platform.folder / "arrived").touch()
    (run,) = until(lambda: tagged(instance, sensor_name="on_file"), "a run of the sensor")
    assert ended(instance, run.run_id) is SUCCESS
    assert len(tagged(instance, sensor_name="on_file")) == 1


def test_a_killed_run_is_marked_within_a_minute_and_begun_again(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    run = platform.launch(instance, "held_job")
    first = until(lambda: [s for s in platform.said("held") if s["run"] == run], "the op")[0]
    os.kill(int(str(first["pid"])), signal.SIGKILL)
    assert ended(instance, run, seconds=60) is FAILURE
    again = until(lambda: tagged(instance, parent_run_id=run), "a second attempt")
    assert ended(instance, again[0].run_id) is SUCCESS


def test_a_run_that_its_code_location_took_with_it_is_marked_within_a_minute(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    run = platform.launch(instance, "held_job")
    until(lambda: [s for s in platform.said("held") if s["run"] == run], "the op")
    platform.kill("code-location")
    assert status(instance, run) is dg.DagsterRunStatus.STARTED
    platform.start("code-location")
    assert ended(instance, run, seconds=60) is FAILURE
    again = until(lambda: tagged(instance, parent_run_id=run), "a second attempt")
    assert ended(instance, again[0].run_id) is SUCCESS


def test_what_an_asset_did_wrong_is_not_done_again(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    run = platform.launch(instance, "wrong_job")
    assert ended(instance, run) is FAILURE
    failed = instance.get_run_by_id(run)
    assert failed is not None
    assert failed.tags.get("dagster/will_retry") == "false"


def test_two_runs_on_the_gpu_take_turns(platform: Platform, instance: dg.DagsterInstance) -> None:
    both = [platform.launch(instance, "gpu_job") for _ in range(2)]
    until(lambda: platform.said("gpu"), "the first on the GPU")
    (first,) = {str(line["run"]) for line in platform.said("gpu")}
    (second,) = set(both) - {first}
    until(
        lambda: f"Run {second} is blocked by global concurrency limits" in platform.log("daemon"),
        "a look of the daemon's at the second",
    )
    assert len(platform.said("gpu")) == 1
    (platform.folder / "gpu-free").touch()
    assert [ended(instance, run) for run in both] == [SUCCESS, SUCCESS]
    said = platform.said("gpu")
    assert [line["what"] for line in said] == ["begins", "ends"] * 2
    assert {str(line["run"]) for line in said} == set(both)


def schedule(instance: dg.DagsterInstance) -> InstigatorState | None:
    states = instance.all_instigator_state()
    return next((state for state in states if state.instigator_name == "minutely"), None)


def ticks(instance: dg.DagsterInstance) -> list[InstigatorTick]:
    """Of the schedule that are over, from the oldest on."""
    state = schedule(instance)
    if state is None:
        return []
    found = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    return sorted((tick for tick in found if tick.is_success), key=lambda tick: tick.timestamp)


def test_a_schedule_ticks(platform: Platform, instance: dg.DagsterInstance) -> None:
    (first, *_) = until(lambda: ticks(instance), "a tick")
    assert first.timestamp % 60 == 0
    (run,) = first.run_ids
    assert ended(instance, run) is SUCCESS
    started = instance.get_run_by_id(run)
    assert started is not None
    assert started.tags["dagster/schedule_name"] == "minutely"


def test_a_daemon_that_was_killed_makes_up_for_missed_ticks_once(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    """It is as if it had been away for five minutes more: what it wrote last is dated back."""
    until(lambda: ticks(instance), "a tick")
    platform.kill("daemon")
    state = schedule(instance)
    assert state is not None
    data = cast("ScheduleInstigatorData", state.instigator_data)
    instance.update_instigator_state(
        state.with_data(
            ScheduleInstigatorData(
                data.cron_schedule,
                start_timestamp=data.start_timestamp and data.start_timestamp - 3600,
                last_iteration_timestamp=data.last_iteration_timestamp
                and data.last_iteration_timestamp - 300,
            )
        )
    )
    for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id):
        before = tick.tick_data._replace(timestamp=tick.timestamp - 300)
        instance.update_tick(InstigatorTick(tick.tick_id, before))
    known = {tick.tick_id for tick in ticks(instance)}
    last = max(tick.timestamp for tick in ticks(instance))
    again = time.time()
    platform.start("daemon")

    def new() -> list[InstigatorTick]:
        return [tick for tick in ticks(instance) if tick.tick_id not in known]

    made_up = until(new, "a tick after the daemon was started again")
    # Those of the minutes in between are made up for by one, that of the last of them.
    assert made_up[0].timestamp > again - 60
    assert made_up[0].timestamp - last >= 300
    assert len(made_up[0].run_ids) == 1
    assert ended(instance, made_up[0].run_ids[0]) is SUCCESS
    moments = [tick.timestamp for tick in new()]
    assert moments == [moments[0] + 60 * number for number in range(len(moments))]
