"""Looks at the objectives every five minutes and tells who has to know.

Nothing is run: a run every five minutes would bury the others.
"""

import json
import time
from pathlib import Path

import dagster as dg

from amodels_assets.environments import registered_in
from resources.operations import OperationsResource


@dg.sensor(
    name="objectives",
    description="Takes in what happened, compares it with the objectives, evaluates their checks "
    "where something changed, and tells whom AMODELS_NOTIFICATION_URLS names.",
    minimum_interval_seconds=300,
    metadata=registered_in("dev", "staging", "prod"),
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def objectives(
    context: dg.SensorEvaluationContext, operations: OperationsResource
) -> dg.SensorResult | dg.SkipReason:
    """Look once; what nobody could be told of is tried again the next time."""
    from amodels_assets.operations.notices import sender
    from amodels_assets.operations.objectives import read_objectives
    from amodels_assets.operations.policies import key_of
    from amodels_assets.operations.prices import read_prices
    from amodels_assets.operations.watch import look

    declared = read_objectives(Path(operations.objectives))
    seen = look(
        context.instance,
        operations.url,
        objectives=declared,
        prices=read_prices(operations.prices_path(), operations.gpu_price_per_hour),
        audit_log=operations.audit_path(),
        send=sender(operations.notification_urls) if operations.notification_urls else None,
        quiet_hours=operations.quiet_hours,
        now=time.time(),
    )
    for subject in seen.untold:
        context.log.error("nobody could be told of %s; it is tried again", subject)
    before = json.loads(context.cursor) if context.cursor else {}
    now = {each.objective.subject: each.passed for each in seen.standings}
    changed = [
        each for each in seen.standings if before.get(each.objective.subject) is not each.passed
    ]
    if not changed:
        return dg.SkipReason("nothing changed")
    evaluated = [
        dg.AssetCheckEvaluation(
            asset_key=key_of(each.objective),
            check_name=each.objective.check,
            passed=each.passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=each.told,
            metadata={},
        )
        for each in changed
    ]
    return dg.SensorResult(asset_events=evaluated, cursor=json.dumps(now, sort_keys=True))
