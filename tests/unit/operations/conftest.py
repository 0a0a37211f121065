"""A Dagster instance with a log of its own, and an empty record."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from amodels_assets.commands.materialize import DAGSTER_YAML
from amodels_assets.operations.store import opened

from .pipeline import run_everything
from .webhook import Webhook


@contextmanager
def instance_in(home: Path) -> Iterator[dg.DagsterInstance]:
    """As the command line sets it up."""
    text = DAGSTER_YAML.replace("{}", f"{{base_dir: {home}/events}}")
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(text)
    with dg.DagsterInstance.from_config(str(home)) as found:
        yield found


@pytest.fixture(scope="session")
def home_after_a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's home after one run of everything."""
    home = tmp_path_factory.mktemp("dagster") / "home"
    with instance_in(home) as instance:
        run_everything(instance)
    return home


@pytest.fixture
def instance(tmp_path: Path, home_after_a_run: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's after one run of everything, for this test alone."""
    shutil.copytree(home_after_a_run, tmp_path / "dagster")
    with instance_in(tmp_path / "dagster") as found:
        yield found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """Of an empty record."""
    with opened(f"sqlite:///{tmp_path / 'operations.sqlite'}") as found:
        yield found


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """On a free port."""
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
