"""Scores, comparisons and calibration against what is known of them."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from amodels_assets.evaluation.language.benchmarks import BenchmarkError, shipped
from amodels_assets.evaluation.language.calibration import calibrate, halves
from amodels_assets.evaluation.language.comparison import compare, holm, mcnemar
from amodels_assets.evaluation.language.estimates import (
    Run,
    interval,
    majority,
    part_rows,
    score_rows,
    units,
)
from amodels_assets.evaluation.language.tasks import ITEMS_SCHEMA

SHIPPED = shipped()
RUN = Run("m", "v", "d", 400, "local", 1.0, 10, 5, 0)


def table(correct: Any, **columns: Any) -> pa.Table:
    size = len(correct)
    made = {
        "item_id": [f"i{place}" for place in range(size)],
        "group": [""] * size,
        "category": [""] * size,
        "prompt_sha256": ["p"] * size,
        "prediction": ["0"] * size,
        "target": ["0"] * size,
        "correct": [float(value) for value in correct],
        "acc_norm": [None] * size,
        "logprobs": [[-1.0, -2.0]] * size,
        **columns,
    }
    return pa.table(made, schema=ITEMS_SCHEMA)


def test_a_score_says_all_that_is_needed() -> None:
    correct = [1] * 60 + [0] * 40
    (row,) = score_rows(SHIPPED["boolq"], table(correct, target=["1"] * 70 + ["0"] * 30), RUN)
    assert row["value"] == 0.6
    assert row["stderr"] == pytest.approx(np.std(correct, ddof=1) / 10)
    assert row["low"] < 0.6 < row["high"]
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * row["stderr"], rel=0.15)
    assert (row["n"], row["chance"], row["majority"]) == (100, 0.5, 0.7)
    assert row["template_sha256"] == SHIPPED["boolq"].template_hash
    assert score_rows(SHIPPED["boolq"], table(correct), RUN)[0]["low"] == row["low"]


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        found = interval(units(SHIPPED["boolq"], table(rng.random(120) < 0.3)), resamples=200)
        inside += found.low <= 0.3 <= found.high
    assert 178 <= inside <= 198


def test_instances_of_a_template_are_drawn_together() -> None:
    """Ten templates, each all right or all wrong: ten draws, however many instances."""
    correct = np.repeat([1, 0, 1, 1, 0, 1, 0, 1, 1, 0], 20)
    grouped = table(correct, group=[str(place // 20) for place in range(200)])
    (row,) = score_rows(SHIPPED["gsm_symbolic"], grouped, RUN)
    (alone,) = score_rows(SHIPPED["gsm8k"], table(correct), RUN)
    assert row["value"] == alone["value"]
    assert (row["groups"], row["n"], row["variance_within_groups"]) == (10, 200, 0.0)
    assert row["stderr"] == pytest.approx(np.std(correct[::20], ddof=1) / np.sqrt(10))
    assert row["high"] - row["low"] > 3 * (alone["high"] - alone["low"])
    parts = part_rows(SHIPPED["gsm_symbolic"], grouped, RUN)
    assert [(part["value"], part["variance"], part["n"]) for part in parts[:2]] == [
        (1.0, 0.0, 20),
        (0.0, 0.0, 20),
    ]


def test_two_attempts_are_one_item() -> None:
    attempts = table([0, 1, 0, 0, 1, 1], group=["a", "a", "b", "b", "c", "c"])
    (row,) = score_rows(SHIPPED["arc_agi"], attempts, RUN)
    assert (row["value"], row["n"]) == (pytest.approx(2 / 3), 3)


def test_none_right_is_no_proof_of_zero() -> None:
    found = interval(units(SHIPPED["boolq"], table([0] * 30)))
    assert (found.value, found.low) == (0.0, 0.0)
    # 30 draws without one right answer are still likely enough where a tenth would be right.
    assert found.high == pytest.approx(0.1157, abs=1e-3)
    assert (1 - found.high) ** 30 == pytest.approx(0.025)
    assert interval(units(SHIPPED["boolq"], table([1] * 30))).low == pytest.approx(1 - found.high)
    same = compare(SHIPPED["boolq"], table([1, 0] * 15), table([1, 0] * 15))
    assert (same.low, same.high) == (pytest.approx(-found.high), pytest.approx(found.high))


def test_the_best_constant_answer() -> None:
    assert majority(table([0, 0, 0], target=["a", "b", "a"])) == pytest.approx(2 / 3)


def test_mcnemar_is_the_binomial() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(9, 1) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(1, 9) == mcnemar(9, 1)
    assert mcnemar(30, 10) == pytest.approx(2 * sum(comb(40, k) for k in range(11)) / 2**40)


def test_a_comparison_is_by_item() -> None:
    a = table([1, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    b = table([0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    order = np.random.default_rng(1).permutation(10)
    found = compare(SHIPPED["boolq"], a, b.take(pa.array(order)))
    assert (found.gained, found.lost, found.n, found.left_out) == (8, 1, 10, 0)
    assert found.difference == pytest.approx(0.7)
    assert found.low <= found.difference <= found.high
    assert found.p == pytest.approx(mcnemar(8, 1))
    assert found.significant
    assert not compare(SHIPPED["boolq"], a, a).significant
    part = compare(SHIPPED["boolq"], a, b.slice(0, 4))
    assert (part.n, part.left_out) == (4, 6)


def test_a_comparison_of_nothing_is_refused() -> None:
    a = table([1, 0])
    with pytest.raises(BenchmarkError, match="no item in common"):
        compare(SHIPPED["boolq"], a, table([1, 0], item_id=["x", "y"]))
    with pytest.raises(BenchmarkError, match="another right answer"):
        compare(SHIPPED["boolq"], a, table([1, 0], target=["0", "1"]))


def test_groups_are_compared_as_groups() -> None:
    names = [str(place // 10) for place in range(60)]
    a = table([0] * 60, group=names)
    b = table([1] * 10 + [0] * 50, group=names)
    found = compare(SHIPPED["gsm_symbolic"], a, b)
    assert (found.test, found.gained, found.lost) == ("paired bootstrap", 1, 0)
    # Ten instances of one template are one piece of evidence.
    assert not found.significant
    assert mcnemar(10, 0) < 0.05


def test_holm() -> None:
    assert holm({"a": 0.01, "b": 0.02, "c": 0.5}) == {"a": 0.03, "b": 0.04, "c": 0.5}
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_no_false_alarm_more_often_than_said() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(300):
        both = rng.random(80) < 0.5
        flip = rng.random(80) < 0.2
        alarms += mcnemar(int((flip & both).sum()), int((flip & ~both).sum())) < 0.05
    assert alarms <= 20


def test_the_temperature_of_an_overconfident_model_is_found() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(600, 4))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = [int(rng.choice(4, p=p)) for p in chances]
    ids = [f"i{place}" for place in range(600)]
    found = calibrate(ids, (logits * 5.0).tolist(), right)
    assert found is not None
    assert found.temperature == pytest.approx(5.0, rel=0.3)
    assert found.log_loss < found.log_loss_before
    assert found.error < 0.1 < found.error_before
    assert found.log_loss < found.uniform_log_loss == pytest.approx(np.log(4))
    assert found.n == 600 - int(halves(ids).sum()) == 600 - found.n_chosen_on


def test_a_guesser_is_calibrated_to_uniform() -> None:
    rng = np.random.default_rng(4)
    ids = [f"i{place}" for place in range(400)]
    found = calibrate(ids, rng.normal(size=(400, 4)).tolist(), rng.integers(0, 4, 400).tolist())
    assert found is not None
    assert found.temperature > 3
    assert found.log_loss == pytest.approx(np.log(4), abs=0.03)
    assert calibrate(ids[:20], [[0.0, 0.0]] * 20, [0] * 20) is None
