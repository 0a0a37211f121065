"""Collects what the gate looks at from the artifact store.

Belongs here: reading scores, check records and the incumbent release. Does not belong here: what
follows from them (``gate.py``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore
from amodels_assets.evaluation.metrics import paired_bootstrap
from amodels_assets.evaluation.scoring import score_checkpoint
from amodels_assets.release.gate import Evidence, Score, audit_checks

CHECKPOINT = "training/relational_transformer"
DATASET = "datasets/facility_downgrade"
SCORES = "evaluation/relational_scores"
RELEASE = "release/released_model"
MODEL = "relational_transformer"
BOOTSTRAP_SEED = 0

# A candidate without a record of one of these is refused; a test compares the list with the
# blocking checks that the definitions declare for these three assets.
REQUIRED_CHECKS: tuple[tuple[str, str], ...] = (
    *(
        (DATASET, f"tasks/facility_downgrade/{split}.{split}_{expectation}")
        for split in ("train", "validation", "test")
        for expectation in (
            "predictions_unique",
            "facility_given",
            "label_known",
            "share_of_positives",
        )
    ),
    (DATASET, "no_temporal_leak"),
    (CHECKPOINT, "checkpoint_loads"),
    (SCORES, "scores_are_complete"),
    (SCORES, "shuffled_labels_score_half"),
)


@dataclass(frozen=True)
class Candidate:
    """The artifacts that are judged together."""

    checkpoint: Artifact
    dataset: Artifact
    scores: Artifact


def candidate(store: ArtifactStore) -> Candidate:
    """The newest checkpoint with the data set it was trained on and the newest scores.

    Raises:
        ArtifactError: One of them was never made, or the data set is newer than the checkpoint.
    """
    found = Candidate(store.get(CHECKPOINT), store.get(DATASET), store.get(SCORES))
    trained_on = found.checkpoint.manifest.inputs.get(DATASET)
    if trained_on != found.dataset.data_version:
        raise ArtifactError(
            f"{CHECKPOINT} was trained on another version of {DATASET}: materialize it again"
        )
    return found


def incumbent(store: ArtifactStore, challenger: Artifact, name: str = RELEASE) -> Artifact | None:
    """The release that a candidate has to beat.

    The newest release of another checkpoint: a candidate that is released already is judged
    against the release it took over from, so that judging it again gives the same answer.

    Args:
        store: Where the releases are.
        challenger: The candidate's checkpoint.
        name: Of the artifact of the releases.
    """
    release = store.find(name)
    by_name = {read_release(a)["release"]: a for a in store.versions(name)}
    while release is not None:
        content = read_release(release)
        if content["checkpoint"]["data_version"] != challenger.data_version:
            return release
        release = by_name.get(content["supersedes"] or "")
    return None


def read_release(artifact: Artifact) -> dict[str, Any]:
    """The release manifest in an artifact, verified against its hash."""
    return json.loads(artifact.verified_file("release.json").read_text())


def collect(store: ArtifactStore, challenger: Candidate, released: Artifact | None) -> Evidence:
    """Everything the gate needs to know about a candidate."""
    missing, failed = audit_checks(REQUIRED_CHECKS, _records(store, challenger))
    row = _score_row(challenger.scores)
    return Evidence(
        checkpoint_version=challenger.checkpoint.data_version,
        scored_checkpoint_version=str(row["checkpoint_version"]),
        score=read_score(challenger.scores),
        missing_checks=missing,
        failed_checks=failed,
        incumbent=read_release(released)["release"] if released else None,
        gain=_gain(store, challenger, released) if released else None,
    )


def read_score(scores: Artifact) -> Score:
    """The candidate's AUROC out of the score table."""
    row = _score_row(scores)
    return Score(**{name: row[name] for name in Score.__dataclass_fields__})


def _score_row(scores: Artifact) -> dict[str, Any]:
    rows = scores.table("scores").to_pylist()
    for row in rows:
        if row["model"] == MODEL and row["metric"] == "auroc":
            return row
    raise ArtifactError(f"{SCORES} has no auroc of {MODEL}: materialize it again")


def _records(store: ArtifactStore, challenger: Candidate) -> dict[tuple[str, str], bool]:
    """Outcomes of blocking checks that were recorded for the candidate's very versions."""
    found = {}
    for artifact in (challenger.dataset, challenger.checkpoint, challenger.scores):
        name = artifact.manifest.artifact
        versions = {artifact.data_version}
        versions |= {record.sha256 for record in artifact.manifest.files.values()}
        for check, record in store.checks(name).items():
            if record.blocking and record.data_version in versions:
                found[(name, check)] = record.passed
    return found


def _gain(
    store: ArtifactStore, challenger: Candidate, released: Artifact
) -> tuple[float, float, float]:
    """Candidate minus incumbent in AUROC, both scored on the candidate's test rows."""
    content = read_release(released)
    checkpoint = store.root / content["checkpoint"]["path"]
    theirs = score_checkpoint(checkpoint, challenger.dataset.path, "test")
    ours = challenger.scores.table("predictions")
    keys = ["facility_id", "cutoff_date"]
    joined = ours.select([*keys, "label", MODEL]).join(
        theirs.select([*keys, "score"]), keys=keys, join_type="inner"
    )
    if joined.num_rows != ours.num_rows:
        raise ArtifactError(
            f"{content['release']} could be scored on {joined.num_rows} of "
            f"{ours.num_rows} test rows"
        )
    joined = joined.sort_by([(key, "ascending") for key in keys])
    return paired_bootstrap(
        np.asarray(joined["label"]),
        np.asarray(joined[MODEL]),
        np.asarray(joined["score"]),
        seed=BOOTSTRAP_SEED,
    )
