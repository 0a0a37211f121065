"""Checks on what is served."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.quality.factory import opened, verdict
from amodels_assets.serving.names import (
    ENDPOINT,
    ENDPOINT_IS_READY,
    LATENCY_OBJECTIVES,
    LOAD_PROFILE,
    RELEASE_IS_NOT_REJECTED,
)
from amodels_assets.settings import from_environment
from resources.artifact_store import ArtifactStoreResource
from resources.gateway import GatewayResource, GatewayUnavailableError


class ObjectivesConfig(dg.Config):
    """What the endpoint is to keep.

    Attributes:
        first_token_p95: Seconds until an answer begins, for 95 of 100 requests.
        latency_p95: Seconds until it ends.
        failed: Share of the requests that may fail.
        up_to: Clients at once; what more of them see is shown and not judged.
    """

    first_token_p95: float = 2.0
    latency_p95: float = 30.0
    failed: float = 0.0
    up_to: int = 16


@dg.asset_check(
    asset=dg.AssetKey(LOAD_PROFILE.split("/")),
    name=LATENCY_OBJECTIVES,
    description="Under the stated load the endpoint keeps its objectives: time to the first "
    "token, time to the whole answer, share of failures.",
)
def latency_objectives(
    config: ObjectivesConfig, artifact_store: ArtifactStoreResource
) -> dg.AssetCheckResult:
    """Compare the newest profile with the objectives."""
    from amodels_assets.serving.objectives import Objectives, unmet

    store, profile = opened(artifact_store, LOAD_PROFILE)
    rows = profile.table("profile").to_pylist()
    problems = unmet(rows, Objectives(**config.model_dump()))
    return verdict(
        store,
        profile,
        LATENCY_OBJECTIVES,
        passed=not problems,
        description="; ".join(problems) or "every objective is kept",
        blocking=False,
    )


@dg.asset_check(
    asset=dg.AssetKey(ENDPOINT.split("/")),
    name=ENDPOINT_IS_READY,
    description="The gateway says that everything it needs is up.",
)
def endpoint_is_ready(gateway: GatewayResource) -> dg.AssetCheckResult:
    """Ask it now."""
    from amodels_assets.serving.endpoint import EndpointError, read_readiness

    try:
        found = read_readiness(*gateway.get("/readyz"))
    except (GatewayUnavailableError, EndpointError) as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    return dg.AssetCheckResult(
        passed=found.ready,
        description="; ".join(found.down) or "everything is up",
        metadata={"down": list(found.down)},
    )


@dg.asset_check(
    asset=dg.AssetKey(["release", "released_language_model"]),
    name=RELEASE_IS_NOT_REJECTED,
    description="The supervisor of the served releases did not reject the newest one. The sensor "
    "rejected_releases says so as soon as it is decided.",
)
def release_is_not_rejected(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Read the supervisor's verdict on the newest release."""
    from amodels_assets.serving.standing import current_standing

    try:
        found = current_standing(ArtifactStore(artifact_store.path()), from_environment().home)
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return dg.AssetCheckResult(
        passed=found.passed, description=found.told, metadata=dict(found.figures)
    )
