"""The platform as the systemd units start it: PostgreSQL, a code location, the daemon."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import dagster as dg
import sqlalchemy as sa
import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.client import DagsterGrpcClient
from dagster_graphql.test.utils import execute_dagster_graphql, infer_job_selector

from tests.free_ports import free_ports
from tests.integration.processes import ROOT, environment

UNITS = ROOT / "deploy" / "systemd"
LOCATION = "tests.integration.deploy.small_location"
Found = TypeVar("Found")
LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


def commands(unit: str, key: str = "ExecStart") -> list[list[str]]:
    """Command lines of a unit."""
    lines = (UNITS / f"amodels-{unit}.service").read_text().splitlines()
    return [shlex.split(line.partition("=")[2]) for line in lines if line.startswith(f"{key}=")]


def until(look: Callable[[], Found | None], what: str, seconds: float = 120) -> Found:
    """What a look finds, as soon as it finds something."""
    ends = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > ends:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} seconds")
        time.sleep(0.2)


class Platform:
    """Processes of one installation, and what the web UI would see of it."""

    def __init__(self, folder: Path, url: str, location: str = LOCATION) -> None:
        self.folder = folder
        self.location = location
        self.url = sa.make_url(url).set(drivername="postgresql+psycopg2")
        self.port, self.web_port = free_ports(2)
        home = folder / "dagster"
        home.mkdir()
        (home / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
        workspace = yaml.safe_load((ROOT / "deploy" / "workspace.yaml").read_text())
        (server,) = workspace["load_from"]
        assert server["grpc_server"]["port"] == 4000
        server["grpc_server"]["port"] = self.port
        self.workspace = folder / "workspace.yaml"
        self.workspace.write_text(yaml.safe_dump(workspace))
        self.variables = environment(
            folder,
            DAGSTER_POSTGRES_URL=self.url.render_as_string(hide_password=False),
            TEST_FOLDER=str(folder),
            AMODELS_ENV="prod",
        )
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, unit: str) -> None:
        """Start a unit's commands, as systemd would."""
        for key in ("ExecStartPre", "ExecStart"):
            for command in commands(unit, key):
                line = [self._here(word) for word in command]
                log = (self.folder / f"{unit}.log").open("ab")
                process = subprocess.Popen(
                    line, cwd=ROOT, env=self.variables, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
                log.close()
                if key == "ExecStartPre":
                    assert process.wait(timeout=120) == 0, self.log(unit)
                else:
                    self.processes[unit] = process
        if unit == "code-location":
            until(self._answers, "an answer of the code location")

    def _answers(self) -> bool:
        assert self.processes["code-location"].poll() is None, self.log("code-location")
        try:
            DagsterGrpcClient(port=self.port, host="127.0.0.1").ping("there?")
        except DagsterUserCodeUnreachableError:
            return False
        return True

    def _here(self, word: str) -> str:
        for there, here in (
            ("/opt/amodels/.venv/bin", str(Path(sys.executable).parent)),
            ("/opt/amodels/deploy/workspace.yaml", str(self.workspace)),
            ("amodels_assets.definitions", self.location),
            ("${AMODELS_GPU_STEPS}", "1"),
        ):
            word = word.replace(there, here)
        return {"4000": str(self.port), "3000": str(self.web_port)}.get(word, word)

    def kill(self, unit: str) -> None:
        """End a unit and all processes that it started, as after a fault or a lost machine."""
        process = self.processes.pop(unit)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)

    def stop(self) -> None:
        """End everything that is still there."""
        for unit in list(self.processes):
            self.kill(unit)

    def log(self, unit: str) -> str:
        return (self.folder / f"{unit}.log").read_text()

    def said(self, name: str) -> list[dict[str, object]]:
        """What the ops wrote so far."""
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def launch(self, instance: dg.DagsterInstance, job: str) -> str:
        """Start a run as the web UI does; its id."""
        target = WorkspaceFileTarget([str(self.workspace)])
        with WorkspaceProcessContext(instance, target) as process:
            context = process.create_request_context()
            selector = infer_job_selector(context, job)
            answer = execute_dagster_graphql(
                context, LAUNCH, variables={"parameters": {"selector": selector, "mode": "default"}}
            )
        launched = answer.data["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    """Of a run that is there."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status
