"""Dates on which jobs may run, and the variables that stand for them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.controlm.order_dates import (
    DateFilter,
    UnknownVariableError,
    filled_in,
    system_variables,
)

DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@given(
    DAYS,
    st.sets(st.integers(1, 12), max_size=3),
    st.sets(st.integers(1, 31), max_size=4),
    st.sets(st.integers(0, 6), max_size=3),
    st.booleans(),
)
def test_a_filter_against_the_words_of_the_manual(day, months, month_days, week_days, both):
    found = DateFilter(
        tuple(months), tuple(map(str, month_days)), tuple(map(str, week_days)), both
    ).allows(day)
    control_m_day = {"Sunday": 0} | {name: i + 1 for i, name in enumerate(WEEK[:6])}
    checks = []
    if month_days:
        checks.append(day.day in month_days)
    if week_days:
        checks.append(control_m_day[WEEK[day.weekday()]] in week_days)
    expected = (all(checks) if both else any(checks)) if checks else True
    assert found == (expected and (not months or day.month in months))


@given(DAYS)
def test_every_day(day):
    assert DateFilter(month_days=("ALL",)).allows(day)
    assert DateFilter().allows(day)
    assert DateFilter(months=(day.month,)).allows(day)
    assert not DateFilter(months=((day + timedelta(40)).month,)).allows(day)


def test_variables():
    now = datetime(2026, 3, 2, 4, 5, 6)
    variables = system_variables(date(2026, 3, 1), now, {"JOBNAME": "J"})
    command = "load %%ODATE %%$ODATE.x %%OYEAR%%OMONTH.%%ODAY %%DATE %%TIME %%JOBNAME %%OWDAY"
    assert filled_in(command, variables) == "load 260301 20260301x 260301 260302 040506 J 0"


def test_an_unknown_variable_is_named():
    with pytest.raises(UnknownVariableError, match="%%MISSING has no value"):
        filled_in("run %%MISSING %%MISSING", {})


@given(st.text())
def test_any_text_is_filled_in_or_refused(text):
    try:
        assert isinstance(filled_in(text, {"A": "%%A"}), str)
    except UnknownVariableError:
        assert "%%" in text
