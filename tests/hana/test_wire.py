"""The stand-in and the real driver understand each other."""

from __future__ import annotations

import os
from collections.abc import Generator
from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.hana.process import HanaServer
from tests.hana.server import PASSWORD, USER

hdbcli = pytest.importorskip("hdbcli.dbapi")
VALUES = {
    "INTEGER": [1, None, -5],
    "SMALLINT": [-5, None, 5],
    "BIGINT": [2**63 - 1, None, -(2**63)],
    "BOOLEAN": [True, None, False],
    "REAL": [1.5, None],
    "DOUBLE": [1e300, None],
    "DECIMAL(18,2)": [Decimal("1.10"), None, Decimal("-5")],
    "DECIMAL(38,10)": [Decimal("-" + "9" * 28 + ".0000000001"), None, Decimal("1.1000000000")],
    "NVARCHAR(5000)": ["x", None, "ü" * 3000],
    "DATE": [date(2024, 2, 29), None, date(1, 1, 1), date(1582, 10, 4)],
    "TIMESTAMP": [datetime(2024, 1, 2, 3, 4, 5, 123456), None, datetime(1, 1, 1)],
    "NCLOB": ["short", None, "", "ü🦊" * 40_000],
    "BLOB": [b"\0\1", None, b"", bytes(range(256)) * 800],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[HanaServer]:
    started = HanaServer(tmp_path_factory.mktemp("hana"))
    yield started
    started.stop()


def connect(server: HanaServer, password: str = PASSWORD):
    return hdbcli.connect(address="127.0.0.1", port=server.port, user=USER, password=password)


def test_every_type_comes_back(server: HanaServer) -> None:
    connection = connect(server)
    connection.setautocommit(False)
    connection.cursor().execute('CREATE SCHEMA "types"')
    for number, (type_, values) in enumerate(VALUES.items()):
        cursor = connection.cursor()
        cursor.execute(f'CREATE TABLE "types"."t{number}" (a {type_})')
        rows = [(value,) for value in values]
        cursor.executemany(f'INSERT INTO "types"."t{number}" (a) VALUES (?)', rows)
        cursor.execute(f'SELECT * FROM "types"."t{number}"')
        found = [row[0] for row in cursor.fetchall()]
        assert [bytes(v) if isinstance(v, memoryview) else v for v in found] == values, type_
        connection.rollback()
        after = connection.cursor()
        after.execute(f'SELECT count(*) AS n FROM "types"."t{number}"')
        assert after.fetchone()[0] == 0
    connection.close()


def test_errors_have_the_servers_numbers(server: HanaServer) -> None:
    connection = connect(server)
    for statement, number in (
        ("CREATE TABEL x (a INTEGER)", 257),
        ("CREATE TABLE x (a TEXT)", 257),
        ('SELECT * FROM "SYS"."NOTHING"', 259),
    ):
        with pytest.raises(hdbcli.Error) as caught:
            connection.cursor().execute(statement)
        assert caught.value.errorcode == number
    connection.close()


def test_a_wrong_password_is_refused(server: HanaServer) -> None:
    with pytest.raises(hdbcli.Error) as caught:
        connect(server, "falsch-" + os.urandom(4).hex())
    assert caught.value.errorcode == 10
