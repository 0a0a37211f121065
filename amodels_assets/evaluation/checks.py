"""Checks on scores: complete evidence, no leak, and worth the effort."""

import dagster as dg

from amodels_assets.quality.factory import opened, verdict
from resources.artifact_store import ArtifactStoreResource

ARTIFACT = "evaluation/relational_scores"
KEY = dg.AssetKey(["evaluation", "relational_scores"])


@dg.asset_check(
    asset=KEY,
    name="scores_are_complete",
    description="Every score has n, an interval that holds it, a seed and the versions of "
    "checkpoint and data, and was computed on the predictions beside it.",
    blocking=True,
)
def scores_are_complete(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Look for scores that lack what makes them evidence."""
    from amodels_assets.evaluation.findings import incomplete_scores

    store, artifact = opened(artifact_store, ARTIFACT)
    problems = incomplete_scores(artifact.table("scores"), artifact.table("predictions"))
    description = "; ".join(problems) or "every score is complete"
    return verdict(
        store,
        artifact,
        "scores_are_complete",
        passed=not problems,
        description=description,
    )


@dg.asset_check(
    asset=KEY,
    name="shuffled_labels_score_half",
    description="Against labels in random order the checkpoint scores 0.5: the scoring itself "
    "knows nothing of the answers.",
    blocking=True,
)
def shuffled_labels_score_half(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Score the checkpoint against shuffled labels."""
    from amodels_assets.evaluation.findings import shuffled_label_score

    store, artifact = opened(artifact_store, ARTIFACT)
    found = shuffled_label_score(artifact.table("predictions"))
    passed = found.low <= 0.5 <= found.high
    description = (
        f"AUROC against shuffled labels {found.value:.4f}, "
        f"95 % interval {found.low:.4f} to {found.high:.4f}"
    )
    return verdict(
        store, artifact, "shuffled_labels_score_half", passed=passed, description=description
    )


@dg.asset_check(
    asset=KEY,
    name="above_own_columns_baseline",
    description="The checkpoint scores above LightGBM on the predicted table's own columns.",
)
def above_own_columns_baseline(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare with the baseline that needs no joins."""
    from amodels_assets.evaluation.score_table import OWN_COLUMNS_MODEL

    return _above(artifact_store, "above_own_columns_baseline", OWN_COLUMNS_MODEL)


@dg.asset_check(
    asset=KEY,
    name="above_joined_baseline",
    description="The checkpoint scores above LightGBM on the entity's columns, its parents' and "
    "aggregates of its children.",
)
def above_joined_baseline(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare with the baseline that sees as much of the database."""
    from amodels_assets.evaluation.score_table import JOINED_MODEL

    return _above(artifact_store, "above_joined_baseline", JOINED_MODEL)


def _above(resource: ArtifactStoreResource, check: str, baseline: str) -> dg.AssetCheckResult:
    from amodels_assets.evaluation.findings import value_of
    from amodels_assets.evaluation.score_table import CHECKPOINT_MODEL

    store, artifact = opened(resource, ARTIFACT)
    scores = artifact.table("scores")
    ours, theirs = value_of(scores, CHECKPOINT_MODEL), value_of(scores, baseline)
    title = baseline.replace("_", " ").replace("lightgbm", "LightGBM")
    description = f"AUROC {ours:.4f}, {title} {theirs:.4f}"
    return verdict(
        store, artifact, check, passed=ours > theirs, description=description, blocking=False
    )
