"""Jobs that make no asset."""

import dagster as dg

from resources.artifact_store import ArtifactStoreResource


class RetentionConfig(dg.Config):
    """How long old checkpoint archives are kept.

    Attributes:
        days: Archives older than that go, unless they were released or are current.
    """

    days: int


@dg.op(description="Deletes checkpoint archives beyond their retention, never a released one.")
def delete_expired_archives(
    context: dg.OpExecutionContext, config: RetentionConfig, artifact_store: ArtifactStoreResource
) -> None:
    """Delete and say what was deleted."""
    from datetime import UTC, datetime

    from amodels_assets.artifacts import ArtifactStore
    from amodels_assets.release.retention import delete_expired

    store = ArtifactStore(artifact_store.path())
    deleted = delete_expired(store, now=datetime.now(UTC), days=config.days)
    for checkpoint in deleted:
        made = checkpoint.manifest
        context.log.info(
            "deleted %s of %s", f"{made.artifact} {checkpoint.path.name}", made.created_at
        )
    context.add_output_metadata(
        {"deleted": len(deleted), "versions": [checkpoint.path.name for checkpoint in deleted]}
    )


@dg.job(name="delete_expired_checkpoints")
def delete_expired_checkpoints() -> None:
    """Delete checkpoint archives beyond their retention."""
    delete_expired_archives()
