"""The values for Dagster's Helm chart: the chart knows them, and they mean what is meant."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.instance.ref import InstanceRef
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import construct_dagster_k8s_job
from jsonschema import ValidationError

from amodels_assets.settings import PROJECT_ROOT
from resources.gpu import POOL
from resources.postgresql_event_log import PooledPostgresEventLogStorage
from tests.unit.deploy.helm_chart import (
    CHART,
    DEPLOYMENTS,
    HELM,
    PAGE,
    VALUES,
    gpu_context,
    launcher,
    variable,
    written,
)

DOCKER: dict[str, Any] = yaml.safe_load((HELM.parent / "dagster.docker.yaml").read_text())


def test_the_chart_knows_every_key() -> None:
    CHART.validate(VALUES)


@pytest.mark.parametrize(
    ("place", "wrong", "said"),
    [
        (("postgresql",), {"postgresqlPasword": "x"}, "postgresqlPasword"),
        (("dagsterDaemon", "runMonitoring"), {"pollInterval": 3}, "pollInterval"),
        (("concurrency", "pools"), {"default_limit": 1}, "default_limit"),
        (("runLauncher", "config", "k8sRunLauncher"), {"envVars": {"A": "b"}}, "is not of type"),
        (("retention", "sensor"), {"purgeAfterDays": {"skipped": 1}}, "is not valid under any"),
        (("dagster-user-deployments", "deployments", 0), {"gpus": 1}, "gpus"),
        (("dagsterWebserver",), {"image": {"repository": "r"}}, "pullPolicy"),
    ],
)
def test_a_key_that_the_chart_does_not_know_is_refused(
    place: tuple[str | int, ...], wrong: dict[str, Any], said: str
) -> None:
    values: Any = copy.deepcopy(VALUES)
    part = values
    for key in place:
        part = part[key]
    part.update(wrong)
    with pytest.raises(ValidationError, match=said):
        CHART.validate(values)


@pytest.fixture
def reference(tmp_path: Path) -> InstanceRef:
    """Dagster's settings as the chart hands them over: one text after the other."""
    texts = (written(), VALUES["additionalInstanceConfig"])
    (tmp_path / "dagster.yaml").write_text("\n".join(yaml.safe_dump(text) for text in texts))
    return InstanceRef.from_dir(str(tmp_path))


def test_it_means_what_the_settings_for_containers_mean(reference: InstanceRef) -> None:
    made: dict[str, Any] = {**written(), **copy.deepcopy(VALUES["additionalInstanceConfig"])}
    docker = copy.deepcopy(DOCKER)
    assert made.pop("run_launcher")["class"] == "K8sRunLauncher"
    docker.pop("run_launcher")
    for name in ("run_storage", "event_log_storage", "schedule_storage"):
        ours, theirs = made.pop(name), docker.pop(name)
        assert (ours["module"], ours["class"]) == (theirs["module"], theirs["class"])
        # "postgresql+psycopg2" there stands in the URL.
        assert ours["config"]["postgres_db"]["scheme"] == "postgresql+psycopg2"
    # A node takes longer to start than a container.
    started = made["run_monitoring"].pop("start_timeout_seconds")
    assert started > docker["run_monitoring"].pop("start_timeout_seconds")
    # The chart demands a number where Dagster keeps by itself.
    assert made["retention"]["sensor"]["purge_after_days"].pop("started") == -1
    assert made == docker
    assert reference.settings["concurrency"] == docker["concurrency"]


def test_dagster_takes_the_event_log_that_stands_last(
    reference: InstanceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = reference.event_storage_data
    assert data.class_name == PooledPostgresEventLogStorage.__name__
    assert data.config_dict == written()["event_log_storage"]["config"]
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "geheim")
    assert "geheim" not in data.config_yaml
    assert type(reference.run_coordinator).__name__ == "QueuedRunCoordinator"
    assert isinstance(reference.compute_log_manager, LocalComputeLogManager)
    assert reference.settings["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert reference.settings["freshness"] == {"enabled": True}
    assert reference.settings["telemetry"] == {"enabled": False}


def test_runs_have_a_gpu_and_servers_hold_none() -> None:
    assert list(DEPLOYMENTS) == ["amodels", "amodels-gpu"]
    for name, deployment in DEPLOYMENTS.items():
        assert "gpu" not in json.dumps(deployment["resources"])
        assert deployment["includeConfigInLaunchedRuns"] == {"enabled": False}
        arguments = deployment["dagsterApiGrpcArgs"]
        assert arguments[arguments.index("--location-name") + 1] == name
    assert "gpu" not in json.dumps(VALUES["runLauncher"])
    context = gpu_context()["k8s"]
    assert context["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert context["run_k8s_config"]["pod_spec_config"]["tolerations"]
    # As much of it as with containers.
    docker = json.loads((HELM.parent / "containers" / "gpu.json").read_text())
    options = docker["docker"]["container_kwargs"]
    assert context["resources"]["limits"]["memory"] == f"{options['mem_limit'].upper()}i"
    (shared,) = context["volumes"]
    assert shared["emptyDir"]["sizeLimit"] == f"{options['shm_size'].upper()}i"
    # Nothing is on from the start in both.
    assert variable(DEPLOYMENTS["amodels"], "AMODELS_ENV") == "prod"
    assert variable(DEPLOYMENTS["amodels-gpu"], "AMODELS_ENV") == "dev"
    assert f"dagster instance concurrency set {POOL} " in PAGE


def test_versions_fit_together() -> None:
    constraints = (PROJECT_ROOT / "constraints.txt").read_text()
    (chart,) = re.findall(r"^dagster==(\S+)$", constraints, re.M)
    (library,) = re.findall(r"^dagster-postgres==(\S+)$", constraints, re.M)
    assert f"--version {chart}" in (HELM / "values.yaml").read_text()
    assert set(re.findall(r"--version ([\d.]+)", PAGE)) == {chart}
    assert f"dagster-k8s=={library}" in constraints


def test_the_page_names_the_files() -> None:
    for name in re.findall(r"`?(deploy/[\w./-]+\w)", PAGE):
        assert (PROJECT_ROOT / name).exists(), name
    for path in HELM.iterdir():
        assert f"deploy/helm/{path.name}" in PAGE


def run_of(context: dict[str, Any] | None, tags: dict[str, str]) -> DagsterRun:
    """A run of a code location that declares a context."""
    repository = RepositoryPythonOrigin(
        executable_path="python",
        code_pointer=ModuleCodePointer("amodels_assets.definitions", "defs"),
        container_image="amodels/code-location:1",
        container_context=context,
    )
    return DagsterRun(job_name="job", job_code_origin=JobPythonOrigin("job", repository), tags=tags)


def job_of(run: DagsterRun, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The Job that Dagster's launcher makes of a run."""
    # It would look for the account of a pod.
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)
    checked = process_config(resolve_to_config_type(K8sRunLauncher.config_type()), launcher())
    assert checked.success, checked.errors
    started = K8sRunLauncher(**(checked.value or {}))
    context = started.get_container_context_for_run(run)
    job = context.get_k8s_job_config("amodels/code-location:1", started)
    return construct_dagster_k8s_job(job, ["dagster"], "job", context.run_k8s_config).to_dict()


def test_a_run_becomes_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(run_of(None, {}), monkeypatch)
    assert job["spec"]["backoff_limit"] == 0
    assert job["spec"]["ttl_seconds_after_finished"] == 86400
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["security_context"]["run_as_non_root"] is True
    assert container["security_context"]["capabilities"]["drop"] == ["ALL"]
    assert {each["secret_ref"]["name"] for each in container["env_from"] if each["secret_ref"]} == {
        "amodels"
    }
    assert values_of(container["env"])["AMODELS_HOME"] == "/var/lib/amodels"
    assert [each["mount_path"] for each in container["volume_mounts"]] == ["/var/lib/amodels"]
    assert container["resources"]["limits"] == {"memory": "8Gi"}
    assert not pod["node_selector"]


def test_a_run_of_the_other_code_location_has_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(run_of(gpu_context(), {}), monkeypatch)
    assert job["spec"]["backoff_limit"] == 0
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"memory": "64Gi", "nvidia.com/gpu": "1"}
    assert pod["security_context"]["run_as_non_root"] is True
    assert pod["node_selector"] == {"nvidia.com/gpu.present": "true"}
    assert [each["key"] for each in pod["tolerations"]] == ["nvidia.com/gpu"]
    found = values_of(container["env"])
    assert (found["AMODELS_DEVICE"], found["AMODELS_ENV"]) == ("cuda", "prod")
    mounted = {each["mount_path"] for each in container["volume_mounts"]}
    assert mounted == {"/var/lib/amodels", "/dev/shm"}


def test_the_tag_of_the_page_gives_a_run_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    (tag,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    job = job_of(run_of(None, {"dagster-k8s/config": tag}), monkeypatch)
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "64Gi", "nvidia.com/gpu": "1"}
    assert pod["node_selector"] == {"nvidia.com/gpu.present": "true"}
    assert [each["mount_path"] for each in pod["containers"][0]["volume_mounts"]] == [
        "/var/lib/amodels"
    ]


def values_of(variables: list[dict[str, Any]]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in variables}
