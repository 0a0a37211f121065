"""Sensors: what makes them ask for a run, and what they report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import dagster as dg
import pytest

from sensors.changed_dumps import changed_dumps, listing
from sensors.failed_runs import REPORT_NAME, failed_runs

LONG_AGO = 1_700_000_000


def dump(directory: Path, name: str, text: str, *, at: float = LONG_AGO) -> Path:
    path = directory / "hive-ddl" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def tick(directory: Path, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    result = changed_dumps(directory)(dg.build_sensor_context(cursor=cursor))
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_new_changed_and_removed_dumps_start_a_run_each(tmp_path: Path) -> None:
    cursor, keys = None, []

    def expect_run() -> None:
        nonlocal cursor
        result = tick(tmp_path, cursor)
        assert isinstance(result, dg.SensorResult)
        (request,) = result.run_requests or []
        keys.append(request.run_key)
        cursor = result.cursor
        again = tick(tmp_path, cursor)
        assert isinstance(again, dg.SkipReason)
        assert again.skip_message == "no dump file changed"

    dump(tmp_path, "a.hql", "create table a (x int);")
    expect_run()
    dump(tmp_path, "b.hql", "create table b (x int);")
    expect_run()
    dump(tmp_path, "b.hql", "create table b (y int);", at=LONG_AGO + 1)
    expect_run()
    (tmp_path / "hive-ddl" / "a.hql").unlink()
    expect_run()
    assert len(set(keys)) == 4


def test_a_dump_still_being_written_is_waited_for(tmp_path: Path) -> None:
    path = dump(tmp_path, "a.hql", "create table a (x int);")
    path.touch()
    result = tick(tmp_path, None)
    assert isinstance(result, dg.SkipReason)
    assert "may not be done" in (result.skip_message or "")


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    result = tick(tmp_path / "nowhere", None)
    assert isinstance(result, dg.SkipReason)
    assert "AMODELS_SGMI_DIR" in (result.skip_message or "")


def test_listing_of_nothing(tmp_path: Path) -> None:
    assert listing(tmp_path)[1] == 0.0


def test_a_failed_run_is_reported(tmp_path: Path) -> None:
    @dg.op
    def breaks() -> None:
        raise dg.Failure("the disk is full", allow_retries=False)

    @dg.job
    def broken() -> None:
        breaks()

    with dg.DagsterInstance.ephemeral() as instance:
        result = broken.execute_in_process(instance=instance, raise_on_error=False)
        event = next(e for e in result.all_events if e.is_run_failure)
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs",
            dagster_event=event,
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()
        failed_runs(tmp_path)(context)
    (line,) = (tmp_path / REPORT_NAME).read_text().splitlines()
    report = json.loads(line)
    assert report["job"] == "broken"
    assert report["run_id"] == result.run_id
    assert report["steps"][0]["step"] == "breaks"
    assert "disk is full" in report["steps"][0]["error"]


@pytest.mark.parametrize("sensor", [changed_dumps(Path("x")), failed_runs(Path("x"))])
def test_off_by_default(sensor: dg.SensorDefinition) -> None:
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
