"""Deletes old checkpoint archives, never one that was released."""

from __future__ import annotations

from datetime import datetime, timedelta

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.release.evidence import CHECKPOINT, RELEASE, read_release


def expired_checkpoints(store: ArtifactStore, *, now: datetime, days: int) -> list[Artifact]:
    """Checkpoints to delete: older than ``days``, neither current nor ever released.

    Args:
        store: Where checkpoints and releases are kept.
        now: Point in time with a zone.
        days: Retention; a checkpoint of exactly that age is kept.
    """
    released = {
        read_release(release)["checkpoint"]["data_version"] for release in store.versions(RELEASE)
    }
    current = store.find(CHECKPOINT)
    limit = now - timedelta(days=days)
    return [
        checkpoint
        for checkpoint in store.versions(CHECKPOINT)
        if datetime.fromisoformat(checkpoint.manifest.created_at) < limit
        and checkpoint.data_version not in released
        and (current is None or checkpoint.path != current.path)
    ]


def delete_expired(store: ArtifactStore, *, now: datetime, days: int) -> list[Artifact]:
    """Delete what :func:`expired_checkpoints` names and return it."""
    expired = expired_checkpoints(store, now=now, days=days)
    for checkpoint in expired:
        store.delete_version(checkpoint)
    return expired
