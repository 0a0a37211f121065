"""What is served, watched: the endpoint's figures, and releases that the supervisor rejected.

Both report by themselves and start no run: a run a minute would bury the others.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.environments import registered_in
from amodels_assets.serving.names import ENDPOINT, ENDPOINT_IS_READY, RELEASE_IS_NOT_REJECTED
from resources.artifact_store import ArtifactStoreResource
from resources.gateway import GatewayResource, GatewayUnavailableError

ENDPOINT_KEY = dg.AssetKey(ENDPOINT.split("/"))
RELEASE_KEY = dg.AssetKey(["release", "released_language_model"])


@dg.sensor(
    name="endpoint_observations",
    description="Looks at the endpoint every minute: whether it is ready, latency percentiles and "
    "tokens a second since the last look.",
    minimum_interval_seconds=60,
    metadata=registered_in("dev", "staging", "prod"),
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def endpoint_observations(
    context: dg.SensorEvaluationContext, gateway: GatewayResource
) -> dg.SensorResult | dg.SkipReason:
    """Report an observation of the endpoint, and whether it is ready."""
    from amodels_assets.serving.endpoint import (
        EndpointError,
        Look,
        as_metadata,
        read_metrics,
        read_readiness,
        traffic,
    )

    if gateway.missing:
        return dg.SkipReason(gateway.missing)
    try:
        readiness = read_readiness(*gateway.get("/readyz"))
        now = read_metrics(*gateway.get("/metrics"), at=time.time())
    except (GatewayUnavailableError, EndpointError) as error:
        context.log.warning(str(error))
        down = dg.AssetObservation(ENDPOINT_KEY, metadata={"ready": False, "down": [str(error)]})
        return dg.SensorResult(
            asset_events=[down, _evaluated(ENDPOINT_KEY, ENDPOINT_IS_READY, False, str(error))],
            cursor=context.cursor,
        )
    try:
        before = Look.from_json(context.cursor) if context.cursor else None
    except EndpointError as error:
        # The figures then are of all since the gateway started, and say so.
        context.log.warning(str(error))
        before = None
    told = "; ".join(readiness.down) or "everything is up"
    seen = dg.AssetObservation(ENDPOINT_KEY, metadata=as_metadata(readiness, traffic(before, now)))
    return dg.SensorResult(
        asset_events=[seen, _evaluated(ENDPOINT_KEY, ENDPOINT_IS_READY, readiness.ready, told)],
        cursor=now.to_json(),
    )


def rejected_releases(home: Path) -> dg.SensorDefinition:
    """The sensor on the supervisor's records below the platform's home."""

    @dg.sensor(
        name="rejected_releases",
        description="Turns the supervisor's verdict on the newest language model into the check "
        f"{RELEASE_IS_NOT_REJECTED}, as soon as it is decided.",
        minimum_interval_seconds=30,
        metadata=registered_in("dev", "staging", "prod"),
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def sensor(
        context: dg.SensorEvaluationContext, artifact_store: ArtifactStoreResource
    ) -> dg.SensorResult | dg.SkipReason:
        from amodels_assets.serving.standing import current_standing

        try:
            found = current_standing(ArtifactStore(artifact_store.path()), home)
        except ArtifactError as error:
            return dg.SkipReason(str(error))
        for problem in found.problems:
            context.log.warning("a record of the supervisor's cannot be understood: %s", problem)
        if found.seen == context.cursor:
            return dg.SkipReason("nothing new was decided")
        evaluated = _evaluated(
            RELEASE_KEY, RELEASE_IS_NOT_REJECTED, found.passed, found.told, found.figures
        )
        return dg.SensorResult(asset_events=[evaluated], cursor=found.seen)

    return sensor


def _evaluated(
    asset: dg.AssetKey,
    check: str,
    passed: bool,
    told: str,
    figures: Mapping[str, Any] | None = None,
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=check,
        passed=passed,
        description=told,
        metadata=dict(figures or {}),
    )
