"""Training sets from databases that keep their own keys, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa

from amodels_assets.datasets.dataset import DatasetError, open_dataset
from amodels_assets.datasets.leakage import find_leaks
from amodels_assets.datasets.relational import SpecError, TaskSpec, parse_spec
from amodels_assets.datasets.replica_source import read_database, read_declared

TASK = TaskSpec(
    table="Outcome of loan",
    entity_column="loan",
    cutoff_column="asked",
    target_column="failed",
    kind="binary",
    validation_start=dt.datetime(2021, 1, 1),
    test_start=dt.datetime(2022, 1, 1),
)
TIMES = {"Outcome of loan": "known", "loan": "granted"}
SCHEMA = sa.MetaData()
sa.Table(
    "branch",
    SCHEMA,
    sa.Column("country", sa.String(2), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("code", sa.String(8), unique=True),
    sa.Column('na"me; drop table', sa.String(40)),
)
sa.Table(
    "loan",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("country", sa.String(2)),
    sa.Column("number", sa.Integer),
    sa.Column("sold by", sa.String(8), sa.ForeignKey("branch.code")),
    sa.Column("replaces", sa.Integer, sa.ForeignKey("loan.id")),
    sa.Column("amount", sa.Numeric(12, 2)),
    sa.Column("granted", sa.DateTime),
    sa.Column("paid at", sa.Time),
    sa.ForeignKeyConstraint(["country", "number"], ["branch.country", "branch.number"]),
)
sa.Table(
    "Outcome of loan",
    SCHEMA,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("loan", sa.Integer, sa.ForeignKey("loan.id"), nullable=False),
    sa.Column("asked", sa.Date),
    sa.Column("known", sa.DateTime),
    sa.Column("failed", sa.Boolean),
)
# No primary key: payments repeat.
sa.Table(
    "payment",
    SCHEMA,
    sa.Column("loan", sa.Integer, sa.ForeignKey("loan.id")),
    sa.Column("amount", sa.Float),
)


def fill(connection: sa.Connection) -> None:
    SCHEMA.create_all(connection)
    table = SCHEMA.tables
    connection.execute(
        sa.insert(table["branch"]),
        [
            {"country": c, "number": n, "code": f"{c}{n}", 'na"me; drop table': 'it\'s "one"'}
            for c in ("DE", "FR")
            for n in (1, 2)
        ],
    )
    start = dt.datetime(2020, 1, 1, 12, 30)
    loans = [
        {
            "id": number,
            "country": ("DE", "FR")[number % 2],
            "number": 1 + number % 2,
            "sold by": f"FR{1 + number % 2}",
            "replaces": number - 1 if number else None,
            "amount": Decimal(f"{number}.25"),
            "granted": start + dt.timedelta(days=number),
            "paid at": dt.time(8, 15),
        }
        for number in range(300)
    ]
    for loan in loans:
        connection.execute(sa.insert(table["loan"]), loan)
    connection.execute(
        sa.insert(table["Outcome of loan"]),
        [
            {
                "id": number,
                "loan": number % 300,
                "asked": dt.date(2020, 6, 1) + dt.timedelta(days=number),
                "known": dt.datetime(2020, 6, 1) + dt.timedelta(days=number + 30),
                "failed": number % 3 == 0,
            }
            for number in range(900)
        ],
    )
    payments = np.random.default_rng(0).integers(0, 9, (500, 2)).tolist()
    connection.execute(
        sa.insert(table["payment"]), [{"loan": a, "amount": b / 2} for a, b in payments]
    )
    connection.commit()


@pytest.fixture
def connection(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect() as open_connection:
        fill(open_connection)
        yield open_connection
    engine.dispose()


def read(connection: sa.Connection, **changes: object):
    settings = {
        "name": "loans",
        "description": "Does the loan fail?",
        "task": TASK,
        "times": TIMES,
        **changes,
    }
    return read_database(connection, **settings)  # type: ignore[arg-type]


def test_keys_come_from_the_database(connection: sa.Connection, tmp_path: Path) -> None:
    source = read(connection)
    tables = {table.name: table for table in source.spec.tables}
    assert tables["branch"].primary_key == "country+number"
    assert tables["loan"].foreign_keys == {
        "country+number of branch": "branch",
        "sold by of branch": "branch",
        "replaces": "loan",
    }
    assert tables["loan"].columns == {"amount": "numeric", "granted": "datetime"}
    assert tables["Outcome of loan"].columns == {
        "asked": "datetime",
        "known": "datetime",
        "failed": "boolean",
    }
    assert tables["payment"].primary_key == "row_number"
    assert 'na"me; drop table' in tables["branch"].columns
    assert set(source.left_out) == {"loan.paid at"}
    summary = source.build(tmp_path / "out")
    assert set(summary["dangling_foreign_keys"].values()) == {0}  # type: ignore[attr-defined]
    dataset = open_dataset(tmp_path / "out")
    assert find_leaks(dataset) == []
    loans = dataset.tables["loan"]
    one = loans.filter(pc.equal(loans["id"], "7")).to_pylist()[0]
    assert one["country+number of branch"] == "FR|2"
    assert one["sold by of branch"] == "FR|2"
    assert one["amount"] == 7.25
    assert one["granted"] == dt.datetime(2020, 1, 8, 12, 30)


def test_the_order_of_rows_does_not_matter(connection: sa.Connection) -> None:
    """A table without a primary key gives the same rows with the same numbers."""
    before = read(connection).tables["payment"]
    payment = SCHEMA.tables["payment"]
    rows = connection.execute(sa.select(payment)).mappings().all()
    connection.execute(sa.delete(payment))
    connection.execute(sa.insert(payment), [dict(row) for row in reversed(rows)])
    assert read(connection).tables["payment"].equals(before)


def test_a_declaration_chooses_tables_and_columns(
    connection: sa.Connection, tmp_path: Path
) -> None:
    spec = parse_spec(
        {
            "name": "loans",
            "description": "Does the loan fail?",
            "database": "bank",
            "seed": 1,
            "tables": {
                "loan": {
                    "primary_key": "id",
                    "time_column": "granted",
                    "foreign_keys": {"replaces": "loan"},
                    "columns": {"amount": "numeric", "number": "categorical"},
                },
                "Outcome of loan": {
                    "primary_key": "id",
                    "time_column": "known",
                    "foreign_keys": {"loan": "loan"},
                    "columns": {"asked": "datetime", "failed": "boolean"},
                },
            },
            "task": {
                "table": "Outcome of loan",
                "entity_column": "loan",
                "cutoff_column": "asked",
                "target_column": "failed",
                "kind": "binary",
                "validation_start": "2021-01-01",
                "test_start": "2022-01-01",
            },
        },
        "loans.yaml",
    )
    read_declared(connection, spec).build(tmp_path)
    dataset = open_dataset(tmp_path)
    assert set(dataset.categories["loan.number"]) == {"1", "2"}
    assert dataset.tables["loan"].num_rows == 300


def test_what_is_not_there_is_one_sentence(connection: sa.Connection) -> None:
    with pytest.raises(SpecError, match="no table planet"):
        read(connection, tables=["planet"])
    with pytest.raises(SpecError, match=r"no loan\.since"):
        read(connection, times={"loan": "since"})
    with pytest.raises(SpecError, match="needs a time_column"):
        read(connection, times={})
    alone = read(connection, tables=["Outcome of loan", "loan"])
    assert alone.left_out["loan.sold by"] == "points to branch, which is not read"


def test_a_value_that_does_not_fit_is_one_sentence(connection: sa.Connection) -> None:
    if connection.dialect.name != "sqlite":
        with pytest.raises(sa.exc.DataError):
            connection.exec_driver_sql("UPDATE loan SET amount = 'plenty' WHERE id = 3")
        return
    connection.exec_driver_sql("UPDATE payment SET amount = 'plenty' WHERE loan = 3")
    with pytest.raises(DatasetError, match=r"payment\.amount holds a value that is no FLOAT"):
        read(connection)
    connection.exec_driver_sql("UPDATE payment SET amount = 1")
    connection.exec_driver_sql("UPDATE loan SET granted = '0000-00-00' WHERE id = 3")
    with pytest.raises(DatasetError, match="the driver cannot read"):
        read(connection)
