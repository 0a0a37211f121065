"""Column lineage of queries, worked out by hand."""

from __future__ import annotations

import pytest

from amodels_assets.sgmi.influence import SUBTYPES
from amodels_assets.sgmi.lineage_graph import ViewQuery, view_lineage
from amodels_assets.sgmi.view_query import DEEPEST_NESTING

TABLES = {
    ("d", "t"): dict.fromkeys(("a", "b", "c", "arr", "st"), "string"),
    ("d", "u"): dict.fromkeys(("a", "x", "y"), "int"),
}


def edges(body: str, **views: str) -> dict[str, set[str]]:
    """``table.column SUBTYPE`` by output column; ``*`` for the rows."""
    queries = {("d", name): ViewQuery(text) for name, text in {**views, "v": body}.items()}
    lineage = view_lineage(queries, TABLES)
    assert not lineage.failures
    query = lineage.direct["d", "v"]
    found = {name: _text(column.sources) for name, column in query.columns.items()}
    return found | ({"*": _text(query.rows)} if query.rows else {})


def _text(sources):
    return {
        f"{table}.{column} {subtype}"
        for (_, table, column), bits in sources.items()
        for i, subtype in enumerate(SUBTYPES)
        if bits >> i & 1
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("select a, b as z from t", {"a": {"t.a IDENTITY"}, "z": {"t.b IDENTITY"}}),
        ("select count(*) n, 1 k from t", {"n": set(), "k": set()}),
        ("select cast(a as int) i from t", {"i": {"t.a TRANSFORMATION"}}),
        ("select sum(nvl(a, b)) s from t", {"s": {"t.a AGGREGATION", "t.b AGGREGATION"}}),
        (
            "select case when a > 1 then b else c end k from t",
            {"k": {"t.a CONDITIONAL", "t.b TRANSFORMATION", "t.c TRANSFORMATION"}},
        ),
        (
            "select if(a = 1, b, 0) k from t",
            {"k": {"t.a CONDITIONAL", "t.b TRANSFORMATION"}},
        ),
        (
            "select row_number() over (partition by a order by b) n from t",
            {"n": {"t.a WINDOW", "t.b WINDOW"}},
        ),
        (
            "select lag(c) over (partition by a) l, sum(c) over (partition by a) s from t",
            {
                "l": {"t.c TRANSFORMATION", "t.a WINDOW"},
                "s": {"t.c AGGREGATION", "t.a WINDOW"},
            },
        ),
        (
            "select t.b, u.x from t left join u on t.a = u.a where u.y > 1 order by t.c",
            {
                "b": {"t.b IDENTITY"},
                "x": {"u.x IDENTITY"},
                "*": {"t.a JOIN", "u.a JOIN", "u.y FILTER", "t.c SORT"},
            },
        ),
        (
            "select a, max(b) m from t group by a having count(c) > 1",
            {"a": {"t.a IDENTITY"}, "m": {"t.b AGGREGATION"}, "*": {"t.a GROUP_BY", "t.c FILTER"}},
        ),
        (
            "select a p from t union all select x from u",
            {"p": {"t.a IDENTITY", "u.x IDENTITY"}},
        ),
        (
            "select q.m from (select upper(a) m from t where b = 1) q",
            {"m": {"t.a TRANSFORMATION"}, "*": {"t.b FILTER"}},
        ),
        (
            "select k from t lateral view explode(arr) e as k",
            {"k": {"t.arr TRANSFORMATION"}},
        ),
        (
            "select a, (select max(x) from u where u.a = t.a) m from t",
            {"a": {"t.a IDENTITY"}, "m": {"u.x AGGREGATION", "u.a FILTER", "t.a FILTER"}},
        ),
        (
            "select a from t where exists (select 1 from u where u.a = t.b)",
            {"a": {"t.a IDENTITY"}, "*": {"u.a FILTER", "t.b FILTER"}},
        ),
        (
            "select * from u",
            {"a": {"u.a IDENTITY"}, "x": {"u.x IDENTITY"}, "y": {"u.y IDENTITY"}},
        ),
        ("with c as (select a m from t) select m from c", {"m": {"t.a IDENTITY"}}),
        ("select t.x from u t", {"x": {"u.x IDENTITY"}}),
        ("select st.f.g from t", {"g": {"t.st TRANSFORMATION"}}),
        ("select d.u.x from d.u", {"x": {"u.x IDENTITY"}}),
        (
            "select t.a from t left semi join u on t.a = u.a",
            {"a": {"t.a IDENTITY"}, "*": {"t.a JOIN", "u.a JOIN"}},
        ),
        (
            "select x.y, u.x z from t lateral view explode(t.a) x as y join u on u.a = x.y",
            {
                "y": {"t.a TRANSFORMATION"},
                "z": {"u.x IDENTITY"},
                "*": {"t.a JOIN", "u.a JOIN"},
            },
        ),
        (
            "select a from t except select x from u",
            {"a": {"t.a IDENTITY"}, "*": {"t.a FILTER", "u.x FILTER"}},
        ),
        (
            "select a from t full join u using (a)",
            {"a": {"t.a TRANSFORMATION", "u.a TRANSFORMATION"}, "*": {"t.a JOIN", "u.a JOIN"}},
        ),
        ("select grouping(a) g from t group by a with rollup", {"g": set(), "*": {"t.a GROUP_BY"}}),
        (
            "select sum(a) over w s from t window w as (partition by b order by c)",
            {"s": {"t.a AGGREGATION", "t.b WINDOW", "t.c WINDOW"}},
        ),
        ("select b from t group by 1", {"b": {"t.b IDENTITY"}, "*": {"t.b GROUP_BY"}}),
        ("select b as z from t order by z", {"z": {"t.b IDENTITY"}, "*": {"t.b SORT"}}),
    ],
)
def test_lineage(body, expected):
    assert edges(body) == expected


def test_views_are_parents_and_are_followed_to_tables():
    views = {
        ("d", "top"): ViewQuery("select m as n from low"),
        ("d", "low"): ViewQuery("select max(a) m from t where b = 1"),
    }
    lineage = view_lineage(views, TABLES)
    assert lineage.direct["d", "top"].columns["n"].sources.keys() == {("d", "low", "m")}
    base = lineage.base["d", "top"]
    assert _text(base.columns["n"].sources) == {"t.a AGGREGATION"}
    assert _text(base.rows) == {"t.b FILTER"}
    assert base.tables == {("d", "t")}


def test_drift_costs_only_what_drifted():
    lineage = view_lineage(
        {
            ("d", "v"): ViewQuery(
                "select t.a, t.gone, w.q, nowhere.z from t join other.w on t.b = w.k"
            )
        },
        TABLES,
    ).direct["d", "v"]
    assert lineage.columns["a"].sources.keys() == {("d", "t", "a")}
    assert lineage.columns["gone"].sources.keys() == {("d", "t", "gone")}
    assert lineage.columns["q"].sources.keys() == {("other", "w", "q")}
    assert {code for code, _ in lineage.problems} == {"unknown_column", "unresolved_column"}


def test_star_over_an_unknown_table_is_said():
    lineage = view_lineage({("d", "v"): ViewQuery("select * from gone")}, TABLES).direct["d", "v"]
    assert [code for code, _ in lineage.problems] == ["star_over_unknown"]


def test_a_cycle_of_views_ends():
    views = {("d", "v"): ViewQuery("select * from w"), ("d", "w"): ViewQuery("select a from v")}
    lineage = view_lineage(views, TABLES)
    assert lineage.cycles
    assert set(lineage.direct) == set(views)


def test_depth():
    deep = "select a from " + "(select a from " * 200 + "t" + ") q" * 200
    assert edges(deep) == {"a": {"t.a IDENTITY"}}
    too_deep = "select " + "(" * (DEEPEST_NESTING + 1) + "1" + ")" * (DEEPEST_NESTING + 1)
    lineage = view_lineage({("d", "v"): ViewQuery(too_deep)}, TABLES)
    assert "nested deeper" in str(lineage.failures["d", "v"])


@pytest.mark.parametrize("text", ["case when a then 1 when ", "not ", "f(", "- "])
def test_endless_nesting_is_a_failure_not_a_crash(text):
    lineage = view_lineage({("d", "v"): ViewQuery("select " + text * 30_000 + "a from t")}, TABLES)
    assert ("d", "v") in lineage.failures or ("d", "v") in lineage.direct


def test_many_branches():
    case = " ".join(f"when b = {i} then c" for i in range(5000))
    assert edges(f"select case {case} else a end k from t") == {
        "k": {"t.b CONDITIONAL", "t.c TRANSFORMATION", "t.a TRANSFORMATION"}
    }


def test_unknown_columns_of_several_tables_are_one_star():
    query = ViewQuery("select g.*, x.* from gone1 g join (select * from gone2) x")
    lineage = view_lineage({("d", "v"): query}, TABLES).direct["d", "v"]
    (name,) = lineage.columns
    assert name == "*"
    assert {source[1] for source in lineage.columns["*"].sources} == {"gone1", "gone2"}
