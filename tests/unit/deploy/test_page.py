"""The page on deployment says what the files in ``deploy/`` do."""

from __future__ import annotations

import re

from amodels_assets.settings import PROJECT_ROOT
from resources.run_launcher import WatchedRunLauncher

DEPLOY = PROJECT_ROOT / "deploy"
PAGE = (PROJECT_ROOT / "docs" / "deploy.md").read_text()
UNITS = "\n".join(
    path.read_text() for path in sorted((DEPLOY / "systemd").rglob("*.*")) if path.is_file()
)
SETTINGS = "\n".join(path.read_text() for path in sorted(DEPLOY.glob("dagster*.yaml")))


def rows(header: str) -> list[list[str]]:
    """Cells of a table of the page."""
    _, found, rest = PAGE.partition(f"{header}\n")
    assert found
    lines = rest.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_port_is_in_the_table() -> None:
    listed = {row[0] for row in rows("| port | who listens | who connects |")}
    in_units = set(re.findall(r"--port (\d+)", UNITS)) | {"5432"}
    assert listed == in_units
    assert set(re.findall(r"port: (\d+)", (DEPLOY / "workspace.yaml").read_text())) == {"4000"}


def test_every_variable_is_in_the_table() -> None:
    listed = {
        name
        for row in rows("| variable | set by | value | meaning |")
        for name in re.findall(r"`([A-Z_]+)`", row[0])
    }
    declared = set(re.findall(r"\b((?:AMODELS|DAGSTER)_[A-Z_]+)=", UNITS))
    declared |= set(re.findall(r"env: ([A-Z_]+)", SETTINGS))
    assert declared | {"AMODELS_HISTORY_DAYS"} == listed


def test_every_unit_and_file_is_named() -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        assert f"`{unit.name}`" in PAGE
    for name in re.findall(r"`?(deploy/[\w./*-]+)", PAGE):
        assert list(PROJECT_ROOT.glob(name)), name
    assert WatchedRunLauncher.__name__ in PAGE
