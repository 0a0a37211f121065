"""What single events say: runs that go on, steps that never ended, errors by their class."""

from datetime import UTC, datetime

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.event_api import EventLogRecord
from dagster._core.events import DagsterEvent, EngineEventData, StepMaterializationData
from dagster._core.execution.plan.objects import StepFailureData, StepRetryData, StepSuccessData
from dagster._core.storage.dagster_run import DagsterRunStatus, RunRecord
from dagster._utils.error import SerializableErrorInfo
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.operations.event_log import operations_of_run
from amodels_assets.operations.names import CPU_SECONDS
from amodels_assets.operations.operation import Operation, error_class_of
from amodels_assets.operations.prices import Prices

from .counting import rows, take


def test_a_run_is_seen_while_it_goes_on_and_when_it_died(
    instance: dg.DagsterInstance, engine: sa.Engine
) -> None:
    """What takes in is often a step itself: its own run is one that goes on."""
    seen: dict[str, dict[str, Operation]] = {}

    def look(when: str, run_id: str) -> None:
        take(instance, engine)
        seen[when] = {row.kind: row for row in rows(engine) if row.run_id == run_id}

    @dg.asset(key=["training", "model"])
    def model(context):
        look("running", context.run_id)
        # Whoever monitors runs finds it dead; it is not, but its step has not ended either.
        instance.report_run_failed(context.run, "its process is gone")
        look("dead", context.run_id)

    dg.materialize([model], instance=instance)
    running, dead = seen["running"], seen["dead"]
    assert (running["run"].status, running["step"].status) == ("running", "running")
    assert (running["step"].name, running["step"].room) == ("training__model", "training")
    assert running["step"].seconds is None
    assert running["run"].seconds is None
    assert (dead["run"].status, dead["step"].status) == ("failed", "interrupted")
    assert dead["run"].error_class
    assert dead["run"].operation_id == running["run"].operation_id


STEPS = ("sgmi__tables", "graph")
SAID = {
    "STEP_START": None,
    "STEP_RESTARTED": None,
    "STEP_SUCCESS": StepSuccessData(duration_ms=1500.0),
    "STEP_FAILURE": StepFailureData(error=None, user_failure_data=None),
    "STEP_UP_FOR_RETRY": StepRetryData(
        error=SerializableErrorInfo("a message", [], "ValueError"), seconds_to_wait=None
    ),
    "STEP_SKIPPED": None,
    "ENGINE_EVENT": EngineEventData({CPU_SECONDS: 2.0}),
    "ASSET_MATERIALIZATION": StepMaterializationData(
        dg.AssetMaterialization(["sgmi", "tables"], metadata={"gpu_seconds": 1.0})
    ),
    "PIPELINE_FAILURE": None,
}
ENDS = ("STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY", "STEP_SKIPPED")


def record(number: int, kind: str, step: str | None) -> EventLogRecord:
    event = DagsterEvent(kind, "job", step_key=step, event_specific_data=SAID[kind])
    entry = dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id="run",
        timestamp=1_800_000_000.0 + number,
        step_key=step,
        job_name="job",
        dagster_event=event,
    )
    return EventLogRecord(number, entry)


@given(
    st.lists(st.tuples(st.sampled_from(sorted(SAID)), st.sampled_from([*STEPS, None])), max_size=25)
)
def test_whatever_the_order_every_event_counts_once(events: list[tuple[str, str | None]]) -> None:
    """Processes that are killed and logs that were pruned leave any part of a run."""
    run = RunRecord(
        storage_id=1,
        dagster_run=dg.DagsterRun("job", run_id="run", status=DagsterRunStatus.FAILURE),
        create_timestamp=datetime.fromtimestamp(1_800_000_000, UTC),
        update_timestamp=datetime.fromtimestamp(1_800_000_100, UTC),
    )
    found = operations_of_run(
        run, [record(n, *event) for n, event in enumerate(events, 1)], Prices()
    )
    assert len({each.operation_id for each in found}) == len(found)
    made = sum(kind == "ASSET_MATERIALIZATION" for kind, _ in events)
    assert sum(each.kind == "materialization" for each in found) == made
    ended = [each for each in found if each.kind == "step" and each.status != "interrupted"]
    assert len(ended) == sum(kind in ENDS and step is not None for kind, step in events)
    assert sum(each.kind == "run" for each in found) == 1
    assert "a message" not in repr(found)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("ValueError", "ValueError"),
        ("sqlalchemy.exc.OperationalError", "sqlalchemy.exc.OperationalError"),
        ("ValueError: client 4711 owes 3,200", "unnamed"),
        ("", ""),
        (None, ""),
    ],
)
def test_an_error_is_a_class_or_nothing(name: str | None, kept: str) -> None:
    assert error_class_of(name) == kept
