"""Publishes the gate's decision and the release manifest to the artifact store."""

from __future__ import annotations

import json
from dataclasses import dataclass

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.release.evidence import (
    CHECKPOINT,
    DATASET,
    RELEASE,
    SCORES,
    Candidate,
    candidate,
    collect,
    incumbent,
)
from amodels_assets.release.gate import Decision, Evidence, decide
from amodels_assets.release.manifest import release_manifest, write_release

GATE = "release/gate"


@dataclass(frozen=True)
class GateResult:
    """A published decision with what it was based on."""

    artifact: Artifact
    candidate: Candidate
    evidence: Evidence
    decision: Decision

    @property
    def release_name(self) -> str:
        """Name under which the candidate is, or would be, released."""
        return f"facility-downgrade-{self.candidate.checkpoint.data_version[:12]}"


def publish_gate(store: ArtifactStore, *, code_version: str) -> GateResult:
    """Judge the newest checkpoint and publish the decision as ``release/gate``.

    Raises:
        ArtifactError: Something that the gate needs was never made or is damaged.
    """
    challenger = candidate(store)
    released = incumbent(store, challenger.checkpoint)
    evidence = collect(store, challenger, released)
    decision = decide(evidence)
    inputs = _inputs(challenger, evidence)
    content = {
        "candidate": evidence.checkpoint_version,
        "incumbent": evidence.incumbent,
        **decision.to_dict(),
    }
    text = json.dumps(content, indent=2, sort_keys=True)
    artifact = store.publish(
        GATE,
        inputs=inputs,
        code_version=code_version,
        # The checks' outcomes are evidence too: a check that failed and then passed on the very
        # same data leads to another decision.
        config={"missing": evidence.missing_checks, "failed": evidence.failed_checks},
        produce=lambda folder: (folder / "decision.json").write_text(text + "\n"),
    )
    return GateResult(artifact, challenger, evidence, decision)


def publish_release(store: ArtifactStore, gate: GateResult, *, code_version: str) -> Artifact:
    """Publish the release manifest of an accepted candidate as ``release/released_model``."""
    manifest = release_manifest(
        store, gate.release_name, gate.candidate, gate.evidence, gate.decision
    )
    return store.publish(
        RELEASE,
        inputs=_inputs(gate.candidate, gate.evidence),
        code_version=code_version,
        produce=lambda folder: write_release(manifest, folder),
    )


def _inputs(challenger: Candidate, evidence: Evidence) -> dict[str, str]:
    return {
        CHECKPOINT: challenger.checkpoint.data_version,
        DATASET: challenger.dataset.data_version,
        SCORES: challenger.scores.data_version,
        RELEASE: evidence.incumbent or "",
    }
