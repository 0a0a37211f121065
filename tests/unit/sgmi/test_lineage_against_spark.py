"""Column lineage compared with what Spark's analyzer found out about the same views.

DIRECT, CONDITIONAL and WINDOW together are the columns that Spark's plan refers to in an output's
expression; what chooses, groups or sorts rows is not among them. The results are frozen;
``tests/differential/freeze_spark_lineage.py`` says how they are made again.
"""

from __future__ import annotations

import json

import pytest

from amodels_assets.sgmi.ddl import parse_table
from amodels_assets.sgmi.influence import FILTER, GROUP_BY, JOIN, SORT
from amodels_assets.sgmi.lineage_graph import ViewQuery, view_lineage
from amodels_assets.sgmi.views import parse_view
from tests.differential.statements import HERE, digest, statements

FROZEN = json.loads((HERE / "spark_lineage.json").read_text())
ROWS = JOIN | FILTER | GROUP_BY | SORT


@pytest.fixture(scope="module")
def lineage():
    tables, views = {}, {}
    for statement in statements():
        if statement.startswith("CREATE TABLE"):
            table = parse_table(statement)
            columns = table.columns
            tables["d", table.name] = dict(zip(columns.names, columns.types, strict=True))
        else:
            view = parse_view(statement)
            views["d", view.name] = ViewQuery(view.body)
    return view_lineage(views, tables)


def test_the_frozen_results_are_of_these_views(lineage):
    assert FROZEN["views_sha256"] == digest(), "freeze them again"
    assert FROZEN["refused"] == []
    assert {name for _, name in lineage.base} == set(FROZEN["views"])
    assert len(FROZEN["views"]) > 150


@pytest.mark.parametrize("name", FROZEN["views"])
def test_a_view(lineage, name):
    assert lineage.problems["d", name] == []
    types = lineage.schemas["d", name]
    found = {
        column: sorted({f"{table}.{source}" for _, table, source in sources_of(output)})
        for column, output in lineage.base["d", name].columns.items()
    }
    expected = {column: sources for column, _, sources in FROZEN["views"][name]}
    assert found == expected
    assert list(found) == list(expected)
    stated = {column: types[column] for column in types if types[column]}
    assert stated == {c: t for c, t, _ in FROZEN["views"][name] if c in stated}


def sources_of(output):
    return [source for source, bits in output.sources.items() if bits & ~ROWS]
