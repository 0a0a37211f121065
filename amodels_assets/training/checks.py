"""Checks on checkpoints."""

import dagster as dg

from amodels_assets.quality.factory import opened, verdict
from resources.artifact_store import ArtifactStoreResource

ARTIFACT = "training/relational_transformer"


@dg.asset_check(
    asset=dg.AssetKey(ARTIFACT.split("/")),
    name="checkpoint_loads",
    description="The checkpoint has its recorded hashes, every weight is a finite number, and the "
    "loss went down.",
    blocking=True,
)
def checkpoint_loads(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Read the checkpoint as inference would."""
    from amodels_assets.training.inspection import find_problems

    store, artifact = opened(artifact_store, ARTIFACT)
    problems = find_problems(artifact.path)
    text = "; ".join(problems) or "hashes agree, weights are finite, the loss went down"
    return verdict(store, artifact, "checkpoint_loads", passed=not problems, description=text)
