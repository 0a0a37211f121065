"""A warehouse of real size and the shipped sample in SAP HANA, read back by plain SQL.

The tests are those of the other targets. Every statement that reached the stand-in is then held
against the grammar of SAP's SQL reference, one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from amodels_assets.schemas.replica import bring_up_to_date
from tests.hana.grammar import definition
from tests.hana.process import HanaServer
from tests.hana.reader import GrammarError
from tests.integration.hana_database import REAL, hana_database
from tests.integration.replica_source import Source, apply, replicate
from tests.integration.test_replica import ATTACKS
from tests.integration.test_replica_hana_faults import SOURCE
from tests.integration.test_replica_warehouse import (  # noqa: F401
    Query,
    Tables,
    Target,
    shipped,
    source_of,
    test_a_warehouse_of_real_size_is_there_as_the_catalog_has_it,
    test_the_shipped_sample_is_there_with_every_value,
    warehouse,
)

dbapi = pytest.importorskip("hdbcli.dbapi")


def hana_tables(query: Query) -> Tables:
    found: Tables = {
        (schema.lower() if schema == "AMODELS_REPLICA" else schema, table): (comment or "", [])
        for schema, table, comment in query(
            "SELECT SCHEMA_NAME, TABLE_NAME, COMMENTS FROM SYS.TABLES"
        )
        if schema == "AMODELS_REPLICA" or schema == schema.lower()
    }
    for schema, table, column, kind, length, scale, comment in query(
        "SELECT SCHEMA_NAME, TABLE_NAME, COLUMN_NAME, DATA_TYPE_NAME, LENGTH, SCALE, COMMENTS "
        "FROM SYS.TABLE_COLUMNS ORDER BY SCHEMA_NAME, TABLE_NAME, POSITION"
    ):
        if (schema, table) in found:
            sizes = {"NVARCHAR": f"({length})", "DECIMAL": f"({length},{scale})"}
            text = f"{kind}{sizes.get(kind, '')}"
            found[schema, table][1].append((column, text, comment or ""))
    return found


def hana_type(hive: str) -> str:
    name, _, rest = hive.partition("(")
    if hive.startswith(("array<", "map<", "struct<")):
        return "NCLOB"
    if rest:
        return f"{'DECIMAL' if name == 'decimal' else 'NVARCHAR'}({rest}"
    return {
        "string": "NVARCHAR(5000)", "boolean": "BOOLEAN", "tinyint": "SMALLINT",
        "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT", "float": "REAL",
        "double": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP", "binary": "BLOB",
    }[name]  # fmt: skip


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """An empty SAP HANA."""
    with hana_database(tmp_path / "hana") as url:
        parsed = sa.make_url(url)

        def query(statement: str) -> list[tuple[Any, ...]]:
            connection = dbapi.connect(
                address=parsed.host,
                port=parsed.port,
                user=parsed.username,
                password=parsed.password,
            )
            try:
                cursor = connection.cursor()
                cursor.execute(statement)
                return [
                    tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                    for row in cursor.fetchall()
                ]
            finally:
                connection.close()

        yield Target(
            url,
            query,
            hana_tables,
            hana_type,
            lambda _, value: value,
            lambda database, table: f'"{database}"."{table}"',
            has_comments=True,
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HanaServer]:
    if REAL:
        pytest.skip("a real SAP HANA does not tell which statements reached it")
    started = HanaServer(tmp_path / "hana")
    yield started
    started.stop()


def verbs(server: HanaServer) -> Counter[str]:
    """How many statements of each kind reached the server; each is one of SAP HANA's."""
    found: Counter[str] = Counter()
    for statement in server.statements:
        defined = definition(statement)
        found[defined.verb if defined else statement.split(None, 1)[0].lower()] += 1
    return found


REFUSED = {
    "v1_covenant_history_000": "MONTHS_BETWEEN is not translated to SAP HANA's SQL",
    "v1_daily_002": "COLLECT_SET is not translated to SAP HANA's SQL",
    "v1_history_003": "LATERAL VIEW is not translated to SAP HANA's SQL",
    "v2_daily_002_013": "LATERAL VIEW is not translated to SAP HANA's SQL",
    "v2_history_004_012": "COLLECT_SET is not translated to SAP HANA's SQL",
}


def test_every_statement_for_the_shipped_sample_is_sap_hanas(
    server: HanaServer,
    shipped: tuple[dict[str, pa.Table], dict[str, pa.Table]],  # noqa: F811
) -> None:
    catalog, rows = shipped
    outcomes = bring_up_to_date(server.url, source_of(catalog, rows))
    reasons = {o.key[1]: o.reason for o in outcomes if o.reason}
    assert {name: reasons[name] for name in REFUSED} == REFUSED
    others = {name: text for name, text in reasons.items() if name not in REFUSED}
    assert all(text.startswith("it reads ") for text in others.values()), others
    made = sum(o.kind == "view" and o.action == "created" for o in outcomes)
    assert made == catalog["views"].num_rows - len(reasons)
    assert made > 0
    found = verbs(server)
    assert found["create_view"] == made
    # And two of the record.
    tables = sum(o.kind == "table" for o in outcomes)
    assert found["create_table"] == tables + 2
    assert found["insert"] > tables


UNCHANGED = ("unchanged", "")
NAMES = [*ATTACKS, "ünï 🦊", "x" * 200, "'", '""', "TABLE", "\\", "?", "--", "/*"]


def test_every_statement_with_names_that_attack_is_sap_hanas(server: HanaServer) -> None:
    neighbour = SOURCE["a.first"]
    apply(server.url, {"a.first": neighbour})
    for name in NAMES:
        key, column = f"{name}.{name}", name.lower()
        rows = pa.table({column: ["'; DROP TABLE x; --", name]})
        other = pa.table({column: [name, "y"], "k": ["1", "2"]})
        before: Source = {"a.first": neighbour, key: ({column: "varchar(250)"}, rows)}
        after: Source = {"a.first": neighbour, key: ({column: "string", "k": "string"}, other)}
        merged: Source = {**after, key: (after[key][0], other.slice(1))}
        assert sorted(apply(server.url, before)) == [("created", ""), UNCHANGED], name
        for changed in (after, merged):
            outcomes = apply(server.url, changed, keys={key: ["k"]})
            assert sorted(outcomes) == [("changed", ""), UNCHANGED], name
        outcomes = apply(server.url, {"a.first": neighbour}, allow_destructive=True)
        assert sorted(outcomes) == [("dropped", ""), UNCHANGED], name
    found = verbs(server)
    assert found["drop_table"] == len(NAMES)
    assert found["alter"] == found["add"] == len(NAMES)
    assert found["create_temporary"] == len(NAMES)


def test_a_name_that_sap_hana_keeps_for_temporary_tables_is_skipped(server: HanaServer) -> None:
    source: Source = {"a.#t": ({"x": "int"}, None), "a.first": SOURCE["a.first"]}
    outcomes, _ = replicate(server.url, source)
    assert [outcome.action for outcome in outcomes] == ["skipped", "created"]
    assert "invalid table name" in outcomes[0].reason


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a TEXT)",
        "CREATE TABLE t (a NVARCHAR(5001))",
        "CREATE TABLE t (a DECIMAL(39, 2))",
        "CREATE TABLE IF NOT EXISTS t (a INTEGER)",
        "CREATE TEMPORARY TABLE t (a INTEGER)",
        'CREATE LOCAL TEMPORARY COLUMN TABLE "t" (a INTEGER)',
        f'CREATE TABLE "{"x" * 128}" (a INTEGER)',
        "ALTER TABLE t ADD COLUMN a INTEGER",
        "ALTER TABLE t ALTER COLUMN a TYPE BIGINT",
        "ALTER TABLE t DROP a",
        "COMMENT ON TABLE t IS NULL",
        "DROP TABLE IF EXISTS t",
        "DELETE FROM t; DROP TABLE t",
        "SELECT 1",
        "SELECT a > 1 FROM t",
        "SELECT a FROM t WHERE a",
        "SELECT a FROM t WHERE TRUE",
        "SELECT a FROM t WHERE a = 1 AND (b)",
        "SELECT a FROM `t`",
        "SELECT a % 2 FROM t",
        "SELECT a FROM t JOIN u USING (a)",
        "SELECT a FROM t LIMIT '1'",
        "SELECT a AS select FROM t",
        "SELECT CONCAT_WS('-', a, b) FROM t",
        "SELECT no_such_function(a) FROM t",
        "SELECT UPPER(a, b) FROM t",
        "SELECT CAST(a AS TEXT) FROM t",
        "SELECT a FROM t LATERAL VIEW explode(a) x AS y",
        "INSERT INTO t (a, b) VALUES (?)",
        "TRUNCATE t",
        "SELECT 'a FROM t",
    ],
)
def test_what_is_not_sap_hanas_is_refused(statement: str) -> None:
    with pytest.raises(GrammarError):
        definition(statement)
