"""Costs and energy: declared, reported or unknown, never invented."""

from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from amodels_assets.datasets.sections import SpecError
from amodels_assets.operations.intake import take_in
from amodels_assets.operations.prices import Prices, read_prices

from .counting import rows


def test_what_is_not_declared_is_not_known() -> None:
    assert Prices().cost(100.0, 100.0) is None
    assert Prices().energy(100.0, 100.0) is None
    assert Prices(cpu_price_per_hour=1.0).cost(None, 100.0) is None


def test_what_is_known_is_added_up() -> None:
    prices = Prices("EUR", 0.5, 2.0, 10.0, 600.0)
    assert prices.cost(7200.0, 1800.0) == pytest.approx(1.0 + 1.0)
    assert prices.energy(7200.0, 1800.0) == pytest.approx(72_000 + 1_080_000)
    # What was reported of the GPUs stands in place of what was declared.
    assert prices.cost(7200.0, 1800.0, known=9.0) == pytest.approx(10.0)
    assert prices.energy(None, 1800.0, known=5.0) == 5.0


def test_a_declaration(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("currency: EUR\ncpu_price_per_hour: 0.04\n")
    assert read_prices(path, 2.5) == Prices("EUR", 0.04, 2.5)
    assert read_prices(None) == Prices()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cpu_prize_per_hour: 1", "unknown key 'cpu_prize_per_hour'"),
        ("cpu_watts: many", "cpu_watts of the file is 'many'"),
        ("cpu_watts: -1", "cpu_watts of the file is -1"),
        ("cpu_watts: .nan", "cpu_watts of the file is nan"),
        ("currency: 3", "currency of the file must be a text"),
        ("- 1", "the file must be a mapping"),
        ("a: [", "line 1"),
    ],
)
def test_what_is_refused_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as refused:
        read_prices(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_steps_are_priced(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    prices = Prices("EUR", cpu_price_per_hour=3600.0, cpu_watts=10.0)
    take_in(instance, engine, prices=prices, audit_log=Path("/nowhere"), now=0.0)
    steps = {row.name: row for row in rows(engine) if row.kind == "step"}
    one = steps["graph"]
    assert one.cpu_seconds is not None
    assert one.cost == pytest.approx(one.cpu_seconds)
    assert one.energy_joules == pytest.approx(10 * one.cpu_seconds)
    trained = steps["training__model"]
    # It reported 5 for its GPUs, and the price of its CPU comes to that.
    assert trained.cost == pytest.approx(5.0 + (trained.cpu_seconds or 0))
    # A step that was skipped used nothing that anybody measured.
    assert steps["search__index"].cost is None
