"""Runs as processes of the code location, of which the daemon sees whether they are still there.

Belongs here: the look at one run. Does not belong here: what follows from it, which is Dagster's
run monitoring, and runs in containers (``deploy/dagster.docker.yaml``).
"""

from __future__ import annotations

import json
import time

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

# A code location that is started again answers within this; one that does not has taken its runs
# with it, as systemd ends all processes of a unit.
UNREACHABLE_SECONDS = 40.0
ANSWER_SECONDS = 5


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher, which also tells whether a run's process is still there.

    A code location says of a process that it started when that one dies. It says nothing when it
    dies itself, and Dagster's own launcher offers no way to ask: such runs stay "started" for good,
    with their places in pools.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._unreachable_since: dict[str, float] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask the code location that started the run whether it still executes it."""
        if GRPC_INFO_TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "no code location started this run")
        where = json.loads(run.tags[GRPC_INFO_TAG])
        client = DagsterGrpcClient(
            host=where.get("host"),
            port=where.get("port"),
            socket=where.get("socket"),
            use_ssl=bool(where.get("use_ssl", False)),
        )
        try:
            answer = client.can_cancel_execution(
                CanCancelExecutionRequest(run_id=run.run_id), timeout=ANSWER_SECONDS
            )
        except DagsterUserCodeUnreachableError:
            return self._unreachable(run.run_id)
        self._unreachable_since.pop(run.run_id, None)
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "the code location does not execute this run any more"
        )

    def _unreachable(self, run_id: str) -> CheckRunHealthResult:
        now = time.monotonic()
        seconds = now - self._unreachable_since.setdefault(run_id, now)
        if seconds < UNREACHABLE_SECONDS:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "the code location does not answer")
        del self._unreachable_since[run_id]
        return CheckRunHealthResult(
            WorkerStatus.FAILED, f"the code location has not answered for {seconds:.0f} seconds"
        )
