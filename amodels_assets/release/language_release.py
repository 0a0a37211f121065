"""Publishes the gate's decision on a language model, and its release manifest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.evaluation.language.benchmarks import Benchmark
from amodels_assets.evaluation.language.names import CATALOG_QA, QUESTIONS, scores_of
from amodels_assets.release.canary import write_canary
from amodels_assets.release.evidence import incumbent
from amodels_assets.release.gate import Decision
from amodels_assets.release.language_evidence import (
    RELEASE,
    LanguageCandidate,
    collect_language,
    language_candidate,
)
from amodels_assets.release.language_gate import LanguageEvidence, decide_language
from amodels_assets.release.manifest import reference

GATE = "release/language_gate"
KIND = "language_model"
SCHEMA_FILE = Path(__file__).with_name("language_release.schema.json")


@dataclass(frozen=True)
class LanguageGate:
    """A published decision with what it was based on."""

    artifact: Artifact
    candidate: LanguageCandidate
    evidence: LanguageEvidence
    decision: Decision

    @property
    def release_name(self) -> str:
        """Name under which the candidate is, or would be, released."""
        return f"catalog-language-{self.candidate.name[1][:12]}"


def publish_language_gate(
    store: ArtifactStore,
    known: Mapping[str, Benchmark],
    models: Path,
    *,
    code_version: str,
    asked: str = "",
    budget: float | None = None,
) -> LanguageGate:
    """Judge a checkpoint and publish the decision as ``release/language_gate``.

    Args:
        store: Where everything is.
        known: Benchmarks by name.
        models: Folder of the base models.
        code_version: Of the asset.
        asked: Artifact of the checkpoint; empty for the newest.
        budget: Largest ε of a source over all releases; None for no limit.

    Raises:
        ArtifactError, ModelError: Something that the gate needs was never made or is damaged.
    """
    candidate = language_candidate(store, known, asked)
    released = incumbent(store, candidate.checkpoint, RELEASE)
    evidence = collect_language(store, candidate, released, models, budget)
    decision = decide_language(evidence)
    content = {
        "candidate": {"name": candidate.name[0], "version": candidate.name[1]},
        "reference": evidence.reference,
        "incumbent": evidence.incumbent,
        **decision.to_dict(),
    }
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    artifact = store.publish(
        GATE,
        inputs=_inputs(candidate, evidence),
        code_version=code_version,
        # The checks' outcomes are evidence too.
        config={
            "missing": evidence.missing_checks,
            "failed": evidence.failed_checks,
            "beyond_budget": evidence.beyond_budget,
        },
        produce=lambda folder: (folder / "decision.json").write_text(text, encoding="utf-8"),
    )
    return LanguageGate(artifact, candidate, evidence, decision)


def publish_language_release(
    store: ArtifactStore, gate: LanguageGate, models: Path, *, code_version: str
) -> Artifact:
    """Publish the release manifest of an accepted candidate, with answers of its own to compare.

    Args:
        store: Where everything is.
        gate: The decision.
        models: Folder of the base models.
        code_version: Of the asset.

    Raises:
        CanaryError: The candidate cannot be asked.
    """
    manifest = language_manifest(store, gate)

    def produce(folder: Path) -> None:
        text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
        (folder / "release.json").write_text(text, encoding="utf-8")
        shutil.copyfile(SCHEMA_FILE, folder / "release.schema.json")
        write_canary(gate.candidate.checkpoint.path, models, folder)

    return store.publish(
        RELEASE,
        inputs=_inputs(gate.candidate, gate.evidence),
        code_version=code_version,
        libraries=("torch", "transformers"),
        produce=produce,
    )


def language_manifest(store: ArtifactStore, gate: LanguageGate) -> dict[str, Any]:
    """What is released and the evidence for it, as JSON-serialisable data.

    Raises:
        ValueError: The gate did not accept the candidate.
    """
    if not gate.decision.accepted:
        raise ValueError("a candidate that the gate refused has no release manifest")
    candidate, evidence = gate.candidate, gate.evidence
    (row,) = (
        row
        for row in candidate.board.primary()
        if row["benchmark"] == CATALOG_QA
        and (row["checkpoint"], row["checkpoint_version"]) == candidate.name
    )
    kept = ("benchmark", "metric", "value", "stderr", "low", "high", "n", "chance", "majority")
    compared = [*([evidence.catalog] if evidence.catalog else [])]
    compared += [one.comparison for one in evidence.public]
    return {
        "schema_version": 1,
        "release": gate.release_name,
        "kind": KIND,
        "checkpoint": reference(store, candidate.checkpoint, with_files=True),
        "mode": candidate.manifest["mode"],
        "base": {name: candidate.manifest["base"][name] for name in ("name", "version")},
        "scored_as": {"name": candidate.name[0], "version": candidate.name[1]},
        "privacy": candidate.manifest.get("privacy"),
        "dataset": reference(store, candidate.questions, with_files=False),
        "scores": reference(store, candidate.board.artifacts[CATALOG_QA], with_files=False),
        "score": {name: row[name] for name in (*kept, "template_sha256", "seed", "resamples")},
        "compared_with": evidence.reference,
        "comparisons": [asdict(one) for one in compared],
        "supersedes": evidence.incumbent,
        "rules": [asdict(rule) for rule in gate.decision.rules],
    }


def _inputs(candidate: LanguageCandidate, evidence: LanguageEvidence) -> dict[str, str]:
    looked_at = {CATALOG_QA, *(one.comparison.benchmark for one in evidence.public)}
    return {
        candidate.checkpoint.manifest.artifact: candidate.checkpoint.data_version,
        QUESTIONS: candidate.questions.data_version,
        **{
            scores_of(name): artifact.data_version
            for name, artifact in candidate.board.artifacts.items()
            if name in looked_at
        },
        "reference": evidence.reference,
        RELEASE: evidence.incumbent or "",
    }
