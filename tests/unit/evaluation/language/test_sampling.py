"""Temperature and top-p are chosen on one half and judged on the other."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from amodels_assets.evaluation.language import sampling
from amodels_assets.evaluation.language.benchmarks import BenchmarkError
from amodels_assets.evaluation.language.calibration import halves
from amodels_assets.evaluation.language.sampling import Sampling, choose_sampling

from .made import SHIPPED

ITEMS = [{"item_id": f"i{place}"} for place in range(100)]
FIRST = halves([item["item_id"] for item in ITEMS])


def answering(monkeypatch: pytest.MonkeyPatch, right: Any) -> list[dict[str, Any]]:
    """Answers that are right where ``right`` says so of the settings and the item."""
    asked: list[dict[str, Any]] = []

    def ask(_model: Any, benchmark: Any, items: Any) -> pa.Table:
        settings = benchmark.task["generation_kwargs"]
        asked.append(settings)
        return pa.table({"correct": [float(right(settings, item["item_id"])) for item in items]})

    monkeypatch.setattr(sampling, "ask", ask)
    monkeypatch.setattr(sampling, "make_task", lambda _benchmark, items, _folder: items)
    return asked


def test_the_best_on_one_half_is_reported_on_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warm answers are right on the validation half alone: luck, and it is seen to be."""
    lucky = {item["item_id"] for item, chosen in zip(ITEMS, FIRST, strict=True) if chosen}
    asked = answering(
        monkeypatch, lambda settings, name: settings.get("temperature") == 0.7 and name in lucky
    )
    found = choose_sampling(None, SHIPPED["catalog_qa"], ITEMS)
    # Of two that are equal the one that cuts off more.
    assert found.chosen == Sampling(0.7, 0.9)
    assert max(one.value for one in found.tried) == 1.0
    assert (found.value, found.greedy, found.difference) == (0.0, 0.0, 0.0)
    assert (found.n_chosen_on, found.n) == (int(FIRST.sum()), int((~FIRST).sum()))
    assert {settings.get("seed") for settings in asked if settings.get("do_sample")} == {0, 1}


def test_greedy_stays_where_nothing_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda settings, name: not settings["do_sample"] or name.endswith("1"))
    found = choose_sampling(None, SHIPPED["catalog_qa"], ITEMS)
    assert found.chosen == Sampling()
    assert (found.greedy, found.value) == (1.0, 1.0)
    assert all(0 < one.value < 0.5 for one in found.tried[1:])


def test_a_gain_has_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda settings, name: settings["do_sample"] or name.endswith("1"))
    found = choose_sampling(None, SHIPPED["catalog_qa"], ITEMS)
    assert found.low < found.difference < found.high
    assert found.low > 0.5


def test_what_cannot_be_chosen_on_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="has choices"):
        choose_sampling(None, SHIPPED["boolq"], ITEMS)
    with pytest.raises(BenchmarkError, match="take 60 or more"):
        choose_sampling(None, SHIPPED["gsm8k"], ITEMS[:30])
