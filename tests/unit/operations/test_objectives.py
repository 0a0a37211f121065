"""Declarations of objectives: what is taken, and what is refused with its place."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.datasets.sections import SpecError
from amodels_assets.operations.objectives import Objective, read_objectives
from amodels_assets.operations.period import parse_period, show_period
from amodels_assets.operations.policies import require_known, with_freshness_policies
from amodels_assets.operations.prices import read_prices

from .pipeline import ASSETS, CHECKS

FRESH = {"within": "26h", "target": 0.95, "window": "4w"}
WHOLE = {"checks": ["tables_are_many"], "target": 0.99, "window": "4w"}


def read(tmp_path: Path, declared: Any) -> tuple[Objective, ...]:
    path = tmp_path / "objectives.yaml"
    path.write_text(yaml.safe_dump(declared))
    return read_objectives(path)


def test_what_is_declared(tmp_path: Path) -> None:
    fresh, whole = read(tmp_path, {"sgmi/tables": {"completeness": WHOLE, "freshness": FRESH}})
    assert (fresh.dimension, fresh.within, fresh.window) == ("freshness", 93600, 2419200)
    assert (whole.dimension, whole.checks, whole.target) == (
        "completeness", ("tables_are_many",), 0.99,
    )  # fmt: skip
    assert fresh.check == "objective_freshness"


def test_the_usual_alerts_are_the_workbooks(tmp_path: Path) -> None:
    """Its burn rates 14.4, 6 and 1 are those of a window of 30 days."""
    (one,) = read(tmp_path, {"a": {"accuracy": {**WHOLE, "window": "30d"}}})
    assert [alert.burn_rate(one.window) for alert in one.alerts] == pytest.approx([14.4, 6, 1])
    # With a budget of a tenth nothing burns 14.4 times as fast.
    (other,) = read(tmp_path, {"a": {"accuracy": {**WHOLE, "window": "30d", "target": 0.9}}})
    assert [alert.long for alert in other.alerts] == [21600, 259200]


def test_an_empty_file_promises_nothing(tmp_path: Path) -> None:
    path = tmp_path / "objectives.yaml"
    path.write_text("# nothing yet\n")
    assert read_objectives(path) == ()


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ([1], "the file must be a mapping"),
        ({"a": {"freshnes": FRESH}}, "a has the unknown key 'freshnes'"),
        ({"a": {"freshness": {**FRESH, "windo": "4w"}}}, "freshness of a has the unknown key"),
        ({"a": {"freshness": {**FRESH, "checks": ["b"]}}}, "unknown key 'checks'"),
        ({"a": {"accuracy": {**WHOLE, "within": "1h"}}}, "unknown key 'within'"),
        ({"a": {"freshness": {**FRESH, "within": 26}}}, "within of freshness of a must be a text"),
        ({"a": {"freshness": {**FRESH, "within": "26 h"}}}, "'26 h' is no length of time"),
        ({"a": {"freshness": {**FRESH, "within": "5w"}}}, "shorter than the window"),
        ({"a": {"freshness": {**FRESH, "target": 1}}}, "a share between 0 and 1"),
        ({"a": {"freshness": {**FRESH, "target": True}}}, "target of freshness of a is True"),
        ({"a": {"freshness": {"target": 0.9, "window": "4w"}}}, "lacks 'within'"),
        ({"a": {"accuracy": {"target": 0.9, "window": "4w"}}}, "lacks 'checks'"),
        ({"a": {"accuracy": {**WHOLE, "alerts": []}}}, "alerts of accuracy of a must be a list"),
        ({"a": {"accuracy": {**WHOLE, "window": "30m"}}}, "none of the usual alerts"),
        (
            {"a": {"accuracy": {**WHOLE, "alerts": [{"budget": 1, "long": "1h", "short": "2h"}]}}},
            "alert 1 of accuracy of a needs",
        ),
        (
            {"a": {"accuracy": {**WHOLE, "alerts": [{"budget": 1, "long": "1h", "short": "5m"}]}}},
            "alert 1 of accuracy of a could never be",
        ),
        ({"/a": {"freshness": FRESH}}, "'/a' is no asset"),
        ({3: {"freshness": FRESH}}, "3 is no asset"),
    ],
)
def test_what_is_refused_is_named_with_its_place(tmp_path: Path, declared: Any, said: str) -> None:
    with pytest.raises(SpecError) as refused:
        read(tmp_path, declared)
    assert said in str(refused.value)
    assert str(tmp_path / "objectives.yaml") in str(refused.value)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["4w", "26h", "5m", 0.5, 0.99]),
)  # fmt: skip
KEYS = st.sampled_from(
    ["a", "a/b", "freshness", "completeness", "accuracy", "within", "target", "window", "checks",
     "alerts", "budget", "long", "short"]
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(TREES)
def test_whatever_is_written_is_read_or_refused(tmp_path_factory: Any, declared: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(declared))
    try:
        found = read_objectives(path)
    except SpecError as refused:
        said = str(refused)
    else:
        assert all(0 < each.target < 1 and each.alerts for each in found)
        return
    assert str(path) in said


@given(st.text(max_size=12))
def test_a_period_is_read_or_refused(text: str) -> None:
    try:
        seconds = parse_period(text)
    except ValueError:
        return
    assert seconds > 0
    assert parse_period(show_period(seconds)) == pytest.approx(seconds)


def test_the_shipped_objectives_fit_the_code_location() -> None:
    from amodels_assets.definitions import defs
    from amodels_assets.settings import from_environment

    graph = defs.resolve_asset_graph()
    for each in read_objectives(from_environment().objectives):
        key = dg.AssetKey(each.asset.split("/"))
        assert dg.AssetCheckKey(key, each.check) in graph.asset_check_keys
        policy = graph.get(key).freshness_policy
        if each.dimension == "freshness":
            assert policy is not None
            assert policy.fail_window.to_timedelta().total_seconds() == each.within


def test_assets_get_their_freshness_policies(tmp_path: Path) -> None:
    objectives = read(tmp_path, {"graph/two": {"freshness": FRESH}})
    graph = dg.Definitions(assets=with_freshness_policies(ASSETS, objectives)).resolve_asset_graph()
    with_policy = [key for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy]
    assert with_policy == [dg.AssetKey(["graph", "two"])]


@pytest.mark.parametrize(
    ("asset", "check", "said"),
    [
        ("sgmi/table", "tables_are_many", "there is no asset sgmi/table"),
        ("sgmi/tables", "tables_are_money", "sgmi/tables has no check tables_are_money"),
    ],
)
def test_what_is_not_there_cannot_be_promised(
    tmp_path: Path, asset: str, check: str, said: str
) -> None:
    objectives = read(tmp_path, {asset: {"completeness": {**WHOLE, "checks": [check]}}})
    with pytest.raises(SpecError, match=said):
        require_known(ASSETS, CHECKS, objectives)


def test_the_examples_of_the_page_can_be_used(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "operations.md"
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yaml").write_text(block)
    prices, objectives = (
        read(tmp_path / f"{number}.yaml")
        for number, read in enumerate((read_prices, read_objectives))
    )
    assert prices.currency == "EUR"
    assert [each.subject for each in objectives] == [
        "evaluation/relational_scores freshness",
        "evaluation/relational_scores accuracy",
    ]
