"""Expectations: evaluated by Great Expectations, kept as evidence, recalled when they can be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.quality import runner
from amodels_assets.quality.expectation import Expectation, Suite
from amodels_assets.quality.factory import evaluate_suite

SUITE = Suite(
    asset_key=("room", "thing"),
    artifact="room/thing",
    table="t",
    columns=("x", "y"),
    expectations=(
        Expectation(
            "x_given", "expect_column_values_to_not_be_null", {"column": "x"}, "x is given"
        ),
        Expectation(
            "key_unique",
            "expect_compound_columns_to_be_unique",
            {"column_list": ["x", "y"]},
            "a key",
        ),
        Expectation(
            "y_known",
            "expect_column_values_to_be_in_set",
            {"column": "y", "value_set": ["p"]},
            "y is known",
            critical=False,
        ),
    ),
)
GOOD = pa.table({"x": [1, 2], "y": ["p", "p"]})
BAD = pa.table({"x": [1, None, 1], "y": ["q", "q", "q"]})


def publish(store: ArtifactStore, table: pa.Table) -> None:
    store.publish(
        "room/thing",
        inputs={"rows": str(table.to_pylist())},
        code_version="1",
        produce=lambda folder: write_table(folder, "t", table),
    )


@pytest.mark.parametrize(("table", "passed"), [(GOOD, True), (BAD, False)])
def test_each_expectation_has_its_own_outcome(table: pa.Table, passed: bool) -> None:
    outcomes = runner.run_suite(SUITE, table)
    assert [o.expectation.name for o in outcomes] == ["x_given", "key_unique", "y_known"]
    assert [o.passed for o in outcomes] == [passed] * 3


def test_figures_are_plain_json() -> None:
    mean = Expectation(
        "m", "expect_column_mean_to_be_between", {"column": "x", "max_value": 9}, "m"
    )
    (outcome,) = runner.run_suite(replace(SUITE, expectations=(mean,)), GOOD)
    assert type(outcome.figures["observed_value"]) is float


def test_an_expectation_that_cannot_be_evaluated_is_an_error() -> None:
    broken = Expectation(
        "other", "expect_column_values_to_not_be_null", {"column": "z"}, "z is given"
    )
    with pytest.raises(RuntimeError, match="expectation other could not be evaluated"):
        runner.run_suite(replace(SUITE, expectations=(broken,)), GOOD)


def test_outcomes_are_recalled_until_data_or_suite_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = runner.run_suite

    def counted(suite: Suite, table: pa.Table) -> list:
        calls.append(table.num_rows)
        return real(suite, table)

    monkeypatch.setattr(runner, "run_suite", counted)
    store = ArtifactStore(tmp_path)
    publish(store, BAD)
    first = evaluate_suite(store, SUITE)
    assert evaluate_suite(store, SUITE) == first
    assert calls == [3]
    publish(store, GOOD)
    assert all(record.passed for record in evaluate_suite(store, SUITE))
    evaluate_suite(store, replace(SUITE, expectations=SUITE.expectations[:2]))
    assert calls == [3, 2, 2]
    assert [record.blocking for record in first] == [True, True, False]
