"""Catalogs as nobody would make them: questions come out right, or one sentence does."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import Phase, given, reject, settings
from hypothesis import strategies as st

from amodels_assets.questions.answers import is_accepted
from amodels_assets.questions.build import build_questions
from amodels_assets.questions.examination import find_overlaps, split_faults, wrong_answers
from amodels_assets.questions.facts import LONGEST_TEXT, QuestionsError, read_facts

from .made import catalog, schedule, table

NAMES = st.sampled_from(
    ["id", "select", "a b", "{column}", "größe", "x'y", "1st", "a-b", "from", "c0", "c1", "c2",
     "date", "group", "load_date", "%s", "q?", "A"]
)  # fmt: skip
TYPES = st.sampled_from(
    [None, "string", "int", "decimal(18,2)", "date", "struct<a:string,b:array<int>>", "x" * 300,
     "varchar(3)", "double"]
)  # fmt: skip
TEXTS = st.sampled_from(
    [None, "", "key", 'it\'s; -- "odd"', "two\nlines", "y" * 999, "{relation}", "`", "\u202e"]
)


@st.composite
def odd(draw: st.DrawFn) -> dict[str, pa.Table]:
    """A catalog with names that need quotes, cycles, unknown tables and repeated columns."""
    relations = [("d", f"t{n}") for n in range(draw(st.integers(3, 14)))]
    relations += [("odd db", "a table"), ("d", "größe"), ("e", "t0"), ("d", "{what}")]
    views = set(draw(st.lists(st.sampled_from(relations), max_size=6)))
    columns = [
        {"database": d, "table": t, "position": place, "column": name,
         "type": draw(TYPES), "comment": draw(TEXTS), "is_partition": False}
        for d, t in relations
        for place, name in enumerate(draw(st.lists(NAMES, max_size=6)))
    ]  # fmt: skip
    jobs = [f"J {n}" for n in range(draw(st.integers(0, 5)))]
    edges = draw(
        st.lists(
            st.tuples(
                st.sampled_from([*relations, ("d", "gone")]),
                st.sampled_from([*relations, ("x", "unknown")]),
            ),
            max_size=12,
        )
    )
    touches = draw(
        st.lists(
            st.tuples(
                st.sampled_from(jobs),
                st.sampled_from(relations),
                st.sampled_from(["reads", "writes", "mentions"]),
            ),
            max_size=8,
        )
        if jobs
        else st.just([])
    )
    crons = st.sampled_from([{"cron": "0 1 * * *"}, {"waits_for": "A AND B"}, {"trigger": "never"}])
    return {
        "tables": table("tables", [
            {"database": d, "table": t, "kind": "view" if (d, t) in views else "table",
             "comment": draw(TEXTS)} for d, t in relations]),
        "columns": table("columns", columns),
        "table_lineage": table("table_lineage", [
            {"target_database": v[0], "target_table": v[1], "source_database": s[0],
             "source_table": s[1]} for v, s in edges]),
        "jobs": table("jobs", [{"job": j, "description": draw(TEXTS)} for j in jobs]),
        "job_schedules": table("job_schedules", [schedule(j, **draw(crons)) for j in jobs]),
        "job_tables": table("job_tables", [
            {"job": j, "database": r[0], "table": r[1], "access": access}
            for j, r, access in touches]),
    }  # fmt: skip


@given(odd(), st.integers(0, 2))
@settings(max_examples=10, deadline=None, phases=[Phase.generate])
def test_whatever_the_catalog_answers_are_right_and_splits_apart(
    tables: dict[str, pa.Table], seed: int
) -> None:
    try:
        made = build_questions(tables, seed)
    except QuestionsError:
        # Too small to hold anything out.
        reject()
    assert wrong_answers(made.tables, tables)[1] == []
    assert split_faults(made.tables) == []
    assert not find_overlaps(made.tables, None).overlapping
    for rows in made.tables.values():
        for row in rows.to_pylist():
            assert is_accepted(row["kind"], row["answer"], row["accepted"])


def test_what_is_too_long_or_twice_is_passed_over() -> None:
    long = "z" * (LONGEST_TEXT + 1)
    facts = read_facts(
        catalog(
            {"d.t": f"a string {long}, b {long}, c int, c date, d.e int, f int {long[1:]}"},
            comments={"d.t": long},
            jobs={"J": {"waits_for": long}},
        )
    )
    columns = {column.name: column for column in facts.columns["d.t"]}
    assert columns["a"].comment == ""
    assert columns["b"].type is None
    assert columns["c"].type is None
    assert columns["d.e"].type is None
    assert columns["f"].comment == long[1:]
    assert facts.comments == {}
    assert facts.jobs["J"].starts == ""
