"""A small pipeline in which everything happens that the record tells apart."""

import dagster as dg

from amodels_assets.operations.meter import measured_in_process_executor

KEPT = 200_000


class WrongFigureError(Exception):
    """Has a message that must not be kept."""


SECRET = "client 4711 owes 3,200"


@dg.asset(key=["sgmi", "tables"], retry_policy=dg.RetryPolicy(max_retries=2))
def tables(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Fails once."""
    if context.retry_number == 0:
        raise ConnectionResetError(SECRET)
    # Work that a meter sees.
    total = sum(number * number for number in range(KEPT * 10))
    return dg.MaterializeResult(metadata={"total": total})


@dg.asset(key=["training", "model"], deps=[tables])
def model() -> dg.MaterializeResult:
    """Says what it used."""
    return dg.MaterializeResult(
        metadata={"gpu_seconds": 7200.0, "energy_joules": 1000.0, "cost": 5.0}
    )


@dg.asset(key=["evaluation", "scores"], deps=[model])
def scores() -> None:
    """Fails for good."""
    try:
        raise WrongFigureError(SECRET)
    except WrongFigureError as error:
        raise RuntimeError(SECRET) from error


@dg.asset(key=["release", "gate"], deps=[scores])
def gate() -> None:
    """Is never reached."""


@dg.multi_asset(
    specs=[
        dg.AssetSpec(["graph", "one"], skippable=True),
        dg.AssetSpec(["graph", "two"], skippable=True),
        dg.AssetSpec(["graph", "three"], skippable=True),
    ],
)
def graph():
    """Makes two of three."""
    yield dg.MaterializeResult(asset_key=["graph", "one"])
    yield dg.MaterializeResult(asset_key=["graph", "two"])


@dg.asset(key=["search", "index"], deps=[["graph", "three"]])
def index() -> None:
    """Is skipped, for what it needs was not made."""


@dg.asset_check(asset=tables)
def tables_are_many() -> dg.AssetCheckResult:
    """Passes."""
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=tables)
def tables_are_new() -> dg.AssetCheckResult:
    """Warns."""
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset_check(asset=model)
def model_is_good() -> dg.AssetCheckResult:
    """Does not pass."""
    return dg.AssetCheckResult(passed=False, description=SECRET)


@dg.observable_source_asset(key=["sgmi", "dumps"])
def dumps() -> dg.DataVersion:
    """Is observed."""
    return dg.DataVersion("1")


ASSETS = [tables, model, scores, gate, graph, index, dumps]
CHECKS = [tables_are_many, tables_are_new, model_is_good]


def everything() -> dg.JobDefinition:
    """A job of all of it."""
    job = dg.define_asset_job("everything", selection=dg.AssetSelection.all(include_sources=True))
    definitions = dg.Definitions(
        assets=ASSETS, asset_checks=CHECKS, jobs=[job], executor=measured_in_process_executor
    )
    return definitions.resolve_job_def("everything")


def run_everything(instance: dg.DagsterInstance) -> str:
    """Run it as the daemon would, without its daemon; the run's id."""
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.execute_job(
        dg.reconstructable(everything), instance=instance, raise_on_error=False, run_config=quiet
    ) as result:
        return result.run_id
