"""The Compose files: who is reached, what is required and limited, and what belongs together."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from amodels_assets.settings import PROJECT_ROOT
from resources.gpu import POOL
from serving.gateway.settings import read_settings
from tests.unit.deploy.composed import (
    DEPLOY,
    GPU,
    PATH,
    RENTED,
    REQUIRED,
    command,
    composed,
    copied,
    example_variables,
    run_compose,
    services,
    used_variables,
)

OVERLAYS = {"plain": "compose.yml", "gpu": GPU, "rented": RENTED}
DISK = {"AMODELS_DISK": "/mnt/nvme/amodels"}
NAMES = sorted(yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"])
# Of the gateway's container alone.
OF_THE_GATEWAY = {"AMODELS_VLLM_ENVIRONMENT", "AMODELS_VLLM_CONTEXT", "AMODELS_VLLM_ARGUMENTS"}
PASSWORDS = [value for name, value in REQUIRED.items() if name.endswith("PASSWORD")]


@pytest.fixture(params=OVERLAYS)
def files(request: pytest.FixtureRequest) -> str:
    return OVERLAYS[request.param]


def test_only_the_gateway_is_reached_and_only_from_this_machine(files: str) -> None:
    found = composed(files, **DISK)
    published = {name: s["ports"] for name, s in found["services"].items() if s.get("ports")}
    assert list(published) == ["gateway"]
    (port,) = published["gateway"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "8080", 8080)
    assert found["networks"]["inside"]["internal"] is True
    outside = {name for name, s in found["services"].items() if "edge" in (s.get("networks") or {})}
    assert outside == {"gateway"}
    assert not any(s.get("network_mode") == "host" for s in found["services"].values())


def test_a_rented_machine_publishes_nothing_whatever_is_set() -> None:
    found = services(RENTED, AMODELS_GATEWAY_BIND="0.0.0.0", **DISK)["gateway"]
    assert [port["host_ip"] for port in found["ports"]] == ["127.0.0.1"]
    assert found["environment"]["AMODELS_GATEWAY_BIND"] == "127.0.0.1"


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", REQUIRED)
def test_each_password_is_required_and_said_how_to_get(name: str, value: str | None) -> None:
    given = {other: REQUIRED[other] for other in REQUIRED if other != name}
    if value is not None:
        given[name] = value
    done = run_compose("config", COMPOSE_FILE="compose.yml", **given)
    assert done.returncode != 0
    assert name in done.stderr
    hint = "stat -c %g" if name.endswith("GID") else "openssl rand -hex 24"
    assert f"set it in deploy/.env to {'the group' if 'stat' in hint else 'what'}" in done.stderr
    assert hint in done.stderr
    assert done.stdout == ""


def test_a_rented_machine_needs_a_disk() -> None:
    done = run_compose("config", COMPOSE_FILE=RENTED, **REQUIRED)
    assert done.returncode != 0
    assert "fast disk" in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_every_service_is_limited_and_comes_back(name: str, files: str) -> None:
    found = services(files, **DISK)[name]
    assert found["restart"] == "unless-stopped"
    assert int(found["mem_limit"]) >= 2**28
    assert 0 < found["cpus"] <= (4 if name == "gateway" and files != "compose.yml" else 2)
    assert found["cap_drop"] == ["ALL"]
    assert "cap_add" not in found
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert not found.get("privileged", False)
    assert found["init"] is True
    assert found["stop_grace_period"]
    assert found["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    # The image of the code location brings its own.
    assert ("healthcheck" in found) is (name != "code-location")
    assert found.get("read_only", False) is (name != "neo4j")


def test_images_are_pinned_or_chosen() -> None:
    chosen = {
        "AMODELS_POSTGRES_IMAGE": "mirror.example/postgres@sha256:1",
        "AMODELS_REDIS_IMAGE": "mirror.example/redis:1",
        "AMODELS_NEO4J_IMAGE": "mirror.example/neo4j:1",
        "AMODELS_IMAGE": "mirror.example/code",
        "AMODELS_CONTROL_IMAGE": "mirror.example/control",
        "AMODELS_SERVING_IMAGE": "mirror.example/serving",
        "AMODELS_VERSION": "v7",
    }
    assert {s["image"].partition("/")[0] for s in services(GPU, **chosen).values()} == {
        "mirror.example"
    }
    own = {s["image"] for s in services(GPU, AMODELS_VERSION="v7").values()}
    theirs = {image for image in own if not image.startswith("amodels/")}
    assert {image.rpartition(":")[2] for image in own - theirs} == {"v7"}
    assert all(re.fullmatch(r"[a-z0-9]+:\d[\d.]*", image) for image in theirs)


def test_a_run_gets_the_image_of_its_code_location() -> None:
    found = services(AMODELS_IMAGE="mirror.example/code", AMODELS_VERSION="v7")["code-location"]
    assert found["environment"]["DAGSTER_CURRENT_IMAGE"] == found["image"]
    assert found["image"] == "mirror.example/code:v7"


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_what_a_run_is_given_is_set_where_it_is_launched_from(kind: str) -> None:
    context = json.loads((DEPLOY / "containers" / f"{kind}.json").read_text())["docker"]
    launcher = yaml.safe_load((DEPLOY / "dagster.docker.yaml").read_text())["run_launcher"]
    found = composed()
    for name in ("daemon", "webserver"):
        environment = found["services"][name]["environment"]
        assert {*context["env_vars"], *launcher["config"]["env_vars"]} <= set(environment)
        assert environment["AMODELS_DOCKER_NETWORK"] == found["networks"]["inside"]["name"]
    # What the code location reads when it loads and a run when it works has to be the same.
    code = found["services"]["code-location"]["environment"]
    daemon = found["services"]["daemon"]["environment"]
    assert {n: code[n] for n in context["env_vars"]} == {n: daemon[n] for n in context["env_vars"]}
    (volume,) = context["container_kwargs"]["volumes"]
    assert volume == f"{found['volumes']['home']['name']}:{code['AMODELS_HOME']}"


def test_every_variable_of_the_code_reaches_runs() -> None:
    contexts = [
        json.loads(path.read_text())["docker"]["env_vars"]
        for path in sorted((DEPLOY / "containers").glob("*.json"))
    ]
    assert contexts[0] == contexts[1]
    assert set(contexts[0]) == (
        set(example_variables(PROJECT_ROOT / ".env.example")) - OF_THE_GATEWAY
    )


def test_passwords_are_in_the_environment_only(files: str) -> None:
    """Arguments can be read by every process of the machine."""
    for service in services(files, **DISK).values():
        service.pop("environment", None)
        assert not any(password in json.dumps(service) for password in PASSWORDS)


def test_only_who_launches_or_ends_runs_has_the_socket() -> None:
    found = services(AMODELS_DOCKER_SOCKET="/run/user/1000/docker.sock")

    def mounts(service: dict[str, Any]) -> dict[str, str]:
        return {mount["target"]: mount["source"] for mount in service.get("volumes", [])}

    socket = "/var/run/docker.sock"
    having = {name for name, service in found.items() if socket in mounts(service)}
    assert having == {"daemon", "webserver"}
    for name in having:
        assert mounts(found[name])[socket] == "/run/user/1000/docker.sock"
        assert found[name]["group_add"] == [REQUIRED["AMODELS_DOCKER_GID"]]
    assert {name for name, service in found.items() if "group_add" in service} == having


def test_the_code_location_needs_nothing_but_postgresql() -> None:
    found = services()
    assert list(found["code-location"]["depends_on"]) == ["postgres"]
    assert set(found["daemon"]["depends_on"]) == {"postgres", "code-location"}
    assert "depends_on" not in found["postgres"]


def test_commands_are_those_of_the_units() -> None:
    found = services()
    units = {
        name: (DEPLOY / "systemd" / f"amodels-{name}.service").read_text()
        for name in ("code-location", "daemon")
    }
    module = "--module-name amodels_assets.definitions"
    where = "--location-name amodels"
    for words in (module, where):
        assert words in units["code-location"]
        assert words in command(found["code-location"])
    setting = f"dagster instance concurrency set {POOL} "
    for text in (units["daemon"], command(found["daemon"])):
        assert text.index(setting) < text.index("dagster-daemon run")
    assert "--read-only" in command(found["webserver-read-only"])
    assert "--read-only" not in command(found["webserver"])


def test_the_context_that_is_named_is_there(files: str) -> None:
    found = services(files, **DISK)["code-location"]
    kind = found["environment"]["AMODELS_CONTAINER_CONTEXT"]
    assert kind == ("cpu" if files == "compose.yml" else "gpu")
    done = subprocess.run(
        ["sh", "-c", f"dagster() {{ printf '%s\\n' \"$@\"; }}; {_plain(command(found))}"],
        cwd=PROJECT_ROOT,
        env={"PATH": PATH, "AMODELS_CONTAINER_CONTEXT": kind},
        capture_output=True,
        text=True,
        check=True,
    )
    _, _, context = done.stdout.partition("--container-context\n")
    assert "device_requests" in json.loads(context)["docker"]["container_kwargs"] or kind == "cpu"


def _plain(text: str) -> str:
    return text.removeprefix("sh -c ").replace("exec ", "", 1)


def test_a_gpu_is_reserved_for_what_serves() -> None:
    for files in (GPU, RENTED):
        found = services(files, **DISK)["gateway"]
        (device,) = found["deploy"]["resources"]["reservations"]["devices"]
        assert (device["driver"], device["count"], device["capabilities"]) == ("nvidia", 1, ["gpu"])
        assert int(found["shm_size"]) == 8 * 2**30
    looks = services(GPU)["gpu"]
    assert looks["profiles"] == ["gpu"]
    assert looks["network_mode"] == "none"
    # During a switch two model servers run, and a training beside them.
    arguments = services(RENTED, **DISK)["gateway"]["environment"]["AMODELS_VLLM_ARGUMENTS"]
    assert 2 * float(arguments.removeprefix("--gpu-memory-utilization ")) <= 0.5


def test_a_rented_machine_keeps_its_volumes_on_its_disk() -> None:
    volumes = composed(RENTED, **DISK)["volumes"]
    assert {name: volume["driver_opts"]["device"] for name, volume in volumes.items()} == {
        name: f"/mnt/nvme/amodels/{name}" for name in ("home", "postgres", "redis", "neo4j")
    }
    plain = composed()["volumes"]
    assert {n: v["name"] for n, v in volumes.items()} == {n: v["name"] for n, v in plain.items()}


def gateway(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the gateway's start with a program in its place that prints its arguments."""
    words = services(**variables)["gateway"]
    script = words["command"][2].replace("$$", "$").replace("/etc/amodels/tls", f"{tmp_path}/tls")
    program = tmp_path / "amodels-gateway"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    return subprocess.run(
        ["sh", "-c", script, *words["command"][3:]],
        env={"PATH": f"{tmp_path}:{PATH}", **words["environment"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_gateway_is_not_reached_without_tls_by_mistake(tmp_path: Path) -> None:
    inside = gateway(tmp_path)
    assert inside.stdout.strip() == (
        "--config /etc/amodels/gateway.yaml supervise --host 0.0.0.0 --port 8080 --workers 1 "
        "--insecure-http"
    )
    refused = gateway(tmp_path, AMODELS_GATEWAY_BIND="192.0.2.7")
    assert refused.returncode == 1
    assert "set AMODELS_TLS_CERTIFICATE and AMODELS_TLS_KEY" in refused.stderr
    assert refused.stdout == ""
    behind = gateway(tmp_path, AMODELS_GATEWAY_BIND="192.0.2.7", AMODELS_GATEWAY_INSECURE_HTTP="1")
    assert behind.stdout.strip().endswith("--insecure-http")
    (tmp_path / "tls.crt").write_text("certificate")
    secure = gateway(tmp_path, AMODELS_GATEWAY_BIND="192.0.2.7", AMODELS_GATEWAY_COMMAND="serve")
    assert " serve " in secure.stdout
    assert secure.stdout.strip().endswith(
        f"--tls-certificate {tmp_path}/tls.crt --tls-key {tmp_path}/tls.key"
    )


def test_the_gateway_knows_the_web_servers() -> None:
    settings = read_settings({}, DEPLOY / "gateway.docker.yaml")
    found = services()
    for service in settings.services:
        host, _, port = service.url.removeprefix("http://").partition(":")
        assert f"--port {port} " in command(found[host])
        prefix = re.search(r"--path-prefix (\S+)", command(found[host]))
        assert prefix is not None
        assert service.health.startswith(f"{prefix[1]}/")
        assert host in settings.allowed_hosts
        assert ("--read-only" in command(found[host])) is (service.kind == "dagster-read-only")
    assert len(settings.services) == len(settings.allowed_hosts) == 2


def test_the_workspace_is_the_other_one_on_another_host() -> None:
    names = ("workspace.yaml", "workspace.docker.yaml")
    plain, docker = (yaml.safe_load((DEPLOY / name).read_text()) for name in names)
    server = docker["load_from"][0]["grpc_server"]
    assert server["host"] in services()
    assert f"--port {server['port']} " in command(services()[server["host"]])
    server["host"] = plain["load_from"][0]["grpc_server"]["host"]
    assert plain == docker


def test_every_database_of_a_url_is_made() -> None:
    environment = services()["daemon"]["environment"]
    wanted = {url.rpartition("/")[2] for url in environment.values() if "@postgres:5432/" in url}
    script = (DEPLOY / "postgres" / "create-databases.sh").read_text()
    made = re.search(r"^for name in (.+); do$", script, re.MULTILINE)
    assert made is not None
    assert set(made[1].split()) == wanted
    assert os.access(DEPLOY / "postgres" / "create-databases.sh", os.X_OK)


def test_the_example_explains_every_variable() -> None:
    listed = example_variables(DEPLOY / ".env.example")
    assert len(listed) == len(set(listed))
    # Read by Compose itself.
    assert set(listed) == used_variables() | {"COMPOSE_FILE"}


def test_the_example_names_the_defaults() -> None:
    text = (DEPLOY / "compose.yml").read_text()
    defaults = dict(re.findall(r"(?<!\$)\$\{(AMODELS_[A-Z0-9_]+):-([^}]*)\}", text))
    example = (DEPLOY / ".env.example").read_text()
    commented = dict(re.findall(r"^# (AMODELS_[A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    assert {name: commented[name] for name in defaults} == defaults
    uncommented = dict(re.findall(r"^(AMODELS_[A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    assert uncommented == {name: "" for name in REQUIRED if name.endswith("PASSWORD")}


def test_the_page_has_every_port_and_setting() -> None:
    page = (PROJECT_ROOT / "docs" / "deploy.md").read_text()

    def first_cells(header: str) -> list[list[str]]:
        _, found, rest = page.partition(f"{header}\n")
        assert found
        lines = rest.partition("\n\n")[0].splitlines()[1:]
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]

    settings = first_cells("| setting | default | meaning |")
    listed = [name for row in settings for name in re.findall(r"`([A-Z0-9_]+)`", row[0])]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(example_variables(DEPLOY / ".env.example"))
    rows = first_cells("| port | container | who connects |")
    ports = {(row[1].strip("`"), row[0]) for row in rows}
    found = services()
    assert ports == {(name, port) for name, service in found.items() for port in _ports(service)}
    # What Compose sets by itself.
    own = {name for service in found.values() for name in service.get("environment", {})}
    for name in sorted(own - used_variables()):
        if name.startswith("AMODELS_") and not name.endswith("_URL"):
            assert f"`{name}`" in page


def _ports(service: dict[str, Any]) -> list[str]:
    """Where a service listens, by what it runs or looks at itself by."""
    text = command(service) + " ".join((service.get("healthcheck") or {}).get("test", []))
    known = {"pg_isready": "5432", "redis-server": "6379"}
    found = re.findall(r"--port (\d+)|/dev/tcp/127\.0\.0\.1/(\d+)", text)
    return sorted(
        {a or b for a, b in found} | {port for word, port in known.items() if word in text}
    )


def test_settings_are_read_from_the_file_beside(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    socket = tmp_path / "docker.sock"
    socket.touch()
    lines = [f"{name}={REQUIRED[name]}" for name in REQUIRED if name.endswith("PASSWORD")]
    lines += [f"COMPOSE_FILE={GPU}", f"AMODELS_DOCKER_SOCKET={socket}", "AMODELS_GPU_STEPS=2"]
    (folder / ".env").write_text("\n".join(lines))
    done = run_compose("config", "--format", "json", folder=folder, script=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["services"]
    assert found["daemon"]["environment"]["AMODELS_GPU_STEPS"] == "2"
    assert found["daemon"]["group_add"] == [str(socket.stat().st_gid)]
    assert found["code-location"]["environment"]["AMODELS_CONTAINER_CONTEXT"] == "gpu"
