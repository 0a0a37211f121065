"""Plans, assets, schedules, sensors and the command, up to a folder that runs to its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import psutil
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.cli import cli
from amodels_assets.controlm.assets import job_assets
from amodels_assets.controlm.chosen import chosen_plans
from amodels_assets.controlm.conditions import Wait
from amodels_assets.controlm.ledger import ORDER_DATE
from amodels_assets.controlm.order_dates import DateFilter
from amodels_assets.controlm.plan import JobPlan, asset_keys
from amodels_assets.controlm.ready import ready_jobs
from amodels_assets.sgmi.catalog import build_catalog, write_catalog
from resources.command_runner import CommandRunner
from schedules.controlm import controlm_schedules
from sensors.controlm import controlm_sensors

SAMPLE = Path(__file__).parents[3] / "data" / "sgmi"


def plan(job: str, **facts) -> JobPlan:
    return JobPlan(key=("controlm", "F", job), job=job, folder="F", **facts)


@given(st.lists(st.tuples(st.text(max_size=6), st.text(min_size=1, max_size=6)), unique=True))
def test_keys_are_valid_and_distinct(jobs):
    keys = asset_keys(jobs)
    assert len(set(keys.values())) == len(jobs)
    for key in keys.values():
        assert all(part and part.isascii() and part.replace("_", "a").isalnum() for part in key)


def test_every_job_of_the_sample_is_started_or_says_why_not(sample_plans):
    scheduled = {s.name for s in controlm_schedules(sample_plans)}
    for found in sample_plans:
        by_schedule = f"{found.name}__schedule" in scheduled
        by_sensor = found.wait is not None and not found.why_not_started
        assert by_schedule + by_sensor == (0 if found.why_not_started else 1), found.job
    assert len(sample_plans) == 50
    assert {s.default_status for s in controlm_schedules(sample_plans)} == {
        dg.DefaultScheduleStatus.STOPPED
    }
    assert {s.default_status for s in controlm_sensors(sample_plans)} == {
        dg.DefaultSensorStatus.STOPPED
    }


def test_month_days_and_week_days_together_are_looked_at_every_day():
    both = plan(
        "BOTH",
        trigger="cron",
        time_from="0405",
        timezone="UTC",
        dates=DateFilter(month_days=("5",), week_days=("1",), both=True),
        not_expressible=("DAYS_AND_OR=A",),
    )
    (schedule,) = controlm_schedules([both])
    assert schedule.cron_schedule == "5 4 * * *"

    def starts(day):
        moment = datetime(2026, 1, day, 4, 5, tzinfo=UTC)
        with dg.build_schedule_context(scheduled_execution_time=moment) as context:
            return schedule.evaluate_tick(context).run_requests

    (request,) = starts(5)
    assert request.tags[ORDER_DATE] == "2026-01-05"
    assert starts(6) == []
    assert replace(both, not_expressible=("DAYSCAL=X", "DAYS_AND_OR=A")).why_not_started


def test_confirmed_jobs_wait_for_a_person():
    asked = plan("ASKED", trigger="cron", cron="0 1 * * *", not_expressible=("CONFIRM=1",))
    assert "by hand" in asked.why_not_started
    assert controlm_schedules([asked]) == []


def chain() -> list[JobPlan]:
    """A -> B and C -> D, across folders; D needs B and C; E waits for a file from outside."""

    def waits(text):
        return {"trigger": "conditions", "wait": Wait.parse(text, {})}

    def ends(*names):
        return {"adds": tuple((name, "ODAT") for name in names)}

    first = replace(
        plan("A", trigger="cron", cron="0 0 * * *", **ends("A-OK")),
        key=("controlm", "G", "A"),
        folder="G",
    )
    return [
        first,
        plan("B", **waits("A-OK"), **ends("B-OK"), upstream=(first.key,)),
        plan("C", **waits("A-OK"), **ends("C-OK"), upstream=(first.key,)),
        plan(
            "D",
            **waits("B-OK AND C-OK"),
            deletes=(("B-OK", "ODAT"), ("C-OK", "ODAT")),
            upstream=(("controlm", "F", "B"), ("controlm", "F", "C")),
        ),
        plan("E", trigger="external", wait=Wait.parse("FILE", {})),
    ]


def run(plans, keys, instance, order_date, runner=None):
    return dg.materialize(
        job_assets(plans),
        selection=keys,
        instance=instance,
        resources={"command_runner": runner or CommandRunner()},
        tags={ORDER_DATE: order_date},
        raise_on_error=False,
    )


def test_a_folder_runs_to_its_end_each_job_once_and_in_condition_order():
    plans = chain()
    (sensor,) = controlm_sensors(plans)
    today = datetime.now(UTC).date().isoformat()
    started, seen, cursor = [], set(), None
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(plans, [dg.AssetKey(plans[0].key)], instance, today).success
        for tick in range(6):
            if tick == 3:
                record = {"condition": "FILE", "date_rule": "ODAT", "added": True}
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(
                        dg.AssetKey(["controlm", "conditions_set_by_hand"]),
                        metadata={"conditions": [record], ORDER_DATE: today},
                    )
                )
            with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
                result = sensor(context)
            cursor = result.cursor
            for request in result.run_requests:
                # As the daemon does: a run key is started once.
                if request.run_key not in seen:
                    seen.add(request.run_key)
                    (key,) = request.asset_selection
                    started.append((tick, key.path[-1]))
                    assert run(plans, [key], instance, request.tags[ORDER_DATE]).success
    assert started == [(0, "B"), (0, "C"), (1, "D"), (3, "E")]
    # Nobody deletes A's condition: D took away those of B and C.
    assert [name for name, _ in json.loads(cursor)["held"]] == ["A-OK", "FILE"]


def test_a_job_that_fails_adds_nothing_and_stops_those_that_wait(tmp_path):
    plans = [
        replace(chain()[0], command="echo about to fail; exit 3"),
        *chain()[1:],
    ]
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(plans, None, instance, "2026-01-05", CommandRunner(kind="local"))
        assert not result.success
        made = {e.asset_key.path[-1] for e in result.get_asset_materialization_events()}
        assert made == {"E"}
        (failure,) = [e for e in result.all_events if e.is_step_failure]
        assert "exit code 3" in failure.step_failure_data.user_failure_data.description
        output = failure.step_failure_data.user_failure_data.metadata["output"].value
        assert "about to fail" in output


def test_order_dates_and_times():
    monday = date(2026, 1, 5)
    now = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
    early = plan(
        "J",
        trigger="cron_and_conditions",
        wait=Wait.parse("X", {"X": "PREV"}),
        dates=DateFilter(week_days=("1",)),
        time_from="0700",
    )
    held = {("X", monday - timedelta(1))}
    assert ready_jobs([early], held, now) == []
    assert ready_jobs([early], held, now + timedelta(hours=1)) == [(early, monday)]
    other_day = replace(early, dates=DateFilter(week_days=("2",)))
    assert ready_jobs([other_day], held, now + timedelta(hours=1)) == []
    # Too long ago to be started now, and a day that has not come.
    always = replace(early, dates=DateFilter(), wait=Wait.parse("X", {}))
    assert ready_jobs([always], {("X", monday - timedelta(30))}, now) == []
    assert ready_jobs([always], {("X", monday + timedelta(1))}, now) == []


def test_the_local_runner_fills_in_variables_and_runs(tmp_path):
    script = tmp_path / "load.sh"
    script.write_text("echo loading $1 on $2\n")
    job = plan("J", command="bash load.sh table %%$ODATE", trigger="cron")
    runner = CommandRunner(kind="local", directory=str(tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        result = run([job], None, instance, "2026-01-05", runner)
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert "loading table on 20260105" in metadata["output"].value
    assert metadata["exit_code"].value == 0


def test_a_dry_run_runs_nothing(tmp_path):
    job = plan("J", command=f"touch {tmp_path}/touched")
    with dg.DagsterInstance.ephemeral() as instance:
        assert run([job], None, instance, "2026-01-05").success
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "order_date", "message"),
    [
        ("echo %%SOMETHING", "2026-01-05", "%%SOMETHING has no value"),
        ("echo", "today", "give a date"),
    ],
)
def test_what_cannot_run_says_why(command, order_date, message):
    with dg.DagsterInstance.ephemeral() as instance:
        runner = CommandRunner(kind="local")
        result = run([plan("J", command=command)], None, instance, order_date, runner)
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert message in failure.step_failure_data.user_failure_data.description


def test_ssh_gets_one_quoted_command_for_the_jobs_host(tmp_path, monkeypatch):
    """A stand-in for ssh on the path prints its arguments."""
    fake = tmp_path / "ssh"
    fake.write_text('#!/bin/bash\nfor argument; do echo "<$argument>"; done\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    lines: list[str] = []
    CommandRunner(kind="ssh").run("echo 'a b'", "edge.example", "svc", lines.append)
    assert lines[2:] == ["<svc@edge.example>", "<-->", "<bash -c 'echo '\"'\"'a b'\"'\"''>"]
    with pytest.raises(ValueError, match="no host"):
        CommandRunner(kind="ssh").run("true", "-oProxyCommand=x", "", lines.append)


def test_a_command_that_takes_too_long_ends_with_its_children(tmp_path):
    runner = CommandRunner(kind="local", timeout_seconds=0.5)
    with pytest.raises(TimeoutError, match=r"0\.5 seconds"):
        runner.run(f"sleep 987 & echo $! > {tmp_path}/child; wait", "", "", lambda _: None)
    child = int((tmp_path / "child").read_text())
    psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=15)
    assert not psutil.pid_exists(child)


def test_a_cancelled_run_leaves_no_process(tmp_path):
    """What Dagster does to cancel a run: an interrupt while the command writes."""
    child_file = tmp_path / "child"

    def interrupt():
        deadline = time.monotonic() + 30
        while not child_file.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    command = f"sleep 986 & echo $! > {child_file}.new; mv {child_file}.new {child_file}; wait"
    with pytest.raises(KeyboardInterrupt):
        CommandRunner(kind="local").run(command, "", "", lambda _: None)
    child = int(child_file.read_text())
    psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=15)
    assert not psutil.pid_exists(child)


@pytest.fixture
def store(tmp_path):
    store = ArtifactStore(tmp_path / "artifacts")
    store.publish(
        "sgmi/catalog",
        inputs={},
        code_version="1",
        produce=lambda folder: write_catalog(build_catalog(SAMPLE), folder),
    )
    return store


def test_folders_are_off_until_chosen(store, tmp_path, caplog):
    assert chosen_plans(store, ()) == []
    assert {p.folder for p in chosen_plans(store, ("SGMI_STG_00",))} == {"SGMI_STG_00"}
    assert len(chosen_plans(store, ("*",))) == 50
    chosen_plans(store, ("NONE",))
    assert "does not have: NONE" in caplog.text
    assert chosen_plans(ArtifactStore(tmp_path / "empty"), ("*",)) == []
    assert "no catalog has been made yet" in caplog.text


def test_the_whole_code_location_loads_with_all_folders(store, tmp_path):
    environment = {
        **os.environ,
        "AMODELS_ARTIFACTS_URL": str(store.root),
        "AMODELS_CONTROLM_FOLDERS": "*",
    }
    code = (
        "from amodels_assets.definitions import defs; r = defs.get_repository_def();"
        "g = defs.resolve_asset_graph();"
        "print(sum(k.path[0] == 'controlm' for k in g.get_all_asset_keys()),"
        "len(r.schedule_defs), len(r.sensor_defs))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    jobs, schedules, sensors = map(int, done.stdout.split())
    assert (jobs, schedules > 2, sensors > 2) == (50, True, True)


def test_the_command(store, tmp_path, monkeypatch):
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    catalog = ["--catalog", str(store.get("sgmi/catalog").path)]
    run = CliRunner().invoke
    listed = run(cli, ["controlm", "list", *catalog]).output
    assert "NOT STARTED: cron cannot say DAYSCAL=BANKING_DAYS" in listed
    found = json.loads(run(cli, ["controlm", "list", "SGMI_MRT_02", "--json", *catalog]).output)
    assert {job["folder"] for job in found} == {"SGMI_MRT_02"}
    done = run(cli, ["controlm", "run", "SGMI_MRT_02", "--date", "2026-01-05", *catalog])
    assert done.exit_code == 0, done.output
    assert "done     MRT_FACILITY_0034" in done.output
    wrong = run(cli, ["controlm", "run", "NONE", *catalog])
    assert (wrong.exit_code, "there are SGMI_MRT_01" in wrong.output) == (1, True)
    said = run(cli, ["controlm", "set-condition", "FILE", "--date", "2026-01-05"])
    assert said.output == "FILE holds for 2026-01-05\n"
