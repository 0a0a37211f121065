"""The commands of the units with the platform's own assets, in production."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.deploy.platform import Platform, until

pytestmark = pytest.mark.xdist_group("deploy")
QUERY = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
  location { name }
  schedules { name scheduleState { status } }
  sensors { name sensorState { status } }
} } ... on PythonError { message } } }"""


@pytest.fixture(scope="module")
def platform(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    found = Platform(folder, postgresql, location="amodels_assets.definitions")
    try:
        found.start("code-location")
        found.start("webserver")
        yield found
    finally:
        found.stop()


def asked(platform: Platform) -> dict[str, Any] | None:
    """The web server's answer, once it gives one."""
    assert platform.processes["webserver"].poll() is None, platform.log("webserver")
    request = urllib.request.Request(
        f"http://127.0.0.1:{platform.web_port}/graphql",
        json.dumps({"query": QUERY}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]["repositoriesOrError"]
    except (urllib.error.URLError, ConnectionError):
        return None


def test_the_web_ui_shows_what_is_on_in_production(platform: Platform) -> None:
    found = until(lambda: asked(platform), "an answer of the web server")
    (repository,) = found["nodes"]
    assert repository["location"]["name"] == "amodels"
    schedules = {s["name"]: s["scheduleState"]["status"] for s in repository["schedules"]}
    assert schedules.pop("prune_run_history_nightly") == "RUNNING"
    assert schedules
    assert set(schedules.values()) == {"STOPPED"}
