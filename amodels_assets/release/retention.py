"""Deletes old checkpoint archives, of all trainings, never one that was released.

A released checkpoint stays for good: it is served, rolled back to, or the one that a candidate has
to beat. So does one that the privacy ledger names as released where its release manifest is gone.
The ledger itself needs no files: a release's entry stays when its checkpoint goes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.evaluation.language.names import CHECKPOINTS as LANGUAGE_CHECKPOINTS
from amodels_assets.privacy.ledger import released_entries
from amodels_assets.privacy.names import RELEASES
from amodels_assets.release.evidence import CHECKPOINT, read_release

CHECKPOINTS = (CHECKPOINT, *LANGUAGE_CHECKPOINTS)


def expired_checkpoints(store: ArtifactStore, *, now: datetime, days: int) -> list[Artifact]:
    """Checkpoints to delete: older than ``days``, neither current nor ever released.

    Args:
        store: Where checkpoints and releases are kept.
        now: Point in time with a zone.
        days: Retention; a checkpoint of exactly that age is kept.

    Raises:
        ArtifactError: A release or the ledger is damaged: nobody knows what was released.
        PrivacyError: A statement of a release cannot be read, for which the same is true.
    """
    released = released_checkpoints(store)
    limit = now - timedelta(days=days)
    return [
        checkpoint
        for name in CHECKPOINTS
        for checkpoint in _superseded(store, name)
        if datetime.fromisoformat(checkpoint.manifest.created_at) < limit
        and checkpoint.data_version not in released
    ]


def released_checkpoints(store: ArtifactStore) -> set[str]:
    """Data versions of every checkpoint that was ever released."""
    named = {
        read_release(release)["checkpoint"]["data_version"]
        for name in RELEASES
        for release in store.versions(name)
    }
    return named | {entry.version for entry in released_entries(store)}


def delete_expired(store: ArtifactStore, *, now: datetime, days: int) -> list[Artifact]:
    """Delete what :func:`expired_checkpoints` names and return it."""
    expired = expired_checkpoints(store, now=now, days=days)
    for checkpoint in expired:
        store.delete_version(checkpoint)
    return expired


def _superseded(store: ArtifactStore, name: str) -> list[Artifact]:
    """All versions of a checkpoint but the current one, which the gate judges next."""
    current = store.find(name)
    return [
        checkpoint
        for checkpoint in store.versions(name)
        if current is None or checkpoint.path != current.path
    ]
