"""Which answers say the same."""

from __future__ import annotations

import pytest

from amodels_assets.questions.answers import normal_form, query_names

SAME = [
    ("column_type", "decimal(18,2)", "DECIMAL(18, 2)"),
    ("column_type", "decimal(18,2)", " `numeric(18,2)`. "),
    ("column_type", "int", "Integer"),
    ("column_type", "array<struct<a:int,b:string>>", "array<struct<a:integer, b:string>>"),
    ("upstream", "d.a, d.b", "d.b and d.a"),
    ("upstream", "d.a, d.b", "`d.b`,\n`d.a`, d.a"),
    ("downstream", "d.a, d.b", "* d.b\n* d.a"),
    ("table_of_column", "d.a", "D.A."),
    ("loading_job", "J_1", '"j_1"'),
    ("schedule", "0 2 * * *", "cron 0 2  * * *"),
    ("schedule", "after A AND B", "After A and B."),
    ("documentation", "Key; see the note.", '"key; see the  note"'),
    ("sql", "SELECT a FROM d.t WHERE b > 1", "select `a` from d.T where b>1 ;"),
    ("sql", "SELECT a FROM d.t", "```sql\nselect A\nfrom `d`.`t`;\n```"),
]  # fmt: skip
DIFFERENT = [
    ("column_type", "decimal(18,2)", "decimal(18,3)"),
    ("column_type", "int", "bigint"),
    ("column_type", "string", "the type is string"),
    ("upstream", "d.a, d.b", "d.a"),
    ("upstream", "d.a", "d.a, d.b"),
    ("table_of_column", "d.band", "d.b"),
    ("schedule", "0 2 * * *", "0 3 * * *"),
    ("documentation", "key", "keys"),
    ("sql", "SELECT a FROM d.t", "SELECT a, b FROM d.t"),
    ("sql", "SELECT a FROM d.t WHERE b = 'A'", "SELECT a FROM d.t WHERE b = 'a'"),
    ("sql", "SELECT a FROM d.t", "SELECT a FROM ("),
    ("sql", "SELECT a FROM d.t", ""),
]


@pytest.mark.parametrize(("kind", "right", "said"), SAME)
def test_notation_does_not_matter(kind: str, right: str, said: str) -> None:
    assert normal_form(kind, said) == normal_form(kind, right)


@pytest.mark.parametrize(("kind", "right", "said"), DIFFERENT)
def test_anything_else_does(kind: str, right: str, said: str) -> None:
    assert normal_form(kind, said) != normal_form(kind, right)


def test_names_of_a_query() -> None:
    assert query_names("SELECT a, MAX(b) FROM d.t GROUP BY a") == ({"d.t"}, {"a", "b"})
    assert query_names("SELECT a FROM") is None
    assert query_names("DROP TABLE d.t") is None
