"""``amodels datasets build database`` on PostgreSQL and on the stand-in for SAP HANA."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from click.testing import CliRunner, Result

from amodels_assets.cli import cli
from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.datasets.leakage import find_leaks
from amodels_assets.schemas.connect import connected
from tests.hana.process import HanaServer
from tests.unit.datasets.loans import LOANS, write_loans

pytest.importorskip("hdbcli")
pytestmark = pytest.mark.xdist_group("postgresql")
# A whole declaration of the same tables, in a schema of its own.
DECLARATION: dict[str, Any] = {
    "name": "loans",
    "description": "Does the loan fail?",
    "database": "small letters",
    "seed": 0,
    "tables": {
        "loan": {
            "primary_key": "id",
            "time_column": "granted",
            "columns": {"amount": "numeric", "granted": "datetime"},
        },
        "outcome": {
            "primary_key": "id",
            "time_column": "known",
            "foreign_keys": {"loan": "loan"},
            "columns": {"asked": "datetime", "known": "datetime", "failed": "boolean"},
        },
    },
    "task": LOANS["task"],
}
TYPES = {"id": "INTEGER", "loan": "INTEGER", "amount": "DECIMAL(12,2)", "failed": "BOOLEAN"}


def build(task: Path, out: Path, url: str) -> Result:
    return CliRunner().invoke(
        cli,
        ["datasets", "build", "database", str(task), str(out), "--url-from", "BANK_URL", "--json"],
        env={**os.environ, "BANK_URL": url},
    )


def task_file(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "task.yaml").write_text(yaml.safe_dump(content))
    return folder / "task.yaml"


@pytest.fixture
def hana(tmp_path: Path) -> Iterator[str]:
    started = HanaServer(tmp_path / "hana")
    yield started.url
    started.stop()


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, Any]:
    """What the same rows in SQLite, with the keys that it keeps, become."""
    url = f"sqlite:///{write_loans(tmp_path / 'loans.sqlite')}"
    done = build(task_file(tmp_path, LOANS), tmp_path / "expected", url)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def copied(source: Path, url: str, schema: str, kind: str = "TABLE") -> None:
    """Tables of a SQLite file, without their keys."""
    rows = sa.create_engine(f"sqlite:///{source}")
    with connected(url) as connection, rows.connect() as from_:
        quote = connection.dialect.identifier_preparer.quote_identifier
        connection.exec_driver_sql(f"CREATE SCHEMA {quote(schema)}")
        for name in ("loan", "outcome"):
            found = sa.Table(name, sa.MetaData(), autoload_with=from_, resolve_fks=False)
            columns = ", ".join(f"{quote(c.name)} {TYPES.get(c.name, 'DATE')}" for c in found.c)
            connection.exec_driver_sql(f"CREATE {kind} {quote(schema)}.{quote(name)} ({columns})")
            table = sa.table(
                sa.sql.quoted_name(name, quote=True),
                *(sa.column(sa.sql.quoted_name(c.name, quote=True), c.type) for c in found.c),
                schema=sa.sql.quoted_name(schema, quote=True),
            )
            values = [dict(row) for row in from_.execute(sa.select(found)).mappings()]
            connection.execute(sa.insert(table), values)
        connection.commit()
    rows.dispose()


@pytest.mark.parametrize("server", ["postgresql", "hana"])
def test_a_whole_declaration_names_its_schema(
    server: str, request: pytest.FixtureRequest, expected: dict[str, Any], tmp_path: Path
) -> None:
    url = request.getfixturevalue(server)
    kind = "COLUMN TABLE" if server == "hana" else "TABLE"
    copied(tmp_path / "loans.sqlite", url, "small letters", kind)
    done = build(task_file(tmp_path, DECLARATION), tmp_path / "out", url)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["splits"] == expected["splits"]
    assert found["left_out"] == expected["left_out"]
    dataset = open_dataset(tmp_path / "out")
    assert dataset.tables["loan"]["amount"].to_pylist()[3] is not None
    assert find_leaks(dataset) == []
    more = {**DECLARATION["tables"], "planet": {"primary_key": "id"}}
    lacking = task_file(tmp_path, {**DECLARATION, "tables": more})
    done = build(lacking, tmp_path / "other", url)
    assert done.exit_code == 1
    assert done.output == "Error: the database has no table planet: it has loan, outcome\n"


def test_postgresql_is_read_at_one_moment_and_never_written(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amodels_assets.commands.reading_database import database_of

    monkeypatch.setenv("BANK_URL", postgresql)
    with connected(postgresql) as writer, database_of("BANK_URL") as reader:
        writer.exec_driver_sql("CREATE TABLE moment (id INTEGER)")
        writer.commit()
        count = sa.text("SELECT count(*) FROM moment")
        assert reader.execute(count).scalar_one() == 0
        writer.exec_driver_sql("INSERT INTO moment VALUES (1)")
        writer.commit()
        assert reader.execute(count).scalar_one() == 0
        with pytest.raises(sa.exc.InternalError, match="read-only transaction"):
            reader.exec_driver_sql("INSERT INTO moment VALUES (2)")


def test_a_user_who_may_not_read_is_told_so(
    postgresql: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    copied(tmp_path / "loans.sqlite", postgresql, "closed")
    with connected(postgresql) as connection:
        connection.exec_driver_sql("CREATE ROLE visitor LOGIN")
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA closed TO visitor")
        connection.commit()
    url = sa.make_url(postgresql).set(username="visitor").render_as_string(hide_password=False)
    done = build(task_file(tmp_path, {**DECLARATION, "database": "closed"}), tmp_path / "out", url)
    assert done.exit_code == 1
    (sentence,) = done.output.splitlines()
    assert "loan cannot be read (ProgrammingError)" in sentence
    assert "this user may read the table" in sentence
