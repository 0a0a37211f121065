"""Runs assets in this process and gathers what they report.

Belongs here: one Dagster run and its report. Does not belong here: how the report is printed.
"""

from __future__ import annotations

import os
import resource
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import dagster as dg

from amodels_assets.commands.running import alive, free_places_of_the_dead
from amodels_assets.operations.meter import StepMeter
from amodels_assets.operations.names import OBJECTIVE
from amodels_assets.settings import from_environment

# Of a pool's ops one runs at a time, whichever run it belongs to; the places of a run that died are
# free again when the daemon notices.
DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 1
    granularity: op
freshness:
  enabled: true
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 30
event_log_storage:
  module: resources.event_log
  class: PooledSqliteEventLogStorage
  config: {}
"""


@dataclass(frozen=True)
class MadeAsset:
    """What one asset's materialization reported."""

    asset: str
    unchanged: bool
    rows: int | None
    path: str | None


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass."""

    asset: str
    check: str
    blocking: bool
    description: str


@dataclass
class Report:
    """What happened in a run.

    Attributes:
        succeeded: Every step ran and every blocking check passed.
        made: Assets that were materialized, in order.
        not_made: Selected assets that were not: skipped, or downstream of a failure.
        checks_passed: How many.
        checks_failed: Which.
        errors: One sentence for each step that failed.
        seconds: Duration of each step, by step name.
        total_seconds: Duration of the run.
        peak_memory_bytes: Largest resident set of this process plus that of its largest child.
    """

    succeeded: bool = False
    made: list[MadeAsset] = field(default_factory=list)
    not_made: list[str] = field(default_factory=list)
    checks_passed: int = 0
    checks_failed: list[FailedCheck] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    total_seconds: float = 0.0
    peak_memory_bytes: int = 0


def prepare_dagster_home() -> Path:
    """Use ``DAGSTER_HOME``, or a folder below ``AMODELS_HOME`` when it is not set.

    Raises:
        click.ClickException: It cannot be created.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or from_environment().home / "dagster").absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists():
            (home / "dagster.yaml").write_text(DAGSTER_YAML)
    except OSError as error:
        raise click.ClickException(
            f"{home} cannot be written ({error.strerror}): set AMODELS_HOME to a folder that can"
        ) from error
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def materialize(
    select: str,
    *,
    progress: bool,
    verbose: bool,
    config: Mapping[str, Mapping[str, object]] | None = None,
) -> Report:
    """Run the selected assets and their checks in this process.

    Args:
        select: Dagster asset selection.
        progress: Print a line to standard error when a step ends.
        verbose: Let Dagster's own log through.
        config: Settings by step, an asset's name or that of a step that makes several.

    Raises:
        click.BadParameter: The selection cannot be read or selects nothing, or a setting is none.
    """
    from amodels_assets.definitions import build_definitions

    job = _job(build_definitions(), select)
    run_config = _run_config(job, config or {}, verbose=verbose)
    report = Report()
    watcher = _Watcher(report, progress=progress)
    run_id = str(uuid.uuid4())
    started = time.monotonic()
    with dg.DagsterInstance.get() as instance, alive(Path(instance.root_directory), run_id):
        free_places_of_the_dead(instance)
        instance.add_event_listener(run_id, watcher)
        instance.add_event_listener(run_id, StepMeter(instance))
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            run_config=run_config,
        )
    report.total_seconds = round(time.monotonic() - started, 3)
    report.peak_memory_bytes = 1024 * sum(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    made = {asset.asset for asset in report.made}
    wanted = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
    report.not_made = sorted(wanted - made - watcher.observed)
    report.succeeded = result.success
    return report


def _job(definitions: dg.Definitions, select: str) -> dg.JobDefinition:
    try:
        selection = dg.AssetSelection.from_string(select)
        # The dump files that the selection stands on are observed in the same run; what only
        # others make, as the endpoint, cannot be run.
        graph = definitions.resolve_asset_graph()
        outside = graph.unexecutable_asset_keys
        whole = selection | selection.upstream_source_assets()
        whole -= dg.AssetSelection.assets(*outside)
        # What was promised over weeks is no matter of one run.
        promises = [key for key in graph.asset_check_keys if key.name.startswith(OBJECTIVE)]
        whole -= dg.AssetSelection.checks(*promises)
        job = dg.define_asset_job("amodels_run", selection=whole)
        merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
        resolved = merged.resolve_job_def("amodels_run")
    except dg.DagsterError as error:
        reason = error.__cause__ or error
        raise click.BadParameter(f"{select!r}: {reason}", param_hint="--select") from error
    if not resolved.asset_layer.selected_asset_keys:
        raise click.BadParameter(f"{select!r} selects no asset", param_hint="--select")
    return resolved


def _run_config(
    job: dg.JobDefinition, config: Mapping[str, Mapping[str, object]], *, verbose: bool
) -> dict[str, object]:
    names = {name.replace("/", "__"): name for name in config}
    if unknown := sorted(names[step] for step in names.keys() - {n.name for n in job.nodes}):
        raise click.BadParameter(
            f"{unknown[0]!r} is no step of what is selected", param_hint="--config"
        )
    run_config = {
        "ops": {
            step.replace("/", "__"): {"config": dict(values)} for step, values in config.items()
        },
        "loggers": {"console": {"config": {"log_level": "DEBUG" if verbose else "CRITICAL"}}},
    }
    try:
        dg.validate_run_config(job, run_config)
    except dg.DagsterInvalidConfigError as error:
        reason = "; ".join(problem.message for problem in error.errors)
        raise click.BadParameter(reason, param_hint="--config") from error
    return run_config


class _Watcher:
    """Turns Dagster's events into a report, and into progress lines as they come."""

    def __init__(self, report: Report, *, progress: bool) -> None:
        self.report = report
        self.progress = progress
        self.observed: set[str] = set()

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            return
        if event.is_step_start:
            self._say(f"… {event.step_key}", end="\r")
        elif event.is_step_success:
            seconds = event.step_success_data.duration_ms / 1000
            self.report.seconds[str(event.step_key)] = seconds
            self._say(f"✓ {event.step_key}  {seconds:.1f} s")
        elif event.is_step_failure:
            sentence = _sentence(event)
            if not _is_failed_check(event):
                self.report.errors.append(sentence)
            self._say(f"✗ {event.step_key}: {sentence}")
        elif event.is_step_materialization:
            self._made(event)
        elif event.event_type is dg.DagsterEventType.ASSET_OBSERVATION:
            self.observed.add(
                event.asset_observation_data.asset_observation.asset_key.to_user_string()
            )
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._checked(event)

    def _made(self, event: dg.DagsterEvent) -> None:
        found = event.step_materialization_data.materialization
        values = {name: value.value for name, value in found.metadata.items()}
        rows, path = values.get("dagster/row_count"), values.get("path")
        self.report.made.append(
            MadeAsset(
                asset=found.asset_key.to_user_string(),
                unchanged=bool(values.get("unchanged", False)),
                rows=int(str(rows)) if rows is not None else None,
                path=str(path) if path is not None else None,
            )
        )

    def _checked(self, event: dg.DagsterEvent) -> None:
        found = event.asset_check_evaluation_data
        if found.passed:
            self.report.checks_passed += 1
            return
        self.report.checks_failed.append(
            FailedCheck(
                asset=found.asset_key.to_user_string(),
                check=found.check_name,
                blocking=found.blocking or False,
                description=found.description or "",
            )
        )

    def _say(self, text: str, end: str = "\n") -> None:
        if self.progress and (end == "\n" or sys.stderr.isatty()):
            clear = "\x1b[2K\r" if sys.stderr.isatty() else ""
            sys.stderr.write(f"{clear}{text}{end}")
            sys.stderr.flush()


def _is_failed_check(event: dg.DagsterEvent) -> bool:
    """Whether a step failed because of a blocking check, which is reported as such."""
    error = event.step_failure_data.error
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def _sentence(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else "failed without a message"
