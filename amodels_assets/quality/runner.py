"""Runs a suite on a table with Great Expectations, imported only here and only on use."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from amodels_assets.quality.expectation import Outcome, Suite

if TYPE_CHECKING:
    import pyarrow as pa

_FIGURES = (
    "element_count",
    "unexpected_count",
    "unexpected_percent",
    "partial_unexpected_list",
    "observed_value",
)


def run_suite(suite: Suite, table: pa.Table) -> list[Outcome]:
    """Evaluate every expectation of a suite, in the suite's order.

    Args:
        suite: What is expected.
        table: Rows to look at; needs ``suite.columns``.

    Raises:
        RuntimeError: An expectation could not be evaluated, say for a missing column.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("memory")
    batch_definition = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("b")
    gx_suite = context.suites.add(gx.ExpectationSuite(name="suite"))
    for expectation in suite.expectations:
        gx_suite.add_expectation_configuration(
            ExpectationConfiguration(
                type=expectation.type,
                kwargs=dict(expectation.arguments),
                meta={"name": expectation.name},
            )
        )
    frame = table.select(list(suite.columns)).to_pandas()
    result = batch_definition.get_batch(batch_parameters={"dataframe": frame}).validate(gx_suite)
    # Results come back in another order than the suite's, so they are found by their meta.
    found = {r.expectation_config.meta["name"]: r for r in result.results if r.expectation_config}
    outcomes = []
    for expectation in suite.expectations:
        item = found[expectation.name]
        problem = _problem(item.exception_info or {})
        if problem:
            raise RuntimeError(f"expectation {expectation.name} could not be evaluated: {problem}")
        outcomes.append(Outcome(expectation, bool(item.success), _figures(item.result)))
    return outcomes


def _problem(info: Mapping[str, Any]) -> str | None:
    # One exception lies flat; those of several metrics lie a level deeper, by metric.
    candidates = [info, *(value for value in info.values() if isinstance(value, Mapping))]
    return next((c["exception_message"] for c in candidates if c.get("raised_exception")), None)


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(result[name]) for name in _FIGURES if result.get(name) is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value[:10]]
    # NumPy's numbers are no plain ones, though some of them derive from these.
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
        return value
    return str(value)
