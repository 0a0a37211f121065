"""The operations room's assets: the record of what happened."""

import dagster as dg

from amodels_assets.operations.names import LOG
from resources.operations import OperationsResource

CODE_VERSION = "1"
SHOWN_DAYS = 7


@dg.asset(
    key=LOG.split("/"),
    description="What happened, what it took and what went wrong: every run, step, "
    "materialization, check and hour of requests, taken from Dagster's event log and the "
    "gateway's audit log since the last time.",
    group_name="operations",
    kinds={"python", "sql"},
    owners=["team:data-platform"],
    code_version=CODE_VERSION,
)
def operations_log(
    context: dg.AssetExecutionContext, operations: OperationsResource
) -> dg.MaterializeResult:
    """Take in what is new, keep by the day what is old, and show the last week."""
    import time
    from pathlib import Path

    from amodels_assets.datasets.sections import SpecError
    from amodels_assets.operations.budget import standings
    from amodels_assets.operations.intake import take_in
    from amodels_assets.operations.objectives import read_objectives
    from amodels_assets.operations.page import as_markdown, read_figures
    from amodels_assets.operations.prices import read_prices
    from amodels_assets.operations.retention import prune
    from amodels_assets.operations.store import OperationsError, opened

    now = time.time()
    day = 86400.0
    try:
        objectives = read_objectives(Path(operations.objectives))
        prices = read_prices(operations.prices_path(), operations.gpu_price_per_hour)
        with opened(operations.url) as engine:
            taken = take_in(
                context.instance,
                engine,
                prices=prices,
                audit_log=operations.audit_path(),
                now=now,
            )
            pruned = prune(engine, operations.retention_days * day, now)
            with engine.begin() as connection:
                rows = [each.row() for each in standings(connection, objectives, now)]
                since = now - SHOWN_DAYS * day
                figures = read_figures(
                    connection, since, now, currency=prices.currency, objectives=rows
                )
    except (OperationsError, SpecError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": taken.operations,
            "runs": taken.runs,
            "pruned": pruned,
            "page": dg.MetadataValue.md(as_markdown(figures)),
        }
    )
