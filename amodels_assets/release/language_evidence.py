"""Collects what the gate looks at for a language model.

Belongs here: the candidate, the release that it would take over from, comparisons, check records.
Does not belong here: what follows from them (``language_gate.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore
from amodels_assets.evaluation.language.benchmarks import Benchmark
from amodels_assets.evaluation.language.board import (
    Board,
    Compared,
    Name,
    compare_on,
    read_board,
)
from amodels_assets.evaluation.language.checkpoints import artifact_checkpoint, base_checkpoint
from amodels_assets.evaluation.language.comparison import holm
from amodels_assets.evaluation.language.names import (
    CATALOG_QA,
    CHECKPOINTS,
    OWN,
    QUESTIONS,
    RELEASED,
    scores_of,
)
from amodels_assets.models.store import ModelStore
from amodels_assets.privacy.ledger import beyond_budget, entries_of, released_entries
from amodels_assets.release.evidence import read_release
from amodels_assets.release.gate import audit_checks
from amodels_assets.release.language_gate import LanguageEvidence

RELEASE = RELEASED
# Blocking checks of what every candidate stands on; a test compares with the definitions.
REQUIRED_CHECKS: dict[str, tuple[str, ...]] = {
    "training/language_model": ("language_model_loads",),
    QUESTIONS: ("no_overlap_with_evaluation", "splits_are_apart", "answers_are_the_catalogs"),
    scores_of(CATALOG_QA): ("scores_are_complete", "shuffled_answers_score_at_chance"),
}
# Of a candidate that was trained privately, in place of the other's.
REQUIRED_OF_PRIVATE: dict[str, tuple[str, ...]] = {
    "training/private_language_model": ("statement_holds",),
}
# Of every public set that the candidate is compared on.
REQUIRED_OF_PUBLIC = ("scores_are_complete",)


@dataclass(frozen=True)
class LanguageCandidate:
    """What is judged.

    Attributes:
        checkpoint: Its artifact.
        name: How scores name it, and its version.
        manifest: Its ``config.json``.
        questions: That the examination is of.
        board: All scores.
    """

    checkpoint: Artifact
    name: Name
    manifest: dict[str, Any]
    questions: Artifact
    board: Board

    @property
    def label(self) -> str:
        """Name with the beginning of the version."""
        return f"{self.name[0]}@{self.name[1][:12]}"


def language_candidate(
    store: ArtifactStore, known: Mapping[str, Benchmark], asked: str = ""
) -> LanguageCandidate:
    """The newest checkpoint of a language model, with the newest scores.

    Args:
        store: Where they are.
        known: Benchmarks by name.
        asked: Artifact of the checkpoint; empty for the newest of all trainings.

    Raises:
        ArtifactError: There is none.
    """
    names = (asked,) if asked else CHECKPOINTS
    found = [artifact for name in names if (artifact := store.find(name)) is not None]
    if not found:
        raise ArtifactError(f"{names[0]} has not been made yet: materialize it first")
    newest = max(found, key=lambda artifact: artifact.manifest.created_at)
    manifest = json.loads(newest.verified_file("config.json").read_text(encoding="utf-8"))
    checkpoint = artifact_checkpoint(newest)
    name = (checkpoint.name, checkpoint.version)
    return LanguageCandidate(newest, name, manifest, store.get(QUESTIONS), read_board(store, known))


def collect_language(
    store: ArtifactStore,
    candidate: LanguageCandidate,
    released: Artifact | None,
    models: Path,
    budget: float | None = None,
) -> LanguageEvidence:
    """Everything that the gate needs to know about a candidate.

    Args:
        store: Where scores and records are.
        candidate: What is judged.
        released: The release that it would take over from; None for none.
        models: Folder of the base models.
        budget: Largest ε of a source over all releases; None for no limit.

    Raises:
        ModelError: There is no release yet, and the base model is gone.
    """
    board = candidate.board
    if released is None:
        base = base_checkpoint(candidate.manifest["base"]["name"], ModelStore(models))
        reference: Name = (base.name, base.version)
    else:
        scored_as = read_release(released)["scored_as"]
        reference = (scored_as["name"], scored_as["version"])
    known = board.checkpoints()
    scored = candidate.name in known and any(
        (row["checkpoint"], row["checkpoint_version"]) == candidate.name
        for row in board.scores()
        if row["benchmark"] == CATALOG_QA
    )
    found: list[Compared] = []
    if reference in known and candidate.name in known:
        found = compare_on(board, reference, candidate.name)
    catalog = [one.comparison for one in found if one.comparison.benchmark == CATALOG_QA]
    public = _public(found)
    missing, failed = _audited(store, candidate, [one.comparison.benchmark for one in public])
    return LanguageEvidence(
        candidate=candidate.label,
        candidate_version=candidate.name[1],
        scored=scored,
        missing_checks=missing,
        failed_checks=failed,
        reference=f"{reference[0]}@{reference[1][:12]}",
        incumbent=read_release(released)["release"] if released else None,
        catalog=catalog[0] if catalog else None,
        public=public,
        beyond_budget=()
        if budget is None
        else tuple(
            beyond_budget(released_entries(store), entries_of(candidate.checkpoint), budget)
        ),
    )


def _public(found: list[Compared]) -> tuple[Compared, ...]:
    """Comparisons on public sets, adjusted for how many those are."""
    public = [one.comparison for one in found if one.comparison.benchmark not in OWN]
    adjusted = holm({one.benchmark: one.p for one in public})
    return tuple(Compared(one, adjusted[one.benchmark]) for one in public)


def _audited(
    store: ArtifactStore, candidate: LanguageCandidate, public: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Required checks that are missing, and blocking ones that failed, for these very versions."""
    artifacts = {
        candidate.checkpoint.manifest.artifact: candidate.checkpoint,
        QUESTIONS: candidate.questions,
        **{scores_of(name): artifact for name, artifact in candidate.board.artifacts.items()},
    }
    looked_at = {
        candidate.checkpoint.manifest.artifact,
        QUESTIONS,
        scores_of(CATALOG_QA),
        *(scores_of(name) for name in public),
    }
    required = [
        (artifact, check)
        for artifact in looked_at
        for check in {**REQUIRED_CHECKS, **REQUIRED_OF_PRIVATE}.get(artifact, REQUIRED_OF_PUBLIC)
    ]
    records = {
        (name, check): record.passed
        for name in looked_at & set(artifacts)
        for check, record in store.checks(name).items()
        if record.blocking and record.data_version == artifacts[name].data_version
    }
    return audit_checks(required, records)
