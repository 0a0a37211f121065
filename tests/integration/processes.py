"""Runs the installed commands as a user would, each test in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# A short training, for tests that are about the way and not about the score.
SHORT = {"AMODELS_TRAINING_STEPS": "60"}


def environment(home: Path, **variables: str) -> dict[str, str]:
    """The process's environment without other settings, and with everything made below ``home``."""
    # Nor with what helps the test processes: a user's has no more room for thread-local storage.
    others = ("AMODELS_", "DAGSTER_", "GLIBC_TUNABLES")
    env = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"
    return {
        **env,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "AMODELS_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        **variables,
    }


def amodels(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``amodels`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "amodels_assets.cli", *arguments],
        cwd=ROOT,
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def run_report(*arguments: str, home: Path, **variables: str) -> dict[str, Any]:
    """Run ``amodels run --json`` and return its report; the run must succeed."""
    done = amodels("run", "--json", *arguments, home=home, **variables)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def artifacts(home: Path) -> dict[str, bytes]:
    """Content of all current artifacts, by ``room/name/file``; without the manifests' times."""
    found = {}
    for pointer in sorted((home / "artifacts").glob("*/*/current")):
        folder = pointer.parent / "versions" / pointer.read_text().strip()
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = (
                    f"{pointer.parent.relative_to(home / 'artifacts')}/{path.relative_to(folder)}"
                )
                found[name] = path.read_bytes()
                if path.name == "manifest.json":
                    manifest = json.loads(path.read_text())
                    del manifest["created_at"]
                    found[name] = json.dumps(manifest, sort_keys=True).encode()
    return found


def browser_path() -> str | None:
    """A Chromium or Chrome of the system."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)
