"""A released checkpoint in a store of its own, tiny, by the platform's own code."""

from __future__ import annotations

import shutil
from pathlib import Path

from amodels_assets.artifacts import Artifact, ArtifactStore, CheckRecord
from amodels_assets.release.evidence import (
    CHECKPOINT,
    DATASET,
    RELEASE,
    REQUIRED_CHECKS,
    SCORES,
    Candidate,
)
from amodels_assets.release.gate import Evidence, Score, decide
from amodels_assets.release.manifest import release_manifest, write_release

SCORE = Score("auroc", 0.8, 0.75, 0.85, 500, 80, 0, 1000)


def publish_dataset(store: ArtifactStore, folder: Path, *, checked: bool = True) -> Artifact:
    """Publish a data set, as if its checks had passed."""
    made = store.publish(
        DATASET, inputs={}, code_version="1", config={"folder": str(folder)},
        produce=lambda out: shutil.copytree(folder, out, dirs_exist_ok=True),
    )  # fmt: skip
    if checked:
        check_dataset(store, made)
    return made


def check_dataset(store: ArtifactStore, made: Artifact, *, passed: bool = True) -> None:
    for artifact, check in REQUIRED_CHECKS:
        if artifact == DATASET:
            store.record_check(
                DATASET, CheckRecord(check, made.data_version, passed, blocking=True)
            )


def publish_release(store: ArtifactStore, checkpoint: Path, name: str) -> Artifact:
    """Release a checkpoint's folder under a name."""
    dataset = store.get(DATASET)
    trained = store.publish(
        CHECKPOINT, inputs={DATASET: dataset.data_version}, code_version="1",
        config={"name": name},
        produce=lambda out: shutil.copytree(checkpoint, out, dirs_exist_ok=True),
    )  # fmt: skip
    scores = store.publish(
        SCORES, inputs={CHECKPOINT: trained.data_version}, code_version="1",
        produce=lambda out: (out / "scores.txt").write_text(name),
    )  # fmt: skip
    version = trained.data_version
    evidence = Evidence(version, version, SCORE, (), (), None, None)
    manifest = release_manifest(
        store, name, Candidate(trained, dataset, scores), evidence, decide(evidence)
    )
    return store.publish(
        RELEASE, inputs={CHECKPOINT: version}, code_version="1",
        produce=lambda out: write_release(manifest, out),
    )  # fmt: skip
