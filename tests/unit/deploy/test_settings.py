"""What is deployed is understood by what reads it: Dagster, docker, systemd."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster_docker import DockerRunLauncher
from dagster_docker.container_context import DockerContainerContext
from docker.models.containers import _create_container_args

from amodels_assets.definitions import build_definitions
from amodels_assets.settings import PROJECT_ROOT
from resources import run_launcher
from resources.gpu import POOL
from resources.run_launcher import WatchedRunLauncher

DEPLOY = PROJECT_ROOT / "deploy"
SETTINGS = {name: DEPLOY / name for name in ("dagster.yaml", "dagster.docker.yaml")}
URL = "postgresql+psycopg2://u:geheim@127.0.0.1:1/d"


def reference(source: Path, home: Path) -> InstanceRef:
    (home / "dagster.yaml").write_text(source.read_text())
    return InstanceRef.from_dir(str(home))


@pytest.fixture(params=SETTINGS)
def settings(request: pytest.FixtureRequest) -> Path:
    return SETTINGS[request.param]


def test_dagster_understands_it(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", URL)
    monkeypatch.setenv("AMODELS_DOCKER_NETWORK", "amodels")
    found = reference(settings, tmp_path)
    for part in (found.run_storage_data, found.event_storage_data, found.schedule_storage_data):
        assert part is not None
        assert "geheim" not in part.config_yaml
        assert part.config_dict == {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}
    assert found.event_storage_data.class_name == "PooledPostgresEventLogStorage"
    assert type(found.run_coordinator).__name__ == "QueuedRunCoordinator"
    launchers = {"dagster.yaml": WatchedRunLauncher, "dagster.docker.yaml": DockerRunLauncher}
    assert isinstance(found.run_launcher, launchers[settings.name])
    assert found.run_launcher.supports_check_run_worker_health
    assert found.settings["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert found.settings["concurrency"]["pools"] == {"granularity": "op", "default_limit": 1}
    assert found.settings["telemetry"] == {"enabled": False}
    assert found.settings["freshness"] == {"enabled": True}
    watched = found.settings["run_monitoring"]
    # A worker's death is seen, waited for and reported within a minute.
    assert run_launcher.UNREACHABLE_SECONDS + watched["poll_interval_seconds"] < 60


def test_a_setting_that_dagster_does_not_know_is_refused(settings: Path, tmp_path: Path) -> None:
    wrong = yaml.safe_load(settings.read_text())
    wrong["run_monitoring"]["poll_intervall_seconds"] = 3
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(DagsterInvalidConfigError, match="poll_intervall_seconds"):
        dagster_instance_config(str(tmp_path))


def test_the_two_differ_in_the_launcher_and_where_files_are() -> None:
    plain, docker = (yaml.safe_load(path.read_text()) for path in SETTINGS.values())
    assert plain.pop("run_launcher") != docker.pop("run_launcher")
    # Not in the containers, which come and go.
    for setting in ("compute_logs", "local_artifact_storage"):
        assert docker.pop(setting)["config"]["base_dir"].startswith("/var/lib/amodels/dagster")
    assert plain == docker


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_docker_is_told_what_a_code_location_declares(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMODELS_DOCKER_NETWORK", "amodels")
    launcher = reference(SETTINGS["dagster.docker.yaml"], tmp_path).run_launcher
    assert isinstance(launcher, DockerRunLauncher)
    declared = json.loads((DEPLOY / "containers" / f"{name}.json").read_text())
    context = DockerContainerContext(
        env_vars=launcher.env_vars,
        networks=launcher.networks,
        container_kwargs=launcher.container_kwargs,
    ).merge(DockerContainerContext.create_from_config(declared))
    assert context.networks == ["amodels"]
    assert "DAGSTER_POSTGRES_URL" in context.env_vars
    options = {k: v for k, v in context.container_kwargs.items() if k != "stop_timeout"}
    made: dict[str, Any] = _create_container_args({"image": "i", "version": "1.47", **options})
    host = made["host_config"]
    assert host["CapDrop"] == ["ALL"]
    assert host["AutoRemove"] is True
    assert host["Memory"] > 2**30
    gpus = [request["Capabilities"] for request in host.get("DeviceRequests") or []]
    assert gpus == ([[["gpu"]]] if name == "gpu" else [])


def run_of(where: dict[str, object] | None) -> DagsterRun:
    tags = {GRPC_INFO_TAG: json.dumps(where)} if where else {}
    return DagsterRun(job_name="job", tags=tags)


def test_a_code_location_that_does_not_answer_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launcher = WatchedRunLauncher()
    run = run_of({"host": "127.0.0.1", "port": 1})
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    monkeypatch.setattr(run_launcher, "UNREACHABLE_SECONDS", 0)
    found = launcher.check_run_worker_health(run)
    assert found.status is WorkerStatus.FAILED
    assert "has not answered for 0 seconds" in (found.msg or "")


def test_a_run_that_no_code_location_started_has_no_process() -> None:
    assert WatchedRunLauncher().check_run_worker_health(run_of(None)).status is (
        WorkerStatus.NOT_FOUND
    )


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Root of a file system on which the units are installed."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    shutil.copytree(DEPLOY / "systemd", tmp_path / "etc" / "systemd" / "system")
    theirs = Path("usr/lib/systemd/system")
    shutil.copytree("/" / theirs, tmp_path / theirs, symlinks=True)
    for command in ("dagster", "dagster-daemon", "dagster-webserver", "amodels-gateway"):
        path = tmp_path / "opt" / "amodels" / ".venv" / "bin" / command
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o755)
    return tmp_path


UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))


def analyze(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", f"--root={machine}", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_systemd_understands_the_units(machine: Path) -> None:
    done = analyze(machine, "verify", "amodels.target", *UNITS)
    assert (done.returncode, done.stderr) == (0, "")
    unit = machine / "etc" / "systemd" / "system" / "amodels-daemon.service"
    unit.write_text(unit.read_text().replace("PrivateDevices=", "PrivateDevice="))
    assert "PrivateDevice" in analyze(machine, "verify", unit.name).stderr


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_hardened(machine: Path, unit: str) -> None:
    """Below 2.5 of 10, the smaller the better; a unit with no such option has 9.6."""
    done = analyze(machine, "security", "--offline=true", "--threshold=25", unit)
    assert done.returncode == 0, done.stdout


def test_the_target_wants_every_unit() -> None:
    target = (DEPLOY / "systemd" / "amodels.target").read_text()
    (line,) = [line for line in target.splitlines() if line.startswith("Wants=")]
    assert sorted(line.removeprefix("Wants=").split()) == UNITS


def test_pools_are_set_when_the_daemon_starts() -> None:
    unit = (DEPLOY / "systemd" / "amodels-daemon.service").read_text()
    assert f"dagster instance concurrency set {POOL} ${{AMODELS_GPU_STEPS}}\n" in unit
    graph = build_definitions().resolve_asset_graph()
    pools = {pool for key in graph.get_all_asset_keys() for pool in graph.get(key).pools or ()}
    assert pools == {POOL}
