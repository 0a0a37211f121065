"""What the record adds up to, and that pruning changes no sum."""

import random
from collections import defaultdict
from typing import Any

import pytest
import sqlalchemy as sa

from amodels_assets.operations.page import as_html, as_markdown, read_figures
from amodels_assets.operations.retention import prune
from amodels_assets.operations.schema import OPERATIONS, RUNS
from amodels_assets.operations.summary import by_day, costs, failures, summary

from .record import row

DAY = 86400.0
# A midnight in UTC.
NOW = 1_800_057_600.0


def fill(engine: sa.Engine) -> list[dict[str, Any]]:
    """Six weeks, more than a thousand operations."""
    dice = random.Random(3)
    rows = []
    for number in range(1200):
        kind = dice.choice(["step", "step", "materialization", "check", "request"])
        status = {
            "step": ["succeeded", "failed", "retried", "skipped"],
            "check": ["passed", "warned", "failed"],
            "request": ["succeeded", "refused", "failed"],
            "materialization": ["succeeded"],
        }[kind]
        known = dice.random() < 0.7
        rows.append(
            row(
                f"{number}",
                kind,
                dice.choice(["sgmi/tables", "training/model", "release/gate"]),
                NOW - dice.uniform(0, 42 * DAY),
                status=dice.choice(status),
                seconds=dice.uniform(0, 100) if known else None,
                cpu_seconds=dice.uniform(0, 50) if known else None,
                gpu_seconds=dice.uniform(0, 50) if known and dice.random() < 0.3 else None,
                cost=dice.uniform(0, 5) if known and dice.random() < 0.3 else None,
                error_class=dice.choice(["", "ValueError"]),
                count=dice.randint(1, 9) if kind == "request" else 1,
            )
        )
    with engine.begin() as connection:
        connection.execute(sa.insert(OPERATIONS), rows)
    return rows


def expected(rows: list[dict[str, Any]], groups: tuple[str, ...]) -> dict[Any, dict[str, Any]]:
    """The same sums, by hand."""
    found: dict[Any, dict[str, Any]] = defaultdict(dict)
    for each in rows:
        sums = found[tuple(each[name] for name in groups)]
        for name in ("count", "seconds", "cpu_seconds", "gpu_seconds", "energy_joules", "cost"):
            if each[name] is not None:
                sums[name] = (sums.get(name) or 0) + each[name]
            sums.setdefault(name, None)
    return dict(found)


def by(rows: list[dict[str, Any]], groups: tuple[str, ...]) -> dict[Any, dict[str, Any]]:
    return {
        tuple(each[name] for name in groups): {k: v for k, v in each.items() if k not in groups}
        for each in rows
    }


def approximately(found: dict[Any, dict[str, Any]]) -> dict[Any, Any]:
    return {key: pytest.approx(values, nan_ok=True) for key, values in found.items()}


GROUPS = ("kind", "room", "status")


def test_sums_are_those_that_one_adds_up_by_hand(engine: sa.Engine) -> None:
    rows = fill(engine)
    since = NOW - 10.5 * DAY
    recent = [each for each in rows if each["started_at"] >= since]
    with engine.begin() as connection:
        assert by(summary(connection, since), GROUPS) == approximately(expected(recent, GROUPS))
        steps = [each for each in recent if each["kind"] == "step"]
        groups = ("room", "name")
        assert by(costs(connection, since), groups) == approximately(expected(steps, groups))


def test_pruning_changes_no_sum(engine: sa.Engine) -> None:
    rows = fill(engine)
    # Comes after its day was summed up: an audit log that was away, say.
    late = row("late", "step", "sgmi/tables", NOW - 41 * DAY, seconds=3.0, status="skipped")
    looks = [
        (summary, GROUPS),
        (costs, ("room", "name")),
        (by_day, ("day", "room", "status")),
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(OPERATIONS), [late])
        before = [by(look(connection, 0), groups) for look, groups in looks]
        failed = [{**each, "last": None} for each in failures(connection, 0)]
        connection.execute(sa.delete(OPERATIONS).where(OPERATIONS.c.operation_id == "late"))
    old = [each for each in rows if each["started_at"] < NOW - 20 * DAY]
    assert prune(engine, 20 * DAY, NOW) == len(old) > 300
    with engine.begin() as connection:
        connection.execute(sa.insert(OPERATIONS), [late])
    assert prune(engine, 10 * DAY, NOW) > 1
    assert prune(engine, 10 * DAY, NOW) == 0
    with engine.begin() as connection:
        oldest = connection.execute(sa.select(sa.func.min(OPERATIONS.c.started_at))).scalar_one()
        assert oldest >= NOW - 10 * DAY
        for (look, groups), expected_sums in zip(looks, before, strict=True):
            assert by(look(connection, 0), groups) == approximately(expected_sums)
        assert [{**each, "last": None} for each in failures(connection, 0)] == failed


def test_what_may_still_change_is_not_pruned(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        rows = [
            row("1", "step", "a", NOW - 30 * DAY, run_id="open"),
            row("2", "step", "b", NOW - 30 * DAY, run_id="ended"),
        ]
        connection.execute(sa.insert(OPERATIONS), rows)
        for run_id in ("open", "ended"):
            run = {"last_event": 1, "status": "STARTED", "log": "l", "created_at": NOW - 30 * DAY}
            values = {"run_id": run_id, "settled": run_id == "ended", **run}
            connection.execute(sa.insert(RUNS), values)
    assert prune(engine, 10 * DAY, NOW) == 1
    with engine.begin() as connection:
        assert connection.execute(sa.select(OPERATIONS.c.run_id)).scalars().all() == ["open"]
        assert connection.execute(sa.select(RUNS.c.run_id)).scalars().all() == ["open"]


def test_the_page_shows_it_and_names_are_no_markup(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        name = "<script>alert(1)</script> | [x](http://y) `z` *w*"
        rows = [
            row("1", "step", name, NOW - DAY, status="failed", seconds=7200.0, cpu_seconds=3600.0,
                energy_joules=3.6e6, cost=1.5, error_class="ValueError"),
        ]  # fmt: skip
        connection.execute(sa.insert(OPERATIONS), rows)
        objectives = [
            {"asset": "a", "objective": "freshness", "target": 0.99, "kept": None,
             "budget_left": None, "burning": ""},
            {"asset": "b", "objective": "accuracy", "target": 0.9, "kept": 0.95,
             "budget_left": 0.5, "burning": "twice"},
        ]  # fmt: skip
        figures = read_figures(
            connection, NOW - 2 * DAY, NOW, currency="EUR", objectives=objectives
        )
    text = as_markdown(figures)
    assert "data:image/png;base64," in text
    assert "| 2.0 h | 60.0 min |  | 1.000 kWh | 1.50 |" in text
    assert "| b | accuracy | 90.00% | 95.00% | 50% | twice |" in text
    assert "| a | freshness | 99.00% | not known | not known |  |" in text
    page = as_html(text)
    assert "<script" not in page
    assert "<a href" not in page
    assert "<em>w" not in page
    assert page.count("<table>") == 4


def test_an_empty_record_has_a_page(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        text = as_markdown(read_figures(connection, NOW - DAY, NOW))
    assert "Nothing." in text
