"""The examples of the documentation, run as they stand there."""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from amodels_assets.artifacts import ArtifactStore
from tests.unit.datasets.loans import LOANS, write_loans
from tests.unit.datasets.relbench_folder import write_manifest, write_relbench

from .processes import ROOT, SHORT, amodels, environment

pytestmark = pytest.mark.xdist_group("whole_run")

# Their examples build on each other: tests of their own run them in their order.
IN_THEIR_OWN_TESTS = {ROOT / "docs" / name for name in ("models.md", "language-models.md")}
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page not in IN_THEIR_OWN_TESTS),
]
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
    home = tmp_path / "home"
    of_shipped = not OF_THE_SHIPPED_SAMPLE.isdisjoint(arguments)
    shutil.copytree(shipped if of_shipped else undisturbed, home)
    places = {
        "DIR": str(tmp_path / "in"),
        "OUT": str(tmp_path / "out"),
        "my-dumps": str(source),
        **places_of_databases(tmp_path),
    }
    if arguments[0] == "catalog":
        places["DIR"] = str(source)
    if "CATALOG" in arguments:
        catalog = ArtifactStore(home / "artifacts").get("sgmi/catalog")
        places["CATALOG"] = str(catalog.path)
    if "DATASET" in arguments:
        store = ArtifactStore(home / "artifacts")
        places["DATASET"] = str(store.get("datasets/catalog_column_type").path)
    arguments = [places.get(word, word) for word in arguments]
    variables = {k: places.get(v, v) for k, v in variables.items()}
    if not of_shipped:
        variables["AMODELS_SGMI_DIR"] = str(source)
    done = amodels(*arguments, home=home, **{**variables, **SHORT})
    assert done.returncode == 0, done.stderr


def places_of_databases(folder: Path) -> dict[str, str]:
    """What the examples of data sets read."""
    write_manifest(folder / "task.yaml", LOANS)
    return {
        "rel-small": str(write_relbench(folder / "rel-small")),
        "task.yaml": str(folder / "task.yaml"),
        "sqlite:///bank.sqlite": f"sqlite:///{write_loans(folder / 'bank.sqlite')}",
    }


def test_the_task_of_the_page_is_the_one_that_is_run() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "datasets.md").read_text(), re.S)
    assert json.loads(json.dumps(yaml.safe_load(block), default=str)) == LOANS


@pytest.mark.parametrize(("command", "output"), OUTPUTS)
def test_what_a_page_shows_is_what_comes_out(
    command: str, output: str, shipped: Path, tmp_path: Path
) -> None:
    words = (str(tmp_path / "out") if word == "OUT" else word for word in shlex.split(command)[1:])
    done = amodels(*words, home=shipped)
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
    for target in ("run", "test", "ui", "serve", "lint", "clean", "benchmark"):
        assert f"make {target}" in done.stdout
