"""The release room's assets: the gate's decision, and the released model."""

from collections.abc import Iterator

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from resources.artifact_store import ArtifactStoreResource

GATE_CODE_VERSION = "1"
RELEASE_CODE_VERSION = "1"


@dg.multi_asset(
    name="release",
    specs=[
        dg.AssetSpec(
            ["release", "gate"],
            description="The gate's decision on the newest checkpoint: what it had to show, "
            "whether it did, and the figures.",
            deps=[
                dg.AssetKey(["datasets", "facility_downgrade"]),
                dg.AssetKey(["training", "relational_transformer"]),
                dg.AssetKey(["evaluation", "relational_scores"]),
            ],
            group_name="release",
            kinds={"python", "json"},
            owners=["team:machine-learning"],
            code_version=GATE_CODE_VERSION,
        ),
        dg.AssetSpec(
            ["release", "released_model"],
            description="The release manifest: which checkpoint is served and the evidence for "
            "it. Written only when the gate accepts; otherwise the standing release stays.",
            deps=[dg.AssetKey(["release", "gate"])],
            skippable=True,
            group_name="release",
            kinds={"python", "json"},
            owners=["team:machine-learning"],
            code_version=RELEASE_CODE_VERSION,
        ),
    ],
)
def release(
    context: dg.AssetExecutionContext, artifact_store: ArtifactStoreResource
) -> Iterator[dg.MaterializeResult]:
    """Judge the newest checkpoint and release it when it is good enough."""
    from amodels_assets.evaluation.scoring import ScoringError
    from amodels_assets.release.publish import publish_gate, publish_release

    store = ArtifactStore(artifact_store.path())
    try:
        gate = publish_gate(store, code_version=GATE_CODE_VERSION)
    except (ArtifactError, ScoringError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    yield dg.MaterializeResult(
        asset_key=["release", "gate"],
        data_version=dg.DataVersion(gate.artifact.data_version),
        metadata={
            "accepted": gate.decision.accepted,
            "rules": dg.MetadataValue.md(gate.decision.reasons()),
            "unchanged": gate.artifact.unchanged,
            "path": dg.MetadataValue.path(str(gate.artifact.path)),
        },
    )
    if not gate.decision.accepted:
        context.log.warning(
            "Not released, the standing release stays:\n%s", gate.decision.reasons()
        )
        return
    released = publish_release(store, gate, code_version=RELEASE_CODE_VERSION)
    yield dg.MaterializeResult(
        asset_key=["release", "released_model"],
        data_version=dg.DataVersion(released.data_version),
        metadata={
            "release": gate.release_name,
            "auroc": gate.evidence.score.value,
            "unchanged": released.unchanged,
            "path": dg.MetadataValue.path(str(released.path / "release.json")),
        },
    )
