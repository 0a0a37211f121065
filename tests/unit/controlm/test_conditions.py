"""Waiting for conditions, and what adds and deletes them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.controlm.conditions import Change, ConditionError, Wait, apply, holds

DAY, BEFORE = date(2026, 1, 5), date(2026, 1, 4)
NAMES = ("A", "B", "C", "D")

expressions = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
        lambda parts: f"( {parts[0]} {parts[1]} {parts[2]} )"
    ),
    max_leaves=8,
)


@given(expressions, st.sets(st.sampled_from(NAMES)))
def test_an_expression_means_what_python_says(text, held):
    wait = Wait.parse(text, {})
    python = text.replace("AND", "and").replace("OR", "or")
    expected = eval(python, {}, {name: name in held for name in NAMES})
    assert wait.is_over({(name, DAY) for name in held}, DAY) == expected


@given(
    st.lists(st.sampled_from([*NAMES, "AND", "OR", "(", ")"]), max_size=9),
    st.sets(st.sampled_from(NAMES)),
)
def test_any_tokens_are_an_expression_or_an_error(tokens, held):
    try:
        wait = Wait.parse(" ".join(tokens), {})
    except ConditionError:
        return
    assert wait.is_over({(name, DAY) for name in held}, DAY) in (True, False)


def test_and_binds_before_or():
    assert Wait.parse("A OR B AND C", {}).is_over({("A", DAY)}, DAY)
    assert not Wait.parse("A AND B OR C", {}).is_over({("A", DAY)}, DAY)


@pytest.mark.parametrize("text", ["", "A AND", "( A", "A )", "OR A", "A B"])
def test_what_is_no_expression(text):
    with pytest.raises(ConditionError):
        Wait.parse(text, {})


@pytest.mark.parametrize(
    ("rule", "held", "expected"),
    [
        ("ODAT", ("A", DAY), True),
        ("ODAT", ("A", BEFORE), False),
        ("PREV", ("A", BEFORE), True),
        ("PREV", ("A", DAY), False),
        ("STAT", ("A", BEFORE), True),
        ("****", ("A", DAY), True),
        ("ODAT", ("A", None), True),
        ("ODAT", ("B", DAY), False),
    ],
)
def test_date_rules(rule, held, expected):
    assert holds("A", rule, {held}, DAY) is expected


def test_changes_apply_in_their_order():
    add, delete = Change("A", "ODAT", DAY, added=True), Change("A", "ODAT", DAY, added=False)
    assert apply([add]) == {("A", DAY)}
    assert apply([add, delete]) == set()
    assert apply([delete, add]) == {("A", DAY)}
    assert apply([Change("A", "STAT", DAY, added=True)]) == {("A", None)}
    both = {("A", DAY), ("A", BEFORE), ("B", DAY)}
    assert apply([Change("A", "PREV", DAY, added=False)], both) == {("A", DAY), ("B", DAY)}
    assert apply([Change("A", "****", DAY, added=False)], both) == {("B", DAY)}
