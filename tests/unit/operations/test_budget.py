"""Error budgets and burn rates."""

import time

import dagster as dg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.operations.budget import Freshness, Outcomes, standing, standings
from amodels_assets.operations.checks import objective_checks
from amodels_assets.operations.objectives import Alert, Objective
from amodels_assets.operations.schema import OPERATIONS
from resources.operations import OperationsResource

from .pipeline import ASSETS
from .record import made

HOUR, DAY = 3600.0, 86400.0
NOW = 1_800_000_000.0
USUAL = (Alert(0.02, HOUR, 300), Alert(0.05, 6 * HOUR, 1800), Alert(0.1, 3 * DAY, 6 * HOUR))


def objective(dimension: str = "accuracy", target: float = 0.99, **more: object) -> Objective:
    values = {"within": 2 * HOUR, "checks": ("good",), "alerts": USUAL, **more}
    return Objective("sgmi/tables", dimension, target, 30 * DAY, **values)  # ty: ignore


@given(
    st.lists(st.integers(0, 300), max_size=12),
    st.integers(1, 50),
    st.integers(0, 200),
    st.integers(1, 100),
)
def test_freshness_is_what_looking_every_second_says(
    made_at: list[int], within: int, begin: int, length: int
) -> None:
    end = begin + length
    times = sorted({at for at in made_at if at <= end})
    fresh = stale = 0
    for second in range(begin, end):
        before = [at for at in times if at <= second]
        if before:
            is_fresh = second < before[-1] + within
            fresh, stale = fresh + is_fresh, stale + (not is_fresh)
    assert Freshness(times, within).measure(begin, end) == (fresh, stale)


def test_what_was_never_made_is_not_known() -> None:
    found = standing(objective("freshness"), Freshness([], HOUR), NOW)
    assert (found.kept, found.budget_left, found.passed) == (None, None, True)
    assert found.told == "nothing is known yet"


def test_the_budget_is_what_may_be_bad() -> None:
    """One in two hundred failed, one in a hundred may: half of the budget is left."""
    seen = [(NOW - DAY * 10 - n, n != 0) for n in range(200)]
    found = standing(objective(), Outcomes(seen), NOW)
    assert found.kept == pytest.approx(0.995)
    assert found.budget_left == pytest.approx(0.5)
    assert found.passed


def test_an_overspent_budget_does_not_pass() -> None:
    seen = [(NOW - DAY * 10 - n, n > 2) for n in range(200)]
    found = standing(objective(), Outcomes(seen), NOW)
    assert found.budget_left == pytest.approx(-0.5)
    assert not found.burning
    assert not found.passed


def test_an_alert_needs_both_windows() -> None:
    """A burn that is over is not told, nor one that has only just begun."""
    good = [(NOW - n * 60, True) for n in range(1, 30 * 24 * 60)]
    assert not standing(objective(), Outcomes(good), NOW).burning
    over = [(at, not NOW - HOUR < at < NOW - 10 * 60) for at, _ in good]
    assert not any(a.long == HOUR for a, _ in standing(objective(), Outcomes(over), NOW).burning)
    begun = [(at, at < NOW - 4 * 60) for at, _ in good]
    assert not standing(objective(), Outcomes(begun), NOW).burning
    on = [(at, at < NOW - 15 * 60) for at, _ in good]
    burning = standing(objective(), Outcomes(on), NOW).burning
    # 15 minutes of an hour: 25 times as fast as a budget of one in a hundred lasts.
    assert burning[0] == (USUAL[0], pytest.approx(25, rel=0.1))


def test_the_record_says_when_an_asset_was_made(engine: sa.Engine) -> None:
    """The end of its step counts, and what was made before the window as well."""
    with engine.begin() as connection:
        rows = [
            made("1", "sgmi/tables", NOW - 40 * DAY),
            made("2", "sgmi/tables", NOW - 10 * DAY, seconds=DAY),
            made("3", "other", NOW - HOUR),
        ]
        connection.execute(sa.insert(OPERATIONS), rows)
        promise = objective("freshness", within=10 * DAY, alerts=USUAL)
        (found,) = standings(connection, [promise], NOW)
    # Stale from the window's beginning to nine days ago.
    assert found.kept == pytest.approx(9 / 30)


def test_the_check_fails_when_the_promise_is_broken(engine: sa.Engine) -> None:
    now = time.time()
    promises = [objective("freshness"), objective("completeness", checks=("good",))]
    with engine.begin() as connection:
        connection.execute(sa.insert(OPERATIONS), [made("1", "sgmi/tables", now - 10 * DAY)])
    url = str(engine.url)
    operations = OperationsResource(url=url, audit_log="", objectives="")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [*ASSETS, *objective_checks(promises)],
            selection=dg.AssetSelection.checks(*objective_checks(promises)),
            resources={"operations": operations},
            instance=instance,
        )
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert not found["objective_freshness"].passed
    assert found["objective_freshness"].severity is dg.AssetCheckSeverity.WARN
    assert "promised 99.00%" in str(found["objective_freshness"].description)
    # Nobody has evaluated its check yet.
    assert found["objective_completeness"].passed
