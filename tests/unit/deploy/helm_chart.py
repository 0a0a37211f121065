"""Dagster's Helm chart as far as the tests need it: its keys, and what it makes of our values.

Belongs here: what the chart does with values. Does not belong here: which values are right.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from amodels_assets.settings import PROJECT_ROOT

HELM = PROJECT_ROOT / "deploy" / "helm"
VALUES: dict[str, Any] = yaml.safe_load((HELM / "values.yaml").read_text())
KEYS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "helm_keys.yaml").read_text())
# What stands beside the chart.
BESIDE: list[dict[str, Any]] = [
    *yaml.safe_load_all((HELM / "serving.yaml").read_text()),
    yaml.safe_load((HELM / "volume.yaml").read_text()),
]
PAGE = (PROJECT_ROOT / "docs" / "kubernetes.md").read_text()
RELEASE = "amodels"
DEPLOYMENTS: dict[str, dict[str, Any]] = {
    each["name"]: each for each in VALUES["dagster-user-deployments"]["deployments"]
}
LEAVES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "kubernetes": {"type": "object"},
    "pull policy": {"enum": ["Always", "IfNotPresent", "Never"]},
}


def schema(described: Any) -> dict[str, Any]:
    """JSON Schema of a part of ``helm_keys.yaml``."""
    if isinstance(described, str):
        return LEAVES[described]
    if isinstance(described, list):
        if len(described) > 1:
            return {"anyOf": [schema(each) for each in described]}
        return {"type": "array", "items": schema(described[0])}
    return {
        "type": "object",
        "properties": {key.removesuffix("!"): schema(value) for key, value in described.items()},
        "required": [key.removesuffix("!") for key in described if key.endswith("!")],
        "additionalProperties": False,
    }


CHART = Draft202012Validator(schema(KEYS))


def snake(key: str) -> str:
    """A key of the chart's as Dagster has it."""
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", key)


def snaked(part: Any) -> Any:
    if isinstance(part, dict):
        return {snake(key): snaked(value) for key, value in part.items() if key != "enabled"}
    return part


def written() -> dict[str, Any]:
    """What the chart makes of the values in ``dagster.yaml``, without what is additional to it."""
    daemon, postgresql = VALUES["dagsterDaemon"], VALUES["postgresql"]
    database = {
        "postgres_db": {
            "username": postgresql["postgresqlUsername"],
            "password": {"env": "DAGSTER_PG_PASSWORD"},
            "hostname": postgresql["postgresqlHost"],
            "db_name": postgresql["postgresqlDatabase"],
            "port": postgresql["service"]["port"],
            "params": postgresql["postgresqlParams"],
            "scheme": postgresql["postgresqlScheme"],
        }
    }
    storages = {
        "run_storage": ("dagster_postgres.run_storage", "PostgresRunStorage"),
        "event_log_storage": ("dagster_postgres.event_log", "PostgresEventLogStorage"),
        "schedule_storage": ("dagster_postgres.schedule_storage", "PostgresScheduleStorage"),
    }
    return {
        **{
            name: {"module": module, "class": class_, "config": database}
            for name, (module, class_) in storages.items()
        },
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": launcher()},
        "run_coordinator": daemon["runCoordinator"]["config"]["customRunCoordinator"],
        "compute_logs": VALUES["computeLogManager"]["config"]["customComputeLogManager"],
        "run_monitoring": {"enabled": True, **snaked(daemon["runMonitoring"])},
        "run_retries": {"enabled": True, **snaked(daemon["runRetries"])},
        "concurrency": snaked(VALUES["concurrency"]),
        "retention": snaked(VALUES["retention"]),
        "telemetry": VALUES["telemetry"],
    }


def launcher() -> dict[str, Any]:
    """The launcher's settings as the chart writes them."""
    values = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
    renamed = {snake(key): value for key, value in values.items()}
    renamed["env_secrets"] = [each["name"] for each in values["envSecrets"]]
    renamed["run_k8s_config"] = {snake(key): value for key, value in values["runK8sConfig"].items()}
    return {
        **{key: value for key, value in renamed.items() if value is not False},
        "job_namespace": RELEASE,
        "service_account_name": f"{RELEASE}-dagster",
        "dagster_home": VALUES["global"]["dagsterHome"],
        "instance_config_map": f"{RELEASE}-dagster-instance",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
    }


def variable(deployment: dict[str, Any], name: str) -> str:
    (value,) = [each["value"] for each in deployment["env"] if each["name"] == name]
    return value


def gpu_context() -> dict[str, Any]:
    return json.loads(variable(DEPLOYMENTS["amodels-gpu"], "DAGSTER_CONTAINER_CONTEXT"))


def of_kind(kind: str) -> list[dict[str, Any]]:
    """What ``serving.yaml`` and ``volume.yaml`` make of a kind."""
    return [each for each in BESIDE if each["kind"] == kind]


def gateway_pod() -> dict[str, Any]:
    (deployment,) = of_kind("Deployment")
    return deployment["spec"]["template"]["spec"]
