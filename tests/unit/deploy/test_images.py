"""The Dockerfiles: judged by hadolint, and what it does not look at. They are built elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from amodels_assets.settings import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile*"))
TARGETS = {
    "Dockerfile": ("code-location", "control"),
    "Dockerfile.serving": ("gateway", "model-server"),
}


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "hadolint"), "--no-color", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def stages(path: Path) -> dict[str, list[str]]:
    """Name of each stage to its instructions, with those of the stages that it begins from."""
    text = re.sub(r"\\\n\s*", " ", path.read_text())
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if begins := re.match(r"FROM (\S+) AS (\S+)", line):
            found[begins[2]] = list(found.get(begins[1], []))
        elif found and re.match(r"[A-Z]+ ", line):
            found[list(found)[-1]].append(line)
    return found


def last(instructions: list[str], name: str) -> str:
    return [line for line in instructions if line.startswith(f"{name} ")][-1]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    done = hadolint(path)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_say_it(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian:latest\nRUN apt-get update && apt-get install python3\n")
    done = hadolint(path)
    assert done.returncode == 1
    assert {"DL3007", "DL3008"} <= set(re.findall(r"DL\d{4}", done.stdout))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_every_image_is_run_by_somebody_without_rights(path: Path) -> None:
    found = stages(path)
    assert set(TARGETS[path.name]) <= set(found)
    for target in TARGETS[path.name]:
        assert last(found[target], "USER") == "USER 10001:10001"
        assert last(found[target], "CMD").startswith("CMD [")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_is_built_from_can_be_chosen_and_what_is_installed_is_pinned(path: Path) -> None:
    text = path.read_text()
    assert set(re.findall(r"^FROM (\S+)", text, re.M)) <= {"${BASE_IMAGE}", *stages(path)}
    assert re.search(r"^ARG BASE_IMAGE=python:3\.11-slim-\w+$", text, re.M)
    for install in re.findall(r"pip install (.*)", text):
        pinned = ("--constraint constraints.txt", "--no-deps", '"$@"')
        assert any(how in install for how in pinned), install


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_secrets_are_mounted_and_never_copied(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"(?i)(ARG|ENV)[^\n]*(password|secret|token|key)", text)
    mounts = re.findall(r"--mount=type=(\w+)", text)
    assert set(mounts) == {"secret"}


def test_a_build_is_given_what_an_image_needs_and_nothing_else() -> None:
    """Folders are named one by one, so that neither settings nor what was made get into one."""
    lines = (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    given = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert "deploy" not in given
    assert not any(name.split("/")[-1].startswith(".env") for name in given)
    for name in given:
        assert (PROJECT_ROOT / name).exists(), name
