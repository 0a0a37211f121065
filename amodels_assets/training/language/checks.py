"""Checks on language models."""

import dagster as dg

from amodels_assets.quality.factory import opened, verdict
from amodels_assets.training.language.names import LANGUAGE_MODEL
from resources.artifact_store import ArtifactStoreResource


@dg.asset_check(
    asset=dg.AssetKey(LANGUAGE_MODEL.split("/")),
    name="language_model_loads",
    description="The checkpoint has its recorded hashes, every weight is a finite number, and the "
    "loss went down.",
    blocking=True,
)
def language_model_loads(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Read the checkpoint as inference would."""
    from amodels_assets.training.language.inspection import find_problems

    store, artifact = opened(artifact_store, LANGUAGE_MODEL)
    problems = find_problems(artifact.path)
    text = "; ".join(problems) or "hashes agree, weights are finite, the loss went down"
    return verdict(store, artifact, "language_model_loads", passed=not problems, description=text)
