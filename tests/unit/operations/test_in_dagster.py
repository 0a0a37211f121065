"""The asset, the schedule and the sensor."""

from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from amodels_assets.operations.assets import operations_log
from amodels_assets.operations.store import OperationsError
from resources.operations import OperationsResource
from sensors.operations import objectives

from .counting import counted_by_the_instance, counted_here
from .webhook import Webhook

NOBODY = "postgresql://u:secret@127.0.0.1:1/n"
DECLARED = """\
training/model:
  accuracy: {checks: [model_is_good], target: 0.9, window: 4w}
sgmi/tables:
  freshness: {within: 1h, target: 0.9, window: 4w}
"""


@pytest.fixture
def operations(tmp_path: Path, engine: sa.Engine, webhook: Webhook) -> OperationsResource:
    (tmp_path / "objectives.yaml").write_text(DECLARED)
    return OperationsResource(
        url=str(engine.url),
        audit_log=str(tmp_path / "audit"),
        objectives=str(tmp_path / "objectives.yaml"),
        notification_urls=webhook.url,
    )


def test_the_asset_takes_in_and_shows(
    instance: dg.DagsterInstance, engine: sa.Engine, operations: OperationsResource
) -> None:
    expected = counted_by_the_instance(instance)
    result = dg.materialize(
        [operations_log], instance=instance, resources={"operations": operations}
    )
    (made,) = result.get_asset_materialization_events()
    metadata = made.materialization.metadata
    page = str(metadata["page"].value)
    assert "## What was promised" in page
    assert "| training/model | accuracy | 90.00% | 0.00% |" in page
    assert "WrongFigureError" in page
    found = counted_here(engine)
    # Its own run goes on meanwhile.
    assert found - expected == {
        ("run", "__ephemeral_asset_job__", "running"): 1,
        ("step", "operations__log", "running"): 1,
    }
    assert not expected - found


def test_an_asset_whose_record_cannot_be_used_fails_with_a_sentence(
    instance: dg.DagsterInstance, operations: OperationsResource
) -> None:
    broken = OperationsResource(url=NOBODY, audit_log="", objectives=operations.objectives)
    result = dg.materialize(
        [operations_log],
        instance=instance,
        resources={"operations": broken},
        raise_on_error=False,
    )
    failure = result.failure_data_for_node("operations__log")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "127.0.0.1" in str(failure.user_failure_data.description)
    assert "secret" not in repr(failure)


def test_the_sensor_tells_once_and_evaluates_what_changed(
    instance: dg.DagsterInstance, operations: OperationsResource, webhook: Webhook
) -> None:
    def tick(cursor: str | None) -> object:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, resources={"operations": operations}
        )
        return objectives(context)

    first = tick(None)
    assert isinstance(first, dg.SensorResult)
    evaluated = {event.check_name: event.passed for event in first.asset_events}  # ty: ignore
    assert evaluated == {"objective_accuracy": False, "objective_freshness": True}
    assert webhook.titles == ["aModels: accuracy of training/model is in danger"]
    assert isinstance(tick(first.cursor), dg.SkipReason)
    # A cursor that was lost evaluates again and tells nobody again.
    assert isinstance(tick(None), dg.SensorResult)
    assert len(webhook.taken) == 1


def test_a_tick_whose_record_cannot_be_used_fails(
    instance: dg.DagsterInstance, operations: OperationsResource
) -> None:
    broken = OperationsResource(url=NOBODY, audit_log="", objectives=operations.objectives)
    context = dg.build_sensor_context(instance=instance, resources={"operations": broken})
    with pytest.raises(OperationsError) as failed:
        objectives(context)
    assert "secret" not in str(failed.value)


def test_a_resource_shows_no_url(operations: OperationsResource) -> None:
    assert operations.notification_urls not in f"{operations!r} {operations}"


def test_a_run_of_the_command_line_leaves_promises_out() -> None:
    from amodels_assets.commands.materialize import _job
    from amodels_assets.definitions import build_definitions

    definitions = build_definitions()
    steps = {node.name for node in _job(definitions, "*").nodes}
    # The step of all objectives' checks is there for others.
    everything = dg.define_asset_job("everything", selection="*")
    merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=[everything]))
    left_out = {node.name for node in merged.resolve_job_def("everything").nodes} - steps
    assert left_out == {"objectives"}
