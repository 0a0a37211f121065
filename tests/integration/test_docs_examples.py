"""The examples of the documentation, run as they stand there."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from amodels_assets.artifacts import ArtifactStore

from .processes import ROOT, SHORT, amodels, environment

pytestmark = pytest.mark.xdist_group("whole_run")

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = sorted(
    {
        command.strip()
        for page in PAGES
        for command in re.findall(
            r"^(?:\w+=\S+ )*\.venv/bin/amodels [^\n`]+", page.read_text(), re.M
        )
        + re.findall(r"`((?:\w+=\S+ )*\.venv/bin/amodels [^`]+)`", page.read_text())
    }
)
# What the examples leave to the reader to put in.
NEEDS_A_SERVER = "AMODELS_POSTGRES_URL="
# Pages that show names of the shipped sample; the others must do with any.
OF_THE_SHIPPED_SAMPLE = {"trace", "openlineage", "controlm", "ask", "search", "export"}
# A command, and the page's next block: what it prints.
OUTPUTS = [
    (command.splitlines()[0], output)
    for page in PAGES
    for command, output in re.findall(
        r"```\n(\.venv/bin/amodels [^`]+)```\n[^`]*?```\n([^`]+)```", page.read_text()
    )
    if not output.startswith(".venv/bin/")
]


def test_there_are_examples() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", [c for c in COMMANDS if NEEDS_A_SERVER not in c])
def test_commands(
    command: str, undisturbed: Path, shipped: Path, source: Path, tmp_path: Path
) -> None:
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    arguments = [w for w in words if not re.match(r"[A-Z_]+=", w)][1:]
    places = {"DIR": str(tmp_path / "in"), "OUT": str(tmp_path / "out"), "my-dumps": str(source)}
    if "catalog" in arguments:
        places["DIR"] = str(source)
    arguments = [places.get(word, word) for word in arguments]
    variables = {k: places.get(v, v) for k, v in variables.items()}
    home = tmp_path / "home"
    if "CATALOG" in arguments:
        catalog = ArtifactStore(undisturbed / "artifacts").get("sgmi/catalog")
        arguments = [str(catalog.path) if w == "CATALOG" else w for w in arguments]
    of_shipped = not OF_THE_SHIPPED_SAMPLE.isdisjoint(arguments)
    shutil.copytree(shipped if of_shipped else undisturbed, home)
    if not of_shipped:
        variables["AMODELS_SGMI_DIR"] = str(source)
    done = amodels(*arguments, home=home, **{**SHORT, **variables})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("command", "output"), OUTPUTS)
def test_what_a_page_shows_is_what_comes_out(command: str, output: str, shipped: Path) -> None:
    done = amodels(*shlex.split(command)[1:], home=shipped)
    printed = iter(done.stdout.splitlines())
    for line in output.splitlines():
        assert line in printed, f"{line!r} is not in the output, or not in this order"


def test_the_postgresql_example(postgresql: str, source: Path, tmp_path: Path) -> None:
    (command,) = [c for c in COMMANDS if NEEDS_A_SERVER in c]
    arguments = shlex.split(command)[2:]
    done = amodels(
        *arguments, home=tmp_path, AMODELS_SGMI_DIR=str(source), AMODELS_POSTGRES_URL=postgresql
    )
    assert done.returncode == 0, done.stderr
    assert "schemas/postgresql" in done.stdout
    assert not (tmp_path / "replica.sqlite").exists()


@pytest.mark.parametrize(
    "block",
    [b for page in PAGES for b in re.findall(r"```python\n(.*?)```", page.read_text(), re.S)],
)
def test_python_blocks(block: str, undisturbed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=ROOT,
        env=environment(undisturbed),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


MODULES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for path in (ROOT / "amodels_assets").rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module: str) -> None:
    result = doctest.testmod(import_module(module), raise_on_error=False)
    assert result.attempted > 0
    assert result.failed == 0


def test_make_help_lists_the_targets() -> None:
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ
    )
    for target in ("run", "test", "ui", "lint", "clean", "benchmark"):
        assert f"make {target}" in done.stdout
