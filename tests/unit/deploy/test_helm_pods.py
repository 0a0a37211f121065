"""The pods of Kubernetes: what each may do, what they share, and the one of the gateway."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from dagster_k8s.models import k8s_snake_case_dict
from kubernetes import client

from amodels_assets.settings import PROJECT_ROOT
from serving.command import cli
from serving.gateway.settings import read_settings
from tests.unit.deploy.helm_chart import (
    BESIDE,
    DEPLOYMENTS,
    RELEASE,
    VALUES,
    gateway_pod,
    of_kind,
)


def pod_contexts() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Security contexts of all pods and their containers."""
    run = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
    pod = gateway_pod()
    return [
        *(
            (each["podSecurityContext"], each["securityContext"])
            for each in (
                *(VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]),
                *DEPLOYMENTS.values(),
            )
        ),
        (run["runK8sConfig"]["podSpecConfig"]["securityContext"], run["securityContext"]),
        (pod["securityContext"], pod["containers"][0]["securityContext"]),
    ]


def test_no_process_is_root_or_may_become_it() -> None:
    user = re.search(r"^USER (\d+):(\d+)", (PROJECT_ROOT / "deploy/Dockerfile").read_text(), re.M)
    assert user is not None
    for pod, container in pod_contexts():
        assert pod["runAsNonRoot"] is True
        assert (pod["runAsUser"], pod["runAsGroup"]) == (int(user[1]), int(user[2]))
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["allowPrivilegeEscalation"] is False
        assert container["capabilities"] == {"drop": ["ALL"]}


def test_the_images_are_the_platforms_and_of_one_version() -> None:
    images = {
        f"{each['repository']}:{each['tag']}"
        for each in (
            *(VALUES["dagsterWebserver"]["image"], VALUES["dagsterDaemon"]["image"]),
            *(deployment["image"] for deployment in DEPLOYMENTS.values()),
        )
    }
    images |= {each["image"] for each in gateway_pod()["containers"]}
    version = VALUES["dagsterWebserver"]["image"]["tag"]
    assert version != "latest"
    names = ("control", "code-location", "model-server")
    assert images == {f"amodels/{name}:{version}" for name in names}


def test_no_password_stands_in_a_file() -> None:
    for path, value in leaves([VALUES, *BESIDE]):
        if re.search("password|token|secret$", path[-1], re.I):
            assert value is False, path
        assert not re.search(r"://[^/\s]*:[^/\s]*@", str(value)), path
    assert not VALUES["postgresql"]["enabled"]
    assert {each["kind"] for each in BESIDE}.isdisjoint({"Secret"})


def leaves(part: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every value below a part, with the keys that lead to it."""
    if isinstance(part, dict):
        return [leaf for key, value in part.items() for leaf in leaves(value, (*path, str(key)))]
    if isinstance(part, list):
        return [leaf for value in part for leaf in leaves(value, path)]
    return [(path, part)]


def test_nothing_but_the_gateway_is_an_entry() -> None:
    assert VALUES["ingress"] == {"enabled": False}
    assert VALUES["dagsterWebserver"]["service"]["type"] == "ClusterIP"
    (service,) = of_kind("Service")
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["selector"] == {"app": "amodels-gateway"}
    inside, gateway = of_kind("NetworkPolicy")
    assert inside["spec"]["podSelector"] == {}
    assert inside["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    assert gateway["spec"]["podSelector"]["matchLabels"] == service["spec"]["selector"]


def test_all_share_one_volume_at_the_platforms_home() -> None:
    (claim,) = of_kind("PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    parts = (
        *(VALUES["dagsterWebserver"], VALUES["dagsterDaemon"], *DEPLOYMENTS.values()),
        VALUES["runLauncher"]["config"]["k8sRunLauncher"],
        {**gateway_pod(), "volumeMounts": gateway_pod()["containers"][0]["volumeMounts"]},
    )
    for part in parts:
        (volume,) = [each for each in part["volumes"] if each["name"] == "home"]
        assert volume["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
        assert {"name": "home", "mountPath": "/var/lib/amodels"} in part["volumeMounts"]


def test_one_pod_has_the_gateway_and_its_supervisor() -> None:
    (deployment,) = of_kind("Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    (container,) = gateway_pod()["containers"]
    assert container["command"] == ["amodels-gateway"]
    context = cli.make_context("amodels-gateway", list(container["args"]), resilient_parsing=True)
    assert cli.commands["supervise"] is cli.get_command(context, context.protected_args[0])
    supervised = cli.commands["supervise"].make_context("supervise", list(context.args))
    assert supervised.params["without_gateway"] is False
    assert supervised.params["insecure_http"] is False
    assert supervised.params["port"] == container["ports"][0]["containerPort"]


def test_the_gateway_is_probed_as_it_answers() -> None:
    (container,) = gateway_pod()["containers"]
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        # It has TLS, and but for this path it wants a key.
        assert container[name]["httpGet"] == {
            "path": "/healthz",
            "port": "https",
            "scheme": "HTTPS",
        }
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_gateway_understands_its_settings(tmp_path: Path) -> None:
    (settings_map,) = of_kind("ConfigMap")
    (tmp_path / "gateway.yaml").write_text(settings_map["data"]["gateway.yaml"])
    settings = read_settings({"AMODELS_HOME": str(tmp_path)}, tmp_path / "gateway.yaml")
    webserver = VALUES["dagsterWebserver"]
    host, port = f"{RELEASE}-{webserver['nameOverride']}", webserver["service"]["port"]
    assert {each.kind: each.url for each in settings.services} == {
        "dagster": f"http://{host}:{port}",
        "dagster-read-only": f"http://{host}-read-only:{port}",
    }
    assert set(settings.allowed_hosts) == {host, f"{host}-read-only"}
    assert {each.health for each in settings.services} == {f"{webserver['pathPrefix']}/server_info"}
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        assert webserver[probe]["httpGet"] == {
            "path": f"{webserver['pathPrefix']}/server_info",
            "port": port,
        }


def test_kubernetes_knows_every_field() -> None:
    for each in BESIDE:
        k8s_snake_case_dict(getattr(client, f"V1{each['kind']}"), each)
    wrong = copy.deepcopy(of_kind("Deployment")[0])
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(Exception, match="livenesProbe"):
        k8s_snake_case_dict(client.V1Deployment, wrong)
