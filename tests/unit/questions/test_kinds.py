"""Each kind of question on catalogs of which every answer is known."""

from __future__ import annotations

import pyarrow as pa
import pytest

from amodels_assets.questions import column_kinds, flow_kinds, queries
from amodels_assets.questions.answers import is_accepted, query_names
from amodels_assets.questions.draft import Draft, Scene
from amodels_assets.questions.facts import QuestionsError, read_facts, starts_of
from amodels_assets.questions.families import Splits

from .made import catalog, schedule

BANK = catalog(
    {
        "m.client": "client_id string key, sector string, size int, since date",
        "m.account": "account_id string, client_id string, balance decimal(18,2) in euros",
        "s.raw": "raw_id string, body string, loaded timestamp",
        "m.v_client": "client_id ?, sector string",
        "m.v_rich": "client_id ?, total decimal(28,2)",
        "m.v_other": "raw_id ?, size_of_body int",
    },
    edges=[
        ("m.v_client", "m.client"),
        ("m.v_rich", "m.v_client"),
        ("m.v_rich", "m.account"),
        ("m.v_other", "s.raw"),
        ("m.v_other", "x.unknown"),
    ],
    jobs={
        "LOAD_CLIENT": {"cron": "0 2 * * *", "writes": ["m.client"], "reads": ["s.raw"],
                        "description": "Loads  clients"},
        "LOAD_ACCOUNT": {"waits_for": "A AND ( B OR C )", "writes": ["m.account"]},
        "LOAD_RAW": {"cron": "5 1 * * 1", "writes": ["s.raw"]},
        "LOAD_AGAIN": {"cron": "0 3 * * *", "writes": ["s.raw"]},
    },
    comments={"m.client": "those who bank with us", "m.account": "what they have"},
)  # fmt: skip


def scene(tables: dict[str, pa.Table], **split: str) -> Scene:
    """Everything in training, but for what is named with ``__`` for the dot."""
    facts = read_facts(tables)
    names = {*facts.kinds, *facts.reads, *facts.readers, *(f"job {job}" for job in facts.jobs)}
    held = {name.replace("__", "."): of for name, of in split.items()}
    return Scene(facts, Splits({n: n for n in names}, {n: held.get(n, "train") for n in names}), 0)


def asked(found: object) -> dict[str, Draft]:
    """Drafts by subject."""
    return {draft.subject: draft for draft in found if draft}  # ty: ignore[not-iterable]


def test_types_are_the_declared_ones_and_unknown_ones_are_not_asked() -> None:
    found = asked(column_kinds.column_types(scene(BANK)))
    assert found["m.account.balance"].answer == "decimal(18,2)"
    assert found["m.v_rich.total"].wrong[0] == "decimal(18,2)"
    assert "m.v_rich.client_id" not in found
    assert "m.client.client_id" in found


def test_a_column_of_several_tables_has_all_of_them_as_its_answer() -> None:
    found = asked(column_kinds.tables_of_columns(scene(BANK)))
    assert found["raw_id"].answer == "m.v_other, s.raw"
    assert "balance" in found
    # In four tables and views: nobody asks where that one is.
    assert "client_id" not in found


def test_a_place_that_lies_across_splits_is_not_asked() -> None:
    stage = scene(BANK, m__v_other="test")
    assert "raw_id" not in asked(column_kinds.tables_of_columns(stage))
    assert stage.left_out["table_of_column: lies across splits"] >= 1


def test_upstream_follows_views_to_tables_also_to_unknown_ones() -> None:
    found = asked(flow_kinds.upstream(scene(BANK)))
    assert {name: draft.answer for name, draft in found.items()} == {
        "m.v_client": "m.client",
        "m.v_rich": "m.account, m.client",
        "m.v_other": "s.raw, x.unknown",
    }
    assert "m.v_client reads m.client" in found["m.v_rich"].excerpt
    assert is_accepted("upstream", "client and account", found["m.v_rich"].accepted)
    assert not is_accepted("upstream", "m.client", found["m.v_rich"].accepted)


def test_downstream_follows_views_to_views() -> None:
    found = asked(flow_kinds.downstream(scene(BANK)))
    assert found["m.client"].answer == "m.v_client, m.v_rich"
    assert found["m.account"].answer == "m.v_rich"
    assert found["x.unknown"].answer == "m.v_other"


def test_lineage_across_splits_is_not_asked_from_either_side() -> None:
    stage = scene(BANK, m__v_rich="test")
    assert "m.v_rich" not in asked(flow_kinds.upstream(stage))
    assert "m.client" not in asked(flow_kinds.downstream(stage))
    # All that it says is about one view.
    assert asked(flow_kinds.downstream(stage))["m.account"].split == "test"


def test_a_cycle_of_views_ends() -> None:
    tables = catalog(
        {"d.a": "x string", "d.b": "x string", "d.t": "x string"},
        edges=[("d.a", "d.b"), ("d.b", "d.a"), ("d.b", "d.t")],
    )
    assert asked(flow_kinds.upstream(scene(tables)))["d.a"].answer == "d.t"
    assert asked(flow_kinds.downstream(scene(tables)))["d.t"].answer == "d.a, d.b"


def test_a_view_above_one_that_could_not_be_read_is_not_asked_about() -> None:
    tables = catalog(
        {"d.top": "x string", "d.unread": "x string", "d.t": "x string"},
        edges=[("d.top", "d.unread"), ("d.top", "d.t")],
        views=["d.unread"],
    )
    stage = scene(tables)
    assert asked(flow_kinds.upstream(stage)) == {}
    assert stage.left_out["upstream: not known down to the tables"] == 1
    assert asked(flow_kinds.downstream(stage))["d.t"].answer == "d.top"


def test_loading_jobs_are_those_that_write() -> None:
    found = asked(flow_kinds.loading_jobs(scene(BANK)))
    assert found["m.client"].answer == "LOAD_CLIENT"
    assert found["s.raw"].answer == "LOAD_AGAIN, LOAD_RAW"
    assert is_accepted("loading_job", "load_raw, load_again", found["s.raw"].accepted)
    # One that only reads is what a wrong answer names.
    assert any("LOAD_CLIENT" in other for other in found["s.raw"].wrong)


def test_schedules() -> None:
    found = asked(flow_kinds.schedules(scene(BANK)))
    assert found["LOAD_CLIENT"].answer == "0 2 * * *"
    assert found["LOAD_ACCOUNT"].answer == "after A AND ( B OR C )"
    assert is_accepted("schedule", "cron 0 2 * * *", found["LOAD_CLIENT"].accepted)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"cron": "0 1 * * *"}, "0 1 * * *"),
        ({"trigger": "cron"}, ""),
        ({"waits_for": "A  AND\nB"}, "after A AND B"),
        ({"trigger": "never"}, ""),
        (
            {"trigger": "cron_and_conditions", "waits_for": "A",
             "days": {"month_days": ["1", "15"], "week_days": ["2"], "and_or": "A"}},
            "after A on month days 1,15 and week days 2",
        ),
        (
            {"trigger": "cron_and_conditions", "waits_for": "A",
             "days": {"months": [1, 4], "week_days": ["2"]}},
            "after A on week days 2 in months 1,4",
        ),
        (
            {"trigger": "cron_and_conditions", "waits_for": "A", "not_expressible": ["DAYS=D1"]},
            "",
        ),
    ],
)  # fmt: skip
def test_what_starts_a_job_in_one_line(facts: dict, expected: str) -> None:
    assert starts_of(schedule("J", **facts)) == expected


def test_a_job_named_twice_is_not_asked_about() -> None:
    tables = dict(BANK)
    tables["jobs"] = pa.concat_tables([BANK["jobs"], BANK["jobs"].slice(0, 1)])
    stage = scene(tables)
    assert "LOAD_CLIENT" not in asked(flow_kinds.schedules(stage))
    assert stage.left_out["schedule: the job's name is not its own"] == 1


def test_comments_of_columns_tables_and_jobs() -> None:
    found = asked(column_kinds.documentation(scene(BANK)))
    assert found["m.account.balance"].answer == "in euros"
    assert found["m.client"].answer == "those who bank with us"
    assert found["m.client"].wrong[0] == "what they have"
    assert found["job LOAD_CLIENT"].answer == "Loads clients"


def test_queries_name_the_columns_that_are_meant() -> None:
    found = asked(queries.queries(scene(BANK)))
    assert {draft.subject.split()[0] for draft in found.values()} == {
        "m.client", "m.account", "s.raw",
    }  # fmt: skip
    for draft in found.values():
        relation = draft.subject.split()[0]
        names = query_names(draft.answer)
        assert names
        assert names[0] == {relation}
        wanted = {draft.slots["a"]} | ({draft.slots["b"]} if queries.FORMS[draft.form].b else set())
        assert names[1] == wanted
        assert is_accepted("sql", draft.answer, draft.accepted)
        assert is_accepted("sql", draft.answer.replace(f"{relation}", relation.split(".")[1]),
                           draft.accepted)  # fmt: skip
        assert not any(is_accepted("sql", other, draft.accepted) for other in draft.wrong)


def test_names_that_need_quotes_get_them() -> None:
    odd = catalog({"d.odd name": "select string, a-b int, group date, from string, 1st string"})
    found = asked(queries.queries(scene(odd)))
    assert found
    for draft in found.values():
        names = query_names(draft.answer)
        assert names
        assert names[0] == {"d.odd name"}
        assert is_accepted("sql", draft.answer, draft.accepted)


def test_an_unknown_catalog_says_what_to_do() -> None:
    with pytest.raises(QuestionsError, match="make the catalog again"):
        read_facts({name: BANK[name] for name in BANK if name != "jobs"})
    with pytest.raises(QuestionsError, match="make it again with this release"):
        read_facts({**BANK, "columns": BANK["columns"].drop_columns(["type"])})
