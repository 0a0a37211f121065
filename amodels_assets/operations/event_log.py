"""Dagster's event log, read: what a run's events say happened.

Belongs here: all that is known of Dagster's events. Does not belong here: which runs are read and
when (``intake.py``). Pages of the log are read by Dagster's own instance, so every storage that it
has will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from amodels_assets.operations.names import CPU_SECONDS
from amodels_assets.operations.operation import Operation, error_class_of
from amodels_assets.operations.store import OperationsError

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.event_api import EventLogRecord
    from dagster._core.storage.dagster_run import RunRecord

    from amodels_assets.operations.prices import Prices

# Events that happened in no run: observations that a sensor reports, say.
OUTSIDE_OF_RUNS = ""
_PAGE = 1000
_BEGINS = frozenset({"STEP_START", "STEP_RESTARTED"})
_ENDS = {
    "STEP_SUCCESS": "succeeded",
    "STEP_FAILURE": "failed",
    "STEP_UP_FOR_RETRY": "retried",
    "STEP_SKIPPED": "skipped",
}
_READ = frozenset(
    {
        *_BEGINS,
        *_ENDS,
        "ENGINE_EVENT",
        "ASSET_MATERIALIZATION_PLANNED",
        "ASSET_CHECK_EVALUATION_PLANNED",
        "ASSET_MATERIALIZATION",
        "ASSET_OBSERVATION",
        "ASSET_CHECK_EVALUATION",
        # The name that a run's failure has in the log.
        "PIPELINE_FAILURE",
    }
)
_RUN_STATUS = {
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "CANCELED": "canceled",
    "STARTED": "running",
}
_REPORTED = {
    "ASSET_MATERIALIZATION": "materialization",
    "ASSET_OBSERVATION": "observation",
    "ASSET_CHECK_EVALUATION": "check",
}
# What a training reports of itself.
_USAGE = ("gpu_seconds", "energy_joules", "cost")


@dataclass(frozen=True)
class _Used:
    """Figures of an operation, None where nobody knows."""

    cpu_seconds: float | None = None
    gpu_seconds: float | None = None
    energy_joules: float | None = None
    cost: float | None = None

    @classmethod
    def priced(cls, cpu: float | None, told: Mapping[str, float], prices: Prices) -> _Used:
        """By what was measured and told."""
        gpu = told.get("gpu_seconds")
        return cls(
            cpu,
            gpu,
            prices.energy(cpu, gpu, told.get("energy_joules")),
            prices.cost(cpu, gpu, told.get("cost")),
        )

    def of(self, operation: Operation) -> Operation:
        """The operation with these figures."""
        return replace(
            operation,
            cpu_seconds=self.cpu_seconds,
            gpu_seconds=self.gpu_seconds,
            energy_joules=self.energy_joules,
            cost=self.cost,
        )


@dataclass
class _Attempt:
    """One attempt of a step, as far as it is known."""

    number: int
    started_at: float
    status: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    error_class: str = ""
    usage: dict[str, float] = field(default_factory=dict)
    made: list[EventLogRecord] = field(default_factory=list)


def storage_name(instance: dg.DagsterInstance) -> str:
    """What Dagster's storage calls itself, the same wherever it is opened.

    Raises:
        OperationsError: It has no name, as it is no database.
    """
    from dagster._core.storage.runs import SqlRunStorage

    storage = instance.run_storage
    if not isinstance(storage, SqlRunStorage):
        raise OperationsError("Dagster's runs are in no database: operations need one that stays")
    return storage.get_run_storage_id()


def newest_event(instance: dg.DagsterInstance, run_id: str) -> int:
    """Storage id of a run's newest event that is read here; 0 for none."""
    found = instance.event_log_storage.get_records_for_run(
        run_id, of_type=_types(), limit=1, ascending=False
    )
    return found.records[0].storage_id if found.records else 0


def events_after(
    instance: dg.DagsterInstance, run_id: str, after: int = 0
) -> Iterator[Sequence[EventLogRecord]]:
    """Pages of a run's events, oldest first.

    Args:
        instance: Dagster's.
        run_id: ``OUTSIDE_OF_RUNS`` for those of none.
        after: Storage id that they are newer than. Some storages number each run's events from 1.
    """
    from dagster._core.event_api import EventLogCursor

    while True:
        page = instance.event_log_storage.get_records_for_run(
            run_id,
            cursor=EventLogCursor.from_storage_id(after).to_string(),
            of_type=_types(),
            limit=_PAGE,
        ).records
        if page:
            yield page
            after = page[-1].storage_id
        if len(page) < _PAGE:
            return


def operations_of_run(
    record: RunRecord, events: Sequence[EventLogRecord], prices: Prices
) -> list[Operation]:
    """What happened in a run, so far as it has come.

    Args:
        record: The run, read before its events.
        events: All of them.
        prices: That hold now.
    """
    run, finished = record.dagster_run, record.dagster_run.is_finished
    steps: dict[str, list[_Attempt]] = {}
    rooms: dict[str, str] = {}
    found: list[Operation] = []
    reason = ""
    for event in events:
        kind, step = _kind(event), _step(event)
        if kind.endswith("_PLANNED") and step:
            rooms.setdefault(step, _room(event))
        elif kind == "PIPELINE_FAILURE":
            reason = _run_error(event)
        elif kind in _BEGINS and step:
            attempts = steps.setdefault(step, [])
            attempts.append(_Attempt(len(attempts) + 1, event.timestamp))
        elif kind in _ENDS and step:
            _end(_current(steps, step, event), event, kind)
        elif kind == "ENGINE_EVENT" and step in steps:
            _measure(steps[step][-1], event)
        elif kind == "ASSET_MATERIALIZATION" and step:
            _made(_current(steps, step, event), event)
        elif kind in _REPORTED:
            found.append(_reported(event))
    for step, attempt in [(step, one) for step, many in steps.items() for one in many]:
        found += _of_attempt(
            run.run_id,
            step,
            attempt,
            room=rooms.get(step, ""),
            finished=finished,
            prices=prices,
        )
    of_steps = [operation for operation in found if operation.kind == "step"]
    failed = next((s.error_class for s in of_steps if s.status == "failed"), "")
    status = _RUN_STATUS.get(run.status.value, run.status.value.lower())
    began = record.start_time or record.create_timestamp.timestamp()
    ended = record.end_time if finished else None
    used = _Used(
        _total(step.cpu_seconds for step in of_steps),
        _total(step.gpu_seconds for step in of_steps),
        _total(step.energy_joules for step in of_steps),
        _total(step.cost for step in of_steps),
    )
    whole = Operation(
        operation_id=f"run/{run.run_id}",
        run_id=run.run_id,
        kind="run",
        name=run.job_name,
        part=_launched_by(run.tags),
        status=status,
        started_at=began,
        seconds=None if ended is None else max(ended - began, 0.0),
        error_class=(failed or reason) if status == "failed" else "",
    )
    return [*found, used.of(whole)]


def operations_outside_of_runs(events: Sequence[EventLogRecord], log: str) -> list[Operation]:
    """What was reported to Dagster by somebody who is no run.

    Args:
        events: Of no run.
        log: Name of Dagster's storage, as another one numbers such events alike.
    """
    found = [_reported(event) for event in events if _kind(event) in _REPORTED]
    return [replace(each, operation_id=f"{log}/{each.operation_id}") for each in found]


def _types() -> set[Any]:
    from dagster import DagsterEventType

    return {kind for kind in DagsterEventType if kind.value in _READ}


def _kind(event: EventLogRecord) -> str:
    return event.event_log_entry.get_dagster_event().event_type_value


def _step(event: EventLogRecord) -> str:
    return event.event_log_entry.get_dagster_event().step_key or ""


def _current(steps: dict[str, list[_Attempt]], step: str, event: EventLogRecord) -> _Attempt:
    """The attempt that an event belongs to; some steps fail or are skipped before they start."""
    attempts = steps.setdefault(step, [])
    if not attempts or (attempts[-1].status and _kind(event) in _ENDS):
        attempts.append(_Attempt(len(attempts) + 1, event.timestamp))
    return attempts[-1]


def _end(attempt: _Attempt, event: EventLogRecord, kind: str) -> None:
    said = event.event_log_entry.get_dagster_event()
    attempt.status = _ENDS[kind]
    if kind == "STEP_SUCCESS":
        attempt.seconds = said.step_success_data.duration_ms / 1000
    elif kind != "STEP_SKIPPED":
        attempt.seconds = max(event.timestamp - attempt.started_at, 0.0)
        error = (
            said.step_retry_data.error
            if kind == "STEP_UP_FOR_RETRY"
            else said.step_failure_data.error
        )
        attempt.error_class = _innermost(error)


def _measure(attempt: _Attempt, event: EventLogRecord) -> None:
    told = event.event_log_entry.get_dagster_event().engine_event_data.metadata
    if (spent := _figure(told.get(CPU_SECONDS))) is not None:
        attempt.cpu_seconds = spent


def _made(attempt: _Attempt, event: EventLogRecord) -> None:
    attempt.made.append(event)
    for name, value in _usage(event).items():
        attempt.usage[name] = attempt.usage.get(name, 0.0) + value


def _of_attempt(
    run_id: str, step: str, attempt: _Attempt, *, room: str, finished: bool, prices: Prices
) -> Iterator[Operation]:
    unended = "interrupted" if finished else "running"
    used = _Used.priced(attempt.cpu_seconds, attempt.usage, prices)
    if not room and attempt.made:
        room = _room(attempt.made[0])
    yield used.of(
        Operation(
            operation_id=f"step/{run_id}/{attempt.number}/{step}",
            run_id=run_id,
            kind="step",
            room=room,
            name=step,
            part=f"attempt {attempt.number}",
            status=attempt.status or unended,
            started_at=attempt.started_at,
            seconds=attempt.seconds,
            error_class=attempt.error_class,
        )
    )
    if len(attempt.made) == 1:
        made = replace(
            _reported(attempt.made[0]), started_at=attempt.started_at, seconds=attempt.seconds
        )
        yield used.of(made)
        return
    for event in attempt.made:
        # What several assets share is nobody's alone.
        yield _Used.priced(None, _usage(event), prices).of(_reported(event))


def _reported(event: EventLogRecord) -> Operation:
    """A materialization, an observation or a check, by one event each."""
    said = event.event_log_entry.get_dagster_event()
    kind = _REPORTED[said.event_type_value]
    name, part, status = _key(event).to_user_string(), said.partition or "", "succeeded"
    if kind == "check":
        check = said.asset_check_evaluation_data
        name, part = f"{name}:{check.check_name}", check.partition or ""
        warned = check.severity.value == "WARN"
        status = "passed" if check.passed else "warned" if warned else "failed"
    return Operation(
        operation_id=f"{kind}/{event.run_id}/{event.storage_id}",
        run_id=event.run_id,
        kind=kind,
        room=_room(event),
        name=name,
        part=part,
        status=status,
        started_at=event.timestamp,
    )


def _key(event: EventLogRecord) -> Any:
    said = event.event_log_entry.get_dagster_event()
    if said.event_type_value == "ASSET_CHECK_EVALUATION":
        return said.asset_check_evaluation_data.asset_key
    if said.event_type_value == "ASSET_CHECK_EVALUATION_PLANNED":
        return said.asset_check_planned_data.asset_key
    return said.asset_key


def _room(event: EventLogRecord) -> str:
    return _key(event).path[0]


def _usage(event: EventLogRecord) -> dict[str, float]:
    made = event.asset_materialization
    told = {} if made is None else made.metadata
    figures = {name: _figure(told.get(name)) for name in _USAGE}
    return {name: value for name, value in figures.items() if value is not None}


def _figure(told: Any) -> float | None:
    value = getattr(told, "value", None)
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if known else None


def _innermost(error: Any) -> str:
    while error is not None and error.cause is not None:
        error = error.cause
    return error_class_of(error.cls_name) if error is not None else ""


def _run_error(event: EventLogRecord) -> str:
    # Whoever finds a run dead reports neither an error nor a reason.
    said = event.event_log_entry.get_dagster_event().event_specific_data
    error, reason = getattr(said, "error", None), getattr(said, "failure_reason", None)
    if error is not None:
        return _innermost(error)
    return reason.value if reason is not None else "UNKNOWN"


def _launched_by(tags: Any) -> str:
    for name in ("schedule", "sensor", "backfill"):
        key = "dagster/backfill" if name == "backfill" else f"dagster/{name}_name"
        if key in tags:
            return f"{name} {tags[key]}"
    return ""


def _total(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
