"""The platform in containers on a real Docker engine, from ``make up`` to a restore."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deploy.containers import (
    ENDED,
    IMAGES,
    LOCATION,
    SERVICES,
    Containers,
    build_images,
)
from tests.integration.deploy.engine import SECRET, Engine, engine
from tests.integration.deploy.platform import until

pytestmark = pytest.mark.xdist_group("containers")
OWN = tuple(f"amodels/{name}" for name in IMAGES)


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    """An engine that has the platform's images."""
    with engine() as found:
        build_images(found)
        yield found


@pytest.fixture(scope="module")
def containers(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The platform, started."""
    found = Containers(docker, tmp_path_factory.mktemp("containers"))
    try:
        found.up()
        found.compose("exec", "-T", "code-location", "mkdir", "-p", "/var/lib/amodels/test")
        found.new_key()
        yield found
    finally:
        found.compose("down", "--volumes", "--timeout", "5")


def test_images_hold_no_secret_and_run_as_nobody_special(docker: Engine) -> None:
    for name in OWN:
        (image,) = docker.inspect(f"{name}:test")
        print(f"{name}: {image['Size'] / 1e6:.0f} MB", file=sys.stderr)
        assert image["Config"]["User"] == "10001:10001"
        history = docker.docker("history", "--no-trunc", f"{name}:test")
        assert SECRET not in history
        assert not re.search(r"(?i)(password|token|secret)=", history)
        # Nor any file of it: that of the package index was there while it was built.
        search = f"grep -rlF --exclude-dir=proc --exclude-dir=sys {SECRET} / || true"
        user = ("--user", "0", "--network", "none", "--entrypoint", "sh")
        assert docker.docker("run", "--rm", *user, f"{name}:test", "-c", search) == ""


def test_a_schedule_ends_in_a_container_with_its_result_in_postgresql(
    containers: Containers,
) -> None:
    def finished() -> list[dict[str, Any]]:
        runs = containers.runs(schedule_name="every_minute")
        return [run for run in runs if run["status"] in ENDED]

    run = until(finished, "a run of the schedule", 300)[-1]
    containers.touch("enough")
    assert run["status"] == "SUCCESS", containers.logs()
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    # A container of its own, that is gone.
    assert re.fullmatch("[0-9a-f]{64}", tags["docker/container_id"])
    until(
        lambda: (
            tags["docker/container_id"]
            not in containers.engine.docker("ps", "--all", "--quiet", "--no-trunc")
        ),
        "the end of the run's container",
    )
    events = containers.sql(
        "dagster",
        "SELECT asset_key FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
        f" AND run_id = '{run['runId']}'",
    )
    made = {"/".join(json.loads(key)) for (key,) in events}
    assert {"sgmi/tables", "sgmi/columns", "sgmi/column_lineage", "sgmi/jobs"} <= made
    # What it made is where everybody finds it: behind the gateway.
    tables = containers.ask("GET", "/catalog/tables?limit=3")
    assert len(tables["rows"]) == 3


def test_no_process_is_roots_and_only_the_gateway_can_be_reached(containers: Containers) -> None:
    running = containers.compose("ps", "--quiet").split()
    assert len(running) == len(SERVICES)
    published = {}
    for found in containers.engine.inspect(*running):
        service = found["Config"]["Labels"]["com.docker.compose.service"]
        processes = containers.engine.docker("top", found["Id"], "-eo", "pid,uid").splitlines()[1:]
        users = {line.split()[1] for line in processes}
        assert users, service
        assert "0" not in users, (service, users)
        assert found["HostConfig"]["Privileged"] is False
        assert found["HostConfig"]["CapDrop"] == ["ALL"]
        assert found["HostConfig"]["Memory"] > 0
        if ports := found["HostConfig"]["PortBindings"]:
            published[service] = ports
    bound = [{"HostIp": "127.0.0.1", "HostPort": str(containers.port)}]
    assert published == {"gateway": {"8080/tcp": bound}}


def test_two_runs_on_the_gpu_take_turns(containers: Containers) -> None:
    both = {containers.launch("gpu_job") for _ in range(2)}
    until(lambda: containers.said("gpu"), "the first on the GPU", 180)
    (first,) = {line["run"] for line in containers.said("gpu")}
    (second,) = both - {first}
    until(
        lambda: (
            f"Run {second} is blocked by global concurrency limits"
            in containers.compose("logs", "--no-color", "daemon")
        ),
        "a look of the daemon's at the second",
        180,
    )
    assert len(containers.said("gpu")) == 1
    containers.touch("gpu-free")
    assert [containers.ended(run) for run in (first, second)] == ["SUCCESS", "SUCCESS"]
    said = containers.said("gpu")
    assert [line["what"] for line in said] == ["begins", "ends"] * 2
    assert {line["run"] for line in said} == both


def test_a_run_whose_container_dies_has_failed_within_a_minute_and_begins_again(
    containers: Containers,
) -> None:
    run = containers.launch("held_job")
    until(lambda: [s for s in containers.said("held") if s["run"] == run], "the op", 180)
    container = containers.run(run)["tags"]["docker/container_id"]
    (found,) = containers.engine.inspect(container)
    assert found["Config"]["Image"] == f"{LOCATION}:test"
    assert found["HostConfig"]["CapDrop"] == ["ALL"]
    assert found["HostConfig"]["Memory"] == 8 * 2**30
    containers.engine.docker("kill", container)
    assert containers.ended(run, 60) == "FAILURE"
    again = until(lambda: containers.runs(parent_run_id=run), "a second attempt")
    assert containers.ended(again[0]["runId"]) == "SUCCESS"


# As the gate does it, but for what stands in the file.
PUBLISH = """
from pathlib import Path
from amodels_assets.artifacts import ArtifactStore
ArtifactStore(Path("/var/lib/amodels/artifacts")).publish(
    "release/released_language_model", inputs={"of": "the test"}, code_version="1",
    produce=lambda folder: (folder / "release.json").write_text("{}"),
)
"""


def counted(containers: Containers) -> dict[str, object]:
    """What has to be there again: assets, checks, operations, keys, artifacts, releases too."""
    materialized = "dagster_event_type = 'ASSET_MATERIALIZATION'"
    found: dict[str, object] = {
        "events": containers.sql(
            "dagster", f"SELECT id, run_id, asset_key FROM event_logs WHERE {materialized}"
        ),
        "assets": containers.sql(
            "dagster", "SELECT asset_key, last_run_id FROM asset_keys ORDER BY asset_key"
        ),
        "checks": containers.sql(
            "dagster",
            "SELECT asset_key, check_name, execution_status, run_id FROM asset_check_executions"
            " ORDER BY id",
        ),
        "operations": containers.sql("operations", "SELECT * FROM operations ORDER BY 1, 2, 3"),
        "keys": containers.compose(
            "exec", "-T", "gateway", "amodels-gateway", "keys", "list", "--json"
        ),
        "files": containers.compose(
            "exec", "-T", "code-location", "sh", "-c",
            "cd /var/lib/amodels && find artifacts -type f -exec sha256sum {} + | sort -k 2",
        ),
    }  # fmt: skip
    return found


def test_what_was_backed_up_and_lost_is_there_again(containers: Containers, tmp_path: Path) -> None:
    containers.touch("enough")
    for job in ("catalog_job", "operations"):
        assert containers.ended(containers.launch(job)) == "SUCCESS", containers.logs()
    containers.compose("exec", "-T", "code-location", "python", "-c", PUBLISH)
    # From here on nothing is added.
    containers.rest()
    containers.compose("stop", "daemon")
    before = counted(containers)
    assert "artifacts/release/released_language_model/current" in str(before["files"])
    assert all(before.values()), {name: bool(value) for name, value in before.items()}
    containers.make("backup", f"BACKUPS={tmp_path}")
    (backup,) = tmp_path.glob("amodels-*")
    # Not over what is at work.
    refused = containers.make("restore", f"BACKUP={backup}", fails=True)
    assert "at work" in refused
    containers.make("down")
    containers.compose("down", "--volumes")
    left = containers.engine.docker("volume", "ls", "--quiet", "--filter", "name=amodels")
    assert left == ""
    containers.make("restore", f"BACKUP={backup}")
    containers.up()
    containers.compose("stop", "daemon")
    assert counted(containers) == before
    # And the platform goes on: with the key that it had, from where it was.
    containers.compose("start", "daemon")
    assert containers.ended(containers.launch("catalog_job")) == "SUCCESS"
