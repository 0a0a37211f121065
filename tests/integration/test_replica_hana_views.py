"""Hive's expressions in SAP HANA's SQL: what they give, and what is refused.

Each is translated, read by the grammar of SAP's SQL reference, and run; what it must give is what
Hive gives. SAP HANA's own functions are the stand-in's here (``tests/hana/functions.py``), except
where ``AMODELS_TEST_HANA_URL`` names a real one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from amodels_assets.schemas.connect import connected
from amodels_assets.schemas.views import UntranslatableError, translated
from tests.hana.grammar import definition
from tests.integration.hana_database import hana_database
from tests.integration.replica_source import Source, apply

pytest.importorskip("hdbcli")

ROWS = pa.table(
    {
        "n": pa.array([7, -2, None], pa.int32()),
        "s": ["Ab ", "", None],
        "b": [True, False, None],
        "d": ["2024-02-28", "2023-12-31", None],
        "t": ["2024-02-28 23:59:58", "2023-12-31 00:00:00", None],
        "k": pa.array([1, 2, 3], pa.int32()),
    }
)
SOURCE: Source = {
    "d.t": ({"n": "int", "s": "string", "b": "boolean", "d": "string", "t": "string", "k": "int"},
            ROWS)
}  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with hana_database(tmp_path_factory.mktemp("hana")) as found:
        assert apply(found, SOURCE) == [("created", "")]
        yield found


def run(url: str, query: str) -> list[tuple]:
    statement = translated(query, "d", "hana")
    assert definition(f"CREATE VIEW v AS {statement}")
    with connected(url) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


EXPRESSIONS = [
    ("nvl(n, 0)", [7, -2, 0]),
    ("if(n > 0, 'yes', 'no')", ["yes", "no", "no"]),
    ("case when n is null then 1 when s = '' then 2 end", [None, 2, 1]),
    ("case n when 7 then 'seven' else s end", ["seven", "", None]),
    ("concat(s, '-', s)", ["Ab -Ab ", "-", None]),
    ("s || 'x'", ["Ab x", "x", None]),
    ("concat_ws('+', s, 'x', d)", ["Ab +x+2024-02-28", "+x+2023-12-31", "x"]),
    ("concat_ws('+', s)", ["Ab ", "", ""]),
    ("upper(trim(s))", ["AB", "", None]),
    ("rtrim(lower(s))", ["ab", "", None]),
    ("substr(s, 2)", ["b ", "", None]),
    ("substring(s, 1, 1)", ["A", "", None]),
    ("length(s)", [3, 0, None]),
    ("replace(s, 'b', 'it\\'s')", ["Ait's ", "", None]),
    ("n % 3", [1, -2, None]),
    ("n % 0", [None, None, None]),
    ("n / 0", [None, None, None]),
    ("-n * 2 + 1", [-13, 5, None]),
    ("abs(n)", [7, 2, None]),
    ("to_date(t)", ["2024-02-28", "2023-12-31", None]),
    ("date_add(d, 2)", ["2024-03-01", "2024-01-02", None]),
    ("date_sub(d, 1)", ["2024-02-27", "2023-12-30", None]),
    ("datediff(t, '2023-12-30')", [60, 1, None]),
    ("year(t) * 10000 + month(t) * 100 + day(t)", [20240228, 20231231, None]),
    ("date_format(t, 'dd.MM.yyyy HH:mm:ss')",
     ["28.02.2024 23:59:58", "31.12.2023 00:00:00", None]),
    ("cast(n as string)", ["7", "-2", None]),
    ("cast(n as decimal(10,2))", ["7.00", "-2.00", None]),
    ("cast(d as date)", ["2024-02-28", "2023-12-31", None]),
    ("coalesce(nullif(n, 7), 1)", [1, -2, 1]),
    ("n > 0", [1, 0, None]),
    ("not (n > 0)", [0, 1, None]),
    ("n in (7, 8) and s is not null", [1, 0, 0]),
    ("n between 0 and 10", [1, 0, None]),
    ("s like 'A%'", [1, 0, None]),
    ("case when b then 1 when not b then 2 end", [1, 2, None]),
    ("row_number() over (order by n desc)", [1, 2, 3]),
    ("sum(k) over (order by k rows between 1 preceding and current row)", [1, 3, 5]),
    ("lag(k, 1, 0) over (order by k)", [0, 1, 2]),
    ("max(n) over ()", [7, 7, 7]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=[e for e, _ in EXPRESSIONS])
def test_an_expression_gives_what_hive_gives(
    url: str, expression: str, expected: list[object]
) -> None:
    query = f"SELECT x FROM (SELECT {expression} AS x, k FROM t) q ORDER BY k"
    found = [value for (value,) in run(url, query)]
    assert [v if v is None or isinstance(v, int | str) else str(v) for v in found] == expected


QUERIES: list[tuple[str, list[tuple]]] = [
    ("SELECT 1 AS x", [(1,)]),
    ("SELECT DISTINCT b FROM t WHERE b ORDER BY b", [(1,)]),
    ("SELECT count(*), count(n), count(DISTINCT s), sum(n), min(s) FROM t", [(3, 2, 2, 5, "")]),
    (
        "SELECT s, max(k) FROM t GROUP BY s HAVING count(*) > 0 ORDER BY s",
        [(None, 3), ("", 2), ("Ab ", 1)],
    ),
    ("SELECT a.k FROM t a JOIN t b ON a.k = b.k + 1 ORDER BY a.k DESC LIMIT 1", [(3,)]),
    (
        "SELECT a.k, b.k FROM t a LEFT OUTER JOIN t b ON a.k = b.k + 2 WHERE a.k <> 2 ORDER BY a.k",
        [(1, None), (3, 1)],
    ),
    ("SELECT count(*) FROM t, t u CROSS JOIN t v", [(27,)]),
    (
        "WITH c AS (SELECT k FROM t WHERE true) "
        "SELECT k FROM c UNION ALL SELECT 9 AS k FROM c ORDER BY k LIMIT 2",
        [(1,), (2,)],
    ),
    (
        "SELECT k FROM t WHERE k IN (SELECT k + 1 FROM t) "
        "AND EXISTS (SELECT 1 FROM t u WHERE u.k = t.k) ORDER BY k",
        [(2,), (3,)],
    ),
    ("SELECT q.* FROM (SELECT k FROM t WHERE n IS NULL) q", [(3,)]),
    ("SELECT k FROM t UNION SELECT k FROM t ORDER BY k", [(1,), (2,), (3,)]),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=range(len(QUERIES)))
def test_a_query_gives_what_hive_gives(url: str, query: str, expected: list[tuple]) -> None:
    assert run(url, query) == expected


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("SELECT no_such_function(a) FROM t", "NO_SUCH_FUNCTION"),
        ("SELECT x FROM t LATERAL VIEW explode(a) e AS x", "LATERAL VIEW"),
        ("SELECT collect_set(a) FROM t", "COLLECT_SET"),
        ("SELECT months_between(a, b) FROM t", "MONTHS_BETWEEN"),
        ("SELECT a <=> b FROM t", "NULLSAFEEQ"),
        ("SELECT a RLIKE 'x' FROM t", "REGEXP_LIKE"),
        ("SELECT substr(a, -2) FROM t", "COUNTS FROM THE END"),
        ("SELECT concat_ws(a, b, c) FROM t", "CONCAT_WS"),
        ("SELECT cast(a AS binary) FROM t", "CAST AS BINARY"),
        ("SELECT cast(a AS array<int>) FROM t", "CAST AS ARRAY"),
        ("SELECT date_format(a, 'EEE') FROM t", "DATE"),
        ("SELECT a['x'] FROM t", "BRACKET"),
        ("SELECT a FROM t LEFT SEMI JOIN u ON t.a = u.a", "SEMI JOIN"),
        ("SELECT a FROM t TABLESAMPLE (10 PERCENT)", "TABLESAMPLE"),
        ("SELECT a FROM t GROUP BY a WITH CUBE", "CUBE"),
        ("SELECT a FROM t GROUP BY 1", "GROUP BY A POSITION"),
        ("SELECT a FROM t JOIN u USING (a)", "USING"),
        ("SELECT count(DISTINCT a, b) FROM t", "SEVERAL COLUMNS"),
        ("SELECT a FROM t SORT BY a", "SORT"),
        ("SELECT a FROM t WHERE a LIKE 'x\\\\_%'", "ESCAPED"),
        (
            "SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "RANGE",
        ),
    ],
)
def test_what_is_not_translated_is_named(query: str, named: str) -> None:
    with pytest.raises(UntranslatableError) as refused:
        translated(query, "d", "hana")
    assert named in str(refused.value).upper()


@pytest.mark.parametrize("name", ['"', "'; DROP TABLE x; --", "ü 🦊", "select", "x" * 200])
def test_names_and_texts_stay_what_they_are(name: str) -> None:
    text = name.replace("'", "\\'")
    query = f"SELECT `{name}` AS `{name}`, '{text}' AS x FROM `{name}`"
    statement = translated(query, name, "hana")
    taken = definition(f"CREATE VIEW v AS {statement}")
    assert taken is not None
    assert taken.verb == "create_view"
    assert "'" + name.replace("'", "''") + "'" in statement


def test_a_long_name_is_the_same_wherever_it_stands() -> None:
    long = "x" * 200
    query = f"WITH `{long}` AS (SELECT 1 AS `{long}`) SELECT q.`{long}` FROM `{long}` q"
    for dialect, limit in (("hana", 127), ("postgresql", 63)):
        quoted = {part for part in translated(query, "d", dialect).split('"') if "xx" in part}
        assert [len(name) for name in quoted] == [limit]
