"""CPU time of steps, told to Dagster's event log.

Belongs here: measuring, and the executor whose steps are measured. Does not belong here: what
becomes of the figures (``event_log.py``).

One place sees every step that runs in this process: whoever listens to the run's events. What the
process and the children that it waited for used between the beginning and the end of a step is that
step's, as steps run one after the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster import Executor

from amodels_assets.operations.names import CPU_SECONDS

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode
    from dagster._core.execution.step_dependency_config import StepDependencyConfig

_BEGINS = frozenset({"STEP_START", "STEP_RESTARTED"})
_ENDS = frozenset({"STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY"})


class StepMeter:
    """Listens to a run's events and adds one after each step."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        """Report to ``instance``."""
        self._instance = instance
        self._began: dict[str, float] = {}

    def __call__(self, entry: dg.EventLogEntry) -> None:
        """Take an event."""
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        if event.event_type_value in _BEGINS:
            self._began[event.step_key] = _used()
        elif event.event_type_value in _ENDS and event.step_key in self._began:
            from dagster._core.events import EngineEventData

            spent = round(_used() - self._began.pop(event.step_key), 3)
            self._instance.report_engine_event(
                f"{event.step_key} used {spent:.2f} s of CPU time",
                engine_event_data=EngineEventData({CPU_SECONDS: spent}),
                step_key=event.step_key,
                job_name=event.job_name,
                run_id=entry.run_id,
            )


class MeasuredExecutor(Executor):
    """Another executor, with a meter on its steps."""

    def __init__(self, inner: Executor) -> None:
        """Measure the steps of ``inner``, which runs them in this process."""
        self._inner = inner

    @property
    def retries(self) -> RetryMode:
        """Those of the other."""
        return self._inner.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        """That of the other."""
        return self._inner.step_dependency_config

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Run the steps."""
        meter = StepMeter(plan_context.instance)
        plan_context.instance.add_event_listener(plan_context.run_id, meter)
        yield from self._inner.execute(plan_context, execution_plan)


@dg.executor(name="in_process", config_schema=cast("Any", dg.in_process_executor.config_schema))
def measured_in_process_executor(init_context: dg.InitExecutorContext) -> Executor:
    """Steps run one after the other in one process, and their CPU time is known."""
    create = dg.in_process_executor.executor_creation_fn
    if create is None:
        raise dg.DagsterInvariantViolationError("Dagster's executor cannot be made")
    return MeasuredExecutor(create(init_context))


def _used() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
