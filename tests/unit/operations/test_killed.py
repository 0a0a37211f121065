"""Whoever takes in is killed at any moment: nothing is lost and nothing is there twice."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from .counting import counted_by_the_instance, counted_here, rows, take
from .pipeline import run_everything

HOUR = "2026-11-30T09"
SCRIPT = Path(__file__).with_name("taking.py")
ROOT = Path(__file__).parents[3]


def start(home: Path, engine: sa.Engine, audit_log: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(home), str(engine.url), str(audit_log)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_killed_at_any_moment(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    """Two at once, killed while runs, events of no run and requests arrive."""
    home = Path(instance.root_directory)
    audit_log = home / "audit"
    audit_log.mkdir()
    moments = random.Random(7)
    lines = 0
    for number in range(3):
        processes = [start(home, engine, audit_log) for _ in range(2)]
        with (audit_log / "2026-11-30.1.jsonl").open("a") as handle:
            for _ in range(500):
                handle.write(json.dumps(line(lines)) + "\n")
                lines += 1
        instance.report_runless_asset_event(dg.AssetObservation(["serving", "endpoint"]))
        if number == 1:
            run_everything(instance)
        time.sleep(moments.uniform(0.0, 0.6))
        for process in processes:
            process.kill()
            process.wait()
    take_with(instance, engine, audit_log)
    requests = [row for row in rows(engine) if row.kind == "request"]
    assert sum(row.count for row in requests) == lines
    counted = counted_here(engine)
    for row in requests:
        del counted[row.kind, row.name, row.status]
    assert counted == counted_by_the_instance(instance)
    # Twice the same is refused by the tables, and the same twice under two names is here.
    ids = Counter(row.operation_id for row in rows(engine))
    assert set(ids.values()) == {1}


def take_with(instance: dg.DagsterInstance, engine: sa.Engine, audit_log: Path) -> None:
    take(instance, engine, audit_log=audit_log)
    take(instance, engine, time.time() + 120, audit_log=audit_log)


def line(number: int) -> dict[str, object]:
    return {
        "at": f"{HOUR}:00:00.{number % 1000:03d}+00:00",
        "request": f"r{number}",
        "release": f"release-{number % 3}",
        "status": 200 if number % 5 else 429,
        "complete": True,
        "tokens": 10,
        "seconds": 0.5,
    }


def test_another_dagster_shares_the_record(
    instance: dg.DagsterInstance, engine: sa.Engine, tmp_path: Path
) -> None:
    """Its runs are not missing here, and its events have the same numbers as ours."""
    from .conftest import instance_in

    for each in (dg.AssetObservation(["serving", "endpoint"]), dg.AssetObservation(["a"])):
        instance.report_runless_asset_event(each)
    take(instance, engine)
    with instance_in(tmp_path / "other") as other:
        other.report_runless_asset_event(dg.AssetObservation(["b"]))
        run_everything(other)
        take(other, engine)
        expected = counted_by_the_instance(instance) + counted_by_the_instance(other)
        assert counted_here(engine) == expected
        take(instance, engine, time.time() + 120)
        take(other, engine, time.time() + 120)
        assert counted_here(engine) == expected
