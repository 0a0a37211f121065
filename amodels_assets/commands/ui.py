"""``amodels ui``: Dagster's web UI and daemon over what ``amodels run`` made."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=3000, show_default=True)
def ui(host: str, port: int) -> None:
    """Start Dagster's web UI and daemon; stop them with Ctrl-C.

    \b
    Examples:
      amodels ui
      amodels ui --port 3333
    """
    from amodels_assets.commands.materialize import prepare_dagster_home

    beside = str(Path(sys.executable).parent)
    dagster = shutil.which("dagster", path=beside + os.pathsep + os.environ.get("PATH", ""))
    if dagster is None or shutil.which("dagster-webserver", path=beside) is None:
        raise click.ClickException("the web UI is not installed: pip install 'amodels[ui]'")
    prepare_dagster_home()
    os.environ["PATH"] = beside + os.pathsep + os.environ.get("PATH", "")
    arguments = ["dev", "-m", "amodels_assets.definitions", "-h", host, "-p", str(port)]
    os.execv(dagster, [dagster, *arguments])  # noqa: S606 (one process to stop, not two)
