"""docs/serving.md: its commands, its example and its files are what the code takes."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from serving.command import cli, main
from serving.gateway.access import RULES
from serving.gateway.metrics import REGISTRY
from serving.gateway.settings import Settings
from serving.gateway.upstreams import STATES, UpstreamFile
from tests.unit.serving.running import Running

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "serving.md").read_text()
COMMANDS = re.findall(r"^\.venv/bin/amodels-gateway (.+)$", PAGE, re.MULTILINE)


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return found


def test_every_command_works_in_the_page_s_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    assert len(COMMANDS) >= 6
    identity = ""
    for line in COMMANDS:
        arguments = [identity if re.fullmatch("[0-9a-f]{12}", w) else w for w in shlex.split(line)]
        if arguments[0] in {"serve", "supervise"}:
            # They would go on: whether they take these options is seen without starting them.
            serve = cli.commands[arguments[0]]
            assert isinstance(serve.make_context(arguments[0], arguments[1:]), click.Context)
            continue
        monkeypatch.setattr(sys, "argv", ["amodels-gateway", *arguments])
        main()
        printed = capsys.readouterr()
        if found := re.search(r"^amk_([0-9a-f]{12})_", printed.out, re.MULTILINE):
            identity = found[1]
    assert f"{identity} batch: revoked" in printed.out


def test_the_example_prints_an_answer(gateway: Running) -> None:
    code = block("py").replace("http://127.0.0.1:8080", gateway.url).replace("Hello", "words 2")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"KEY": gateway.key}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "w0 w1 "


def test_the_files_of_the_page_are_understood(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"home": tmp_path, "artifacts": tmp_path, **yaml.safe_load(block("yaml"))}
    )
    assert [service.kind for service in settings.services] == ["dagster", "dagster-read-only"]
    (tmp_path / "upstreams.json").write_text(block("json"))
    routes = UpstreamFile(tmp_path / "upstreams.json").routes()
    assert list(routes.ready) == ["r-2"]
    assert set(re.findall(r"`(\w+)`", PAGE.partition("`state` is ")[2].partition(".")[0])) == set(
        STATES
    )


def test_what_it_registers_is_taken(gateway: Running) -> None:
    (said,) = re.findall(r"-d '(\{.*\})'", PAGE)
    assert gateway.ask("PUT", "/services/ratings", json.loads(said)).status == 200
    assert gateway.ask("DELETE", "/services/ratings").status == 204


def test_routes_and_figures_are_all_named() -> None:
    for first in set(RULES) - {"", "logout"}:
        assert f"/{first}" in PAGE, first
    for family in REGISTRY.collect():
        assert family.name in PAGE, family.name
