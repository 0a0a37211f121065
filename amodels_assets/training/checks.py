"""Checks on checkpoints."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.quality.factory import recorded
from resources.artifact_store import ArtifactStoreResource

ARTIFACT = "training/relational_transformer"
KEY = dg.AssetKey(["training", "relational_transformer"])


@dg.asset_check(
    asset=KEY,
    name="checkpoint_loads",
    description="The checkpoint has its recorded hashes, every weight is a finite number, and the "
    "loss went down.",
    blocking=True,
)
def checkpoint_loads(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Read the checkpoint as inference would."""
    from amodels_assets.training.inspection import find_problems

    store = ArtifactStore(artifact_store.path())
    try:
        artifact = store.get(ARTIFACT)
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    problems = find_problems(artifact.path)
    record = CheckRecord(
        check="checkpoint_loads",
        data_version=artifact.data_version,
        passed=not problems,
        blocking=True,
        description="; ".join(problems) or "hashes agree, weights are finite, the loss went down",
    )
    return recorded(store, ARTIFACT, record, KEY)
