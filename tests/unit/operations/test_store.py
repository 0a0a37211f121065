"""The record's database."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from amodels_assets.operations.schema import HEAD, METADATA
from amodels_assets.operations.store import OperationsError, opened


def test_migrations_lead_to_the_declared_tables(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "operations_version", "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_the_newest_migration_is_the_one_that_is_expected() -> None:
    config = Config()
    config.set_main_option("script_location", "amodels_assets.operations:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_newer_record_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'operations.sqlite'}"
    with opened(url) as engine, engine.begin() as connection:
        connection.exec_driver_sql("UPDATE operations_version SET version_num = '9999'")
    with pytest.raises(OperationsError, match="newer version"), opened(url):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "hana://user:secret@localhost:1",
        "postgresql://user:secret@localhost:1/none",
        "mysql://user:secret@localhost/none",
        "nonsense secret",
    ],
)
def test_what_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(OperationsError) as refused, opened(url):
        pass
    assert "secret" not in str(refused.value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "operations.sqlite").write_text("this is no database, not at all, by any means")
    with (
        pytest.raises(OperationsError, match="not a database"),
        opened(f"sqlite:///{tmp_path / 'operations.sqlite'}"),
    ):
        pass
