"""Dagster's web UI behind the gateway's login, in a real browser, to act in and to look at."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect, sync_playwright

from amodels_assets.commands.materialize import DAGSTER_YAML
from tests.free_ports import free_port

from .browser import CHROMIUM_ARGUMENTS, PATIENCE, needs_a_browser, wait_for
from .processes import ROOT, browser_path, environment

pytestmark = [pytest.mark.service, needs_a_browser]

# What the button that makes assets sends; the web UI for readers does not answer it.
ACT = """
async () => {
  const answer = await fetch("/dagster/graphql", {
    method: "POST",
    headers: {"content-type": "application/json"},
    body: JSON.stringify({
      query: "mutation { wipeAssets(assetPartitionRanges: []) { __typename } }",
    }),
  });
  return JSON.stringify(await answer.json());
}
"""


@contextmanager
def started(home: Path, name: str, url: str, *command: str) -> Generator[None]:
    """A server as a process, from when it answers."""
    path = home / f"{name}.log"
    with path.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment(home),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(url, process, path)
            yield
        finally:
            process.terminate()
            process.wait(timeout=120)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    """Address of a gateway in front of both web UIs."""
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text(DAGSTER_YAML)
    with ExitStack() as stack:
        services = []
        for kind, option in (("dagster", []), ("dagster-read-only", ["--read-only"])):
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            health = "/dagster/server_info"
            command = ["dagster_webserver", "--path-prefix", "/dagster", "--port", str(port)]
            command += ["-m", "amodels_assets.definitions", *option]
            stack.enter_context(started(tmp_path, kind, url + health, *command))
            services.append({"name": kind, "kind": kind, "url": url, "health": health})
        config = tmp_path / "gateway.yaml"
        config.write_text(yaml.safe_dump({"services": services}))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = ["serving.command", "--config", str(config), "serve", "--port", str(port)]
        stack.enter_context(started(tmp_path, "gateway", f"{url}/healthz", *command))
        yield url


def key_with(home: Path, *scopes: str) -> str:
    options = [part for scope in scopes for part in ("--scope", scope)]
    made = subprocess.run(
        [sys.executable, "-m", "serving.command", "keys", "create", "test", "--json", *options],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        check=True,
    )
    return json.loads(made.stdout)["key"]


def log_in(page: Page, gateway: str, key: str) -> None:
    page.goto(f"{gateway}/dagster/asset-groups")
    page.locator("input[type=password]").fill(key)
    page.get_by_role("button").click()
    for group in ("sgmi", "training", "release"):
        expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=PATIENCE)


def test_who_logs_in_sees_the_assets_and_only_operators_act(gateway: str, tmp_path: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path(), args=CHROMIUM_ARGUMENTS
        )
        answers = {}
        for scope in ("catalog", "operate"):
            with browser.new_context(viewport={"width": 1700, "height": 900}) as context:
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                with page.expect_websocket() as opened:
                    log_in(page, gateway, key_with(tmp_path, scope))
                assert opened.value.url.endswith("/dagster/graphql")
                answers[scope] = page.evaluate(ACT)
        browser.close()
    assert "wipeAssets" in answers["operate"]
    assert "AssetWipeSuccess" in answers["operate"]
    assert "UnauthorizedError" in answers["catalog"]
