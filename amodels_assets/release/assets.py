"""The release room's assets: the gates' decisions, and the released models."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore
from amodels_assets.evaluation.language.assets import known_benchmarks
from amodels_assets.evaluation.language.names import LEADERBOARD, scores_of
from amodels_assets.privacy.names import LEDGER
from amodels_assets.settings import from_environment
from amodels_assets.training.language.names import EXTRA, LANGUAGE_MODEL, QUESTIONS
from resources.artifact_store import ArtifactStoreResource
from resources.training import TrainingResource

if TYPE_CHECKING:
    from amodels_assets.release.gate import Decision

GATE_CODE_VERSION = "1"
RELEASE_CODE_VERSION = "1"
LANGUAGE_CODE_VERSION = "1"
LANGUAGE_RELEASE_CODE_VERSION = "2"


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
    yield _decided(gate.artifact, gate.decision)
    if not gate.decision.accepted:
        context.log.warning(
            "Not released, the standing release stays:\n%s", gate.decision.reasons()
        )
        return
    released = publish_release(store, gate, code_version=RELEASE_CODE_VERSION)
    figures = {"auroc": gate.evidence.score.value}
    yield _released(released, gate.release_name, figures)


class LanguageReleaseConfig(dg.Config):
    """What may be set for a run.

    Attributes:
        checkpoint: Artifact of the checkpoint that is judged; empty for the newest.
    """

    checkpoint: str = ""


@dg.multi_asset(
    name="language_release",
    specs=[
        dg.AssetSpec(
            ["release", "language_gate"],
            description="The gate's decision on the newest language model: whether it is better at "
            "questions about the catalog and no worse elsewhere, item by item, and the figures.",
            deps=[
                dg.AssetKey(name.split("/"))
                for name in (
                    *(QUESTIONS, LANGUAGE_MODEL, scores_of("catalog_qa"), LEADERBOARD),
                    LEDGER,
                )
            ],
            group_name="release",
            kinds={"python", "json"},
            owners=["team:machine-learning"],
            tags=EXTRA,
            code_version=LANGUAGE_CODE_VERSION,
        ),
        dg.AssetSpec(
            ["release", "released_language_model"],
            description="The release manifest of the language model that is served, with the "
            "evidence for it, and answers by which a server shows that it has that very model. "
            "Written only when the gate accepts.",
            deps=[dg.AssetKey(["release", "language_gate"])],
            skippable=True,
            group_name="release",
            kinds={"python", "json"},
            owners=["team:machine-learning"],
            tags=EXTRA,
            code_version=LANGUAGE_RELEASE_CODE_VERSION,
        ),
    ],
)
def language_release(
    context: dg.AssetExecutionContext,
    config: LanguageReleaseConfig,
    artifact_store: ArtifactStoreResource,
    training: TrainingResource,
) -> Iterator[dg.MaterializeResult]:
    """Judge the newest language model and release it when it is really better."""
    from pathlib import Path

    from amodels_assets.models.foreign import ModelError
    from amodels_assets.release.canary import CanaryError
    from amodels_assets.release.language_release import (
        publish_language_gate,
        publish_language_release,
    )

    store, settings = ArtifactStore(artifact_store.path()), from_environment()
    try:
        gate = publish_language_gate(
            store,
            known_benchmarks(settings.eval_directory),
            Path(training.models),
            code_version=LANGUAGE_CODE_VERSION,
            asked=config.checkpoint,
            budget=settings.privacy_budget,
        )
    except (ArtifactError, ModelError, ValueError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    yield _decided(gate.artifact, gate.decision)
    if not gate.decision.accepted:
        context.log.warning(
            "Not released, the standing release stays:\n%s", gate.decision.reasons()
        )
        return
    try:
        released = publish_language_release(
            store, gate, Path(training.models), code_version=LANGUAGE_RELEASE_CODE_VERSION
        )
    except (ArtifactError, CanaryError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    yield _released(released, gate.release_name)


def _decided(artifact: Artifact, decision: "Decision") -> dg.MaterializeResult:
    return dg.MaterializeResult(
        asset_key=artifact.manifest.artifact.split("/"),
        data_version=dg.DataVersion(artifact.data_version),
        metadata={
            "accepted": decision.accepted,
            "rules": dg.MetadataValue.md(decision.reasons()),
            "unchanged": artifact.unchanged,
            "path": dg.MetadataValue.path(str(artifact.path)),
        },
    )


def _released(
    artifact: Artifact, name: str, figures: Mapping[str, float] | None = None
) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        asset_key=artifact.manifest.artifact.split("/"),
        data_version=dg.DataVersion(artifact.data_version),
        metadata={
            "release": name,
            **(figures or {}),
            "unchanged": artifact.unchanged,
            "path": dg.MetadataValue.path(str(artifact.path / "release.json")),
        },
    )
