"""The release manifest: the one file that the platform shares with serving.

Its JSON Schema lies beside it in the artifact, so that a reader needs nothing from this package.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore, sha256_file
from amodels_assets.release.evidence import MODEL, Candidate
from amodels_assets.release.gate import Decision, Evidence

SCHEMA_FILE = Path(__file__).with_name("release.schema.json")


def release_manifest(
    store: ArtifactStore,
    name: str,
    candidate: Candidate,
    evidence: Evidence,
    decision: Decision,
) -> dict[str, Any]:
    """What is released and the evidence for it, as JSON-serialisable data.

    Raises:
        ValueError: The gate did not accept the candidate.
    """
    if not decision.accepted:
        raise ValueError("a candidate that the gate refused has no release manifest")
    return {
        "schema_version": 1,
        "release": name,
        "kind": MODEL,
        "checkpoint": reference(store, candidate.checkpoint, with_files=True),
        "dataset": reference(store, candidate.dataset, with_files=False),
        "scores": reference(store, candidate.scores, with_files=False),
        "score": asdict(evidence.score),
        "supersedes": evidence.incumbent,
        "rules": [asdict(rule) for rule in decision.rules],
    }


def write_release(manifest: dict[str, Any], folder: Path) -> None:
    """Write ``release.json`` and its schema."""
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    (folder / "release.json").write_text(text)
    shutil.copyfile(SCHEMA_FILE, folder / SCHEMA_FILE.name)


def reference(store: ArtifactStore, artifact: Artifact, *, with_files: bool) -> dict[str, Any]:
    """Where an artifact lies and which version it is, as a release manifest says it."""
    found: dict[str, Any] = {
        "artifact": artifact.manifest.artifact,
        "path": artifact.path.relative_to(store.root).as_posix(),
        "data_version": artifact.data_version,
    }
    if with_files:
        found["files"] = {name: asdict(r) for name, r in artifact.manifest.files.items()}
    return found


def find_problems(
    store: ArtifactStore, release: Artifact, schema_file: Path = SCHEMA_FILE
) -> list[str]:
    """What keeps a release from being served, a sentence each; empty when nothing does."""
    try:
        manifest = json.loads(release.verified_file("release.json").read_text())
    except ArtifactError as error:
        return [str(error)]
    schema = json.loads(schema_file.read_text())
    problems = [e.message for e in Draft202012Validator(schema).iter_errors(manifest)]
    if problems:
        return problems
    folder = store.root / manifest["checkpoint"]["path"]
    for name, record in manifest["checkpoint"]["files"].items():
        path = folder / name
        if not path.is_file():
            problems.append(f"checkpoint file {name} is missing")
        elif sha256_file(path) != record["sha256"]:
            problems.append(f"checkpoint file {name} is not what was released")
    return problems
