"""The Dagster web UI over the definitions, in a real browser: what the README shows is real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.free_ports import free_port

from .browser import CHROMIUM_ARGUMENTS, PATIENCE, needs_a_browser, wait_for
from .processes import ROOT, browser_path, environment

PICTURE = ROOT / "docs" / "images" / "asset-graph.png"
GROUPS = ("sgmi", "schemas", "graph", "datasets", "training", "evaluation", "release")

pytestmark = [
    pytest.mark.service,
    needs_a_browser,
]


@pytest.fixture
def web_ui(tmp_path: Path) -> Iterator[str]:
    """Address of ``amodels ui`` on a free port, once it answers."""
    port = free_port()
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "amodels_assets.cli", "ui", "--port", str(port)],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info", process, tmp_path / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=120)
        log.close()


def test_the_asset_graph_and_the_schedules_are_seen(web_ui: str, tmp_path: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path(), args=CHROMIUM_ARGUMENTS
        )
        page = browser.new_page(viewport={"width": 1700, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{web_ui}/asset-groups")
        for group in GROUPS:
            expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=PATIENCE)
        picture = tmp_path / "asset-graph.png"
        page.screenshot(path=picture)
        page.goto(f"{web_ui}/automation")
        for name in ("train_evaluate_release_nightly", "delete_expired_checkpoints_weekly"):
            expect(page.get_by_text(name).first).to_be_visible(timeout=PATIENCE)
        browser.close()
    assert picture.stat().st_size > 20_000
    if os.environ.get("AMODELS_UPDATE_SCREENSHOTS"):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        PICTURE.write_bytes(picture.read_bytes())
