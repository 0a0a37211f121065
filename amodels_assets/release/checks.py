"""Checks on the release."""

from pathlib import Path

import dagster as dg

from amodels_assets.quality.factory import opened, verdict
from resources.artifact_store import ArtifactStoreResource

SERVABLE = (
    "The release manifest fits its schema and every checkpoint file it names has the recorded hash."
)


@dg.asset_check(
    asset=dg.AssetKey(["release", "released_model"]),
    name="release_is_servable",
    description=SERVABLE,
    blocking=True,
)
def release_is_servable(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare the release manifest with what lies in the store."""
    from amodels_assets.release.manifest import SCHEMA_FILE

    return _servable(artifact_store, "release/released_model", "release_is_servable", SCHEMA_FILE)


@dg.asset_check(
    asset=dg.AssetKey(["release", "released_language_model"]),
    name="language_release_is_servable",
    description=SERVABLE,
    blocking=True,
)
def language_release_is_servable(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare the release manifest with what lies in the store."""
    from amodels_assets.release.language_release import SCHEMA_FILE

    return _servable(
        artifact_store,
        "release/released_language_model",
        "language_release_is_servable",
        SCHEMA_FILE,
    )


def _servable(
    artifact_store: ArtifactStoreResource, name: str, check: str, schema: Path
) -> dg.AssetCheckResult:
    from amodels_assets.release.manifest import find_problems

    store, release = opened(artifact_store, name)
    problems = find_problems(store, release, schema)
    text = "; ".join(problems) or "the manifest fits its schema and all hashes agree"
    return verdict(store, release, check, passed=not problems, description=text)
