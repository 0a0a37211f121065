"""Commands and assets with SAP HANA (the stand-in of ``tests/hana``) and PostgreSQL at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from amodels_assets.schemas.connect import connected
from tests.hana.process import HanaServer
from tests.hana.server import PASSWORD
from tests.integration.hana_database import content
from tests.integration.processes import amodels, run_report

pytest.importorskip("hdbcli")
pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture(scope="module")
def home(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home with a catalog and rows."""
    found = tmp_path_factory.mktemp("home")
    run_report("--select", "group:sgmi", home=found, AMODELS_SGMI_DIR=str(source))
    return found


@pytest.fixture
def hana(tmp_path: Path) -> Iterator[HanaServer]:
    started = HanaServer(tmp_path / "hana")
    yield started
    started.stop()


def tables(url: str) -> list[str]:
    """Tables and views of the source in PostgreSQL."""
    with connected(url) as connection:
        query = (
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_schema LIKE 'sgmi%%' ORDER BY 1"
        )
        return list(connection.exec_driver_sql(query).scalars())


def test_plan_apply_and_history_with_both(
    home: Path, source: Path, hana: HanaServer, postgresql: str
) -> None:
    variables = {
        "AMODELS_SGMI_DIR": str(source),
        "AMODELS_HANA_URL": hana.url,
        "AMODELS_POSTGRES_URL": postgresql,
    }
    planned = amodels("schemas", "plan", "--json", home=home, **variables)
    assert planned.returncode == 0, planned.stderr
    steps = json.loads(planned.stdout)
    assert {row["target"] for row in steps} == {"hana", "postgresql"}
    done = amodels("schemas", "apply", home=home, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    planned = amodels("schemas", "plan", "--json", home=home, **variables)
    # What is left are views that a target cannot run.
    assert {row["step"] for row in json.loads(planned.stdout)} <= {"skip"}
    history = amodels("schemas", "history", "--json", "--number", "5", home=home, **variables)
    rows = json.loads(history.stdout)
    assert [row["target"] for row in rows].count("hana") == 5
    there = content(hana.url)
    assert there["amodels_replica", "applied_objects"]
    names = {".".join(map(str, place)) for place in there if place[0] != "amodels_replica"}
    # Views differ in what each target can run, tables do not.
    assert {name for name in tables(postgresql) if ".v" not in name} <= names

    # One store is down: the other one is brought up to date, and what is said hides the password.
    victim = next(name for name in tables(postgresql) if ".v" not in name)
    schema, _, table = victim.partition(".")
    drop = f'DROP TABLE "{schema}"."{table}"'
    with connected(postgresql) as connection:
        connection.exec_driver_sql(f"{drop} CASCADE")
        connection.commit()
    hana.kill()
    failed = amodels("schemas", "apply", home=home, **variables)
    assert failed.returncode == 1
    assert "cannot be reached" in failed.stdout + failed.stderr
    assert PASSWORD not in failed.stdout + failed.stderr
    assert victim in tables(postgresql)
    hana.start()
    assert content(hana.url) == there

    with connected(hana.url) as connection:
        connection.exec_driver_sql(drop)
        connection.commit()
    gone = {**variables, "AMODELS_POSTGRES_URL": "postgresql://user:geheim@127.0.0.1:1/db"}
    failed = amodels("schemas", "apply", home=home, **gone)
    assert failed.returncode == 1
    assert "geheim" not in failed.stdout + failed.stderr
    assert content(hana.url)[schema, table] == there[schema, table]
