"""Checks that tell whether objectives are kept, one on the asset of each."""

from collections.abc import Iterator, Sequence

import dagster as dg

from amodels_assets.operations.budget import Standing, standings
from amodels_assets.operations.names import LOG
from amodels_assets.operations.objectives import Objective
from amodels_assets.operations.policies import key_of
from resources.operations import OperationsResource


def objective_checks(objectives: Sequence[Objective]) -> list[dg.AssetChecksDefinition]:
    """One check an objective, all of one step.

    They read the record as it is; where the record is brought up to date in the same run, that is
    done before. The sensor ``objectives`` evaluates them between runs.

    Args:
        objectives: All of them.
    """
    if not objectives:
        return []
    specs = [
        dg.AssetCheckSpec(
            each.check,
            asset=key_of(each),
            additional_deps=[dg.AssetKey(LOG.split("/"))],
            description=f"The error budget of the promised {each.dimension} is not spent, nor is "
            "it spent too fast.",
        )
        for each in objectives
    ]
    by_key = {spec.key: each for spec, each in zip(specs, objectives, strict=True)}

    @dg.multi_asset_check(name="objectives", specs=specs, can_subset=True)
    def objectives_are_kept(
        context: dg.AssetCheckExecutionContext, operations: OperationsResource
    ) -> Iterator[dg.AssetCheckResult]:
        """Look each of them up in the record."""
        import time

        from amodels_assets.operations.store import OperationsError, opened

        wanted = [each for key, each in by_key.items() if key in context.selected_asset_check_keys]
        try:
            with opened(operations.url) as engine, engine.begin() as connection:
                found = standings(connection, wanted, time.time())
        except OperationsError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        for each in found:
            yield result_of(each)

    return [objectives_are_kept]


def result_of(found: Standing) -> dg.AssetCheckResult:
    """How an objective stands, as the result of its check."""
    figures = {
        "kept": found.kept,
        "budget_left": found.budget_left,
        "target": found.objective.target,
    }
    return dg.AssetCheckResult(
        asset_key=key_of(found.objective),
        check_name=found.objective.check,
        passed=found.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.told,
        metadata={name: value for name, value in figures.items() if value is not None},
    )
