"""Checks on the release."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.quality.factory import recorded
from resources.artifact_store import ArtifactStoreResource

RELEASED_MODEL = dg.AssetKey(["release", "released_model"])


@dg.asset_check(
    asset=RELEASED_MODEL,
    name="release_is_servable",
    description="The release manifest fits its schema and every checkpoint file it names has the "
    "recorded hash.",
    blocking=True,
)
def release_is_servable(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare the release manifest with what lies in the store."""
    from amodels_assets.release.manifest import find_problems

    store = ArtifactStore(artifact_store.path())
    try:
        release = store.get("release/released_model")
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    problems = find_problems(store, release)
    return recorded(
        store,
        "release/released_model",
        CheckRecord(
            check="release_is_servable",
            data_version=release.data_version,
            passed=not problems,
            blocking=True,
            description="; ".join(problems) or "the manifest fits its schema and all hashes agree",
        ),
        RELEASED_MODEL,
    )
