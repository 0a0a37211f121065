"""What is taken in equals what Dagster's event log has, whatever happens in between."""

from __future__ import annotations

import time

import dagster as dg
import sqlalchemy as sa

from amodels_assets.operations.intake import SETTLES_AFTER, Taken
from amodels_assets.operations.schema import OPERATIONS, RUNS

from .counting import counted_by_the_instance, counted_here, just_ended, rows, take
from .pipeline import SECRET, run_everything


def test_the_numbers_equal_an_independent_count(
    instance: dg.DagsterInstance, engine: sa.Engine
) -> None:
    run_everything(instance)
    instance.report_runless_asset_event(dg.AssetObservation(["serving", "endpoint"]))
    instance.report_runless_asset_event(dg.AssetMaterialization(["sgmi", "tables"]))
    take(instance, engine)
    expected = counted_by_the_instance(instance)
    assert counted_here(engine) == expected
    # All that there is to tell apart was there.
    assert {(kind, status) for kind, _, status in expected} == {
        ("run", "failed"),
        ("step", "succeeded"), ("step", "failed"), ("step", "skipped"), ("step", "retried"),
        ("materialization", "succeeded"), ("observation", "succeeded"),
        ("check", "passed"), ("check", "warned"), ("check", "failed"),
    }  # fmt: skip


def test_taking_in_again_changes_nothing(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    soon = just_ended(instance)
    assert take(instance, engine, soon).runs == 1
    before = rows(engine)
    assert take(instance, engine, soon) == Taken(0, 0)
    assert rows(engine) == before
    # Once it is settled too, which reads it a last time.
    later = soon + SETTLES_AFTER
    assert take(instance, engine, later).runs == 1
    assert take(instance, engine, later).runs == 0
    assert rows(engine) == before


def test_what_a_step_used_and_why_it_failed(
    instance: dg.DagsterInstance, engine: sa.Engine
) -> None:
    take(instance, engine)
    steps = {(row.name, row.part): row for row in rows(engine) if row.kind == "step"}
    first, second = (steps["sgmi__tables", f"attempt {n}"] for n in (1, 2))
    assert (first.status, first.error_class) == ("retried", "ConnectionResetError")
    assert (second.status, second.error_class) == ("succeeded", "")
    assert second.cpu_seconds is not None
    assert second.cpu_seconds > 0.05
    trained = steps["training__model", "attempt 1"]
    assert (trained.room, trained.gpu_seconds, trained.energy_joules, trained.cost) == (
        "training", 7200.0, 1000.0, 5.0,
    )  # fmt: skip
    failed = steps["evaluation__scores", "attempt 1"]
    assert (failed.room, failed.error_class) == ("evaluation", "WrongFigureError")
    (run,) = (row for row in rows(engine) if row.kind == "run")
    assert (run.status, run.error_class) == ("failed", "WrongFigureError")
    assert run.gpu_seconds == 7200.0
    with engine.begin() as connection:
        kept = repr(connection.execute(sa.select(OPERATIONS)).all())
    assert SECRET not in kept


def test_figures_of_a_step_with_several_assets_are_nobodys(
    instance: dg.DagsterInstance, engine: sa.Engine
) -> None:
    take(instance, engine)
    made = {row.name: row for row in rows(engine) if row.kind == "materialization"}
    assert made["sgmi/tables"].cpu_seconds is not None
    assert made["graph/one"].cpu_seconds is None
    assert made["graph/one"].seconds is None
    assert "graph/three" not in made


def test_a_settled_run_survives_its_log(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    (run_id,) = (run.run_id for run in instance.get_runs())
    take(instance, engine, time.time() + SETTLES_AFTER + 1)
    before = rows(engine)
    instance.delete_run(run_id)
    take(instance, engine)
    assert rows(engine) == before
    with engine.begin() as connection:
        assert connection.execute(sa.select(RUNS.c.settled)).scalars().all() == [True]


def test_a_run_that_is_deleted_before_it_settled_keeps_what_was_read(
    instance: dg.DagsterInstance, engine: sa.Engine
) -> None:
    (run_id,) = (run.run_id for run in instance.get_runs())
    take(instance, engine, just_ended(instance))
    before = rows(engine)
    instance.delete_run(run_id)
    take(instance, engine)
    assert rows(engine) == before
